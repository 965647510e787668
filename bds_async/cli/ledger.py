"""`bds-async ledger`: show, export and correct what counts as delivered to a folder."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from tempfile import TemporaryFile
from typing import Any, TypeVar

import click

from ..config import Config
from ..errors import ConfigError
from ..ledger import Delivery, Ledger, Selection
from ..models import DataSet
from ..options import Verify
from ..report import json_line
from ..runs.corrections import accept, chosen_folders, mark, unmark, unpin
from ..runs.verification import demand_ledger
from ..support.log import event
from ..support.text import counted, printable, size_text
from ..workspace import Workspace
from .help import GroupedCommand
from .options.selection import data_set_option, glob, verify_option, watching_options, workspace_options
from .options.settings import common_options, settings
from .options.values import moment
from .output.documents import DeliveredDataSet, DeliveredExtract
from .output.listings import log_failed_lists
from .output.report_files import ReportFiles
from .output.table import Cell, print_rows
from .output.watching import observing
from .process.running import run as run_job

logger = logging.getLogger(__name__)
Function = TypeVar("Function", bound=Callable[..., Any])
#: Fields of `ledger show --json` that the table leaves out.
_NOT_SHOWN = ("schema_id", "folder")

patterns_option = data_set_option("patterns")
each_as_json_option = click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each extract.")


def selection_options(function: Function) -> Function:
    """Add the options that select extracts; the command gets a Selection."""

    @click.option("--since", type=moment, metavar="DATE", help="Only extracts queued at or after this moment.")
    @click.option("--until", type=moment, metavar="DATE", help="Only extracts queued at or before this moment.")
    @click.option(
        "--path",
        type=glob,
        metavar="GLOB",
        help="Only extracts with such a path below the folder (* ? [...]).",
    )
    @functools.wraps(function)
    def with_selection(since: datetime | None, until: datetime | None, path: str | None, **arguments: Any) -> Any:
        """Pass the command a Selection instead of its options."""
        return function(selection=Selection(since, until, path), **arguments)

    return with_selection  # type: ignore[return-value]


@click.group("ledger")
@common_options
def command() -> None:
    """Show, export and correct what counts as delivered to a folder."""


@command.command("show", cls=GroupedCommand, short_help="Show what was delivered.")
@workspace_options
@patterns_option
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each data set.")
@common_options
def show(workspace: Workspace, patterns: tuple[str, ...], *, as_json: bool) -> None:
    """Show what was delivered of each data set, and how complete it is."""
    demand_ledger(workspace)
    with Ledger.read(workspace.ledger, place=workspace.to) as ledger:
        every = [_document(ledger, folder, known) for folder, known in chosen_folders(ledger, patterns).items()]
    # A data set that was only listed has a folder's name, and nothing to show.
    found = [each for each in every if patterns or each.delivered or each.owed or each.open_gaps]
    if as_json:
        for each in found:
            click.echo(json_line(each))
        return
    if not found:
        click.echo("Nothing was delivered yet.")
        return
    headings = ("data set", "delivered", "size", "newest", "complete through", "owed", "open gaps")
    print_rows(
        headings,
        ([_cell(name, value) for name, value in asdict(each).items() if name not in _NOT_SHOWN] for each in found),
    )


def _document(ledger: Ledger, folder: str, data_set: DataSet) -> DeliveredDataSet:
    stock = ledger.deliveries.stock(folder)
    return DeliveredDataSet(
        data_set=data_set.name,
        schema_id=data_set.schema_id,
        folder=folder,
        delivered=stock.extracts,
        bytes=stock.bytes,
        newest=stock.newest,
        complete_through=ledger.complete_through(folder),
        owed=len(ledger.syncs.owed(folder)),
        open_gaps=sum(gap.closed_by is None for gap in ledger.gaps.known([folder])),
    )


def _cell(name: str, value: object) -> Cell:
    if name == "bytes" and isinstance(value, int):
        return size_text(value)
    if isinstance(value, datetime):
        return value
    return "" if value is None else printable(str(value))


@command.command("export", cls=GroupedCommand, short_help="Print what was delivered, as JSON.")
@workspace_options
@patterns_option
@common_options
def export(workspace: Workspace, patterns: tuple[str, ...]) -> None:
    """Print a line of JSON for each delivered extract."""
    demand_ledger(workspace)
    with Ledger.read(workspace.ledger, place=workspace.to) as ledger:
        for folder in chosen_folders(ledger, patterns):
            _print_each(ledger.deliveries.all(folder))


def _print_each(deliveries: Iterable[Delivery]) -> None:
    for delivery in deliveries:
        click.echo(json_line(DeliveredExtract.about(delivery)))


@command.command("mark", cls=GroupedCommand, short_help="Mark listed extracts as delivered.")
@workspace_options
@patterns_option
@selection_options
@each_as_json_option
@common_options
def mark_command(workspace: Workspace, patterns: tuple[str, ...], selection: Selection, *, as_json: bool) -> int:
    """Mark extracts that the tenant lists as delivered, so that sync does not deliver them."""
    _demand_choice(patterns, selection)
    config = Config.load(settings().config)
    marked = run_job(lambda stop: mark(config, workspace, patterns, selection, stop))
    _print_each(marked.deliveries if as_json else ())
    count = len(marked.deliveries)
    logger.info("%s marked as delivered.", counted(count, "extract"), extra=event("ledger.marked", count=count))
    return log_failed_lists(marked.failed_lists)


@command.command("unmark", cls=GroupedCommand, short_help="Mark extracts as not delivered.")
@workspace_options
@patterns_option
@selection_options
@each_as_json_option
@common_options
def unmark_command(workspace: Workspace, patterns: tuple[str, ...], selection: Selection, *, as_json: bool) -> None:
    """Mark delivered extracts as not delivered.

    The next sync delivers again those that are still listed, and reports a gap for the others. With --data-set alone
    the data sets start again with the newest full.
    """
    _demand_choice(patterns, selection)
    # Printed after the change: a reader of stdout may be slow, or go away.
    with TemporaryFile("w+", encoding="utf-8") as lines:

        def keep(delivery: Delivery) -> None:
            """Keep the JSON line of a delivery that was unmarked."""
            print(json_line(DeliveredExtract.about(delivery)), file=lines)

        count = unmark(workspace, patterns, selection, keep if as_json else None)
        lines.seek(0)
        for line in lines:
            click.echo(line, nl=False)
    logger.info("%s marked as not delivered.", counted(count, "extract"), extra=event("ledger.unmarked", count=count))


def _demand_choice(patterns: tuple[str, ...], selection: Selection) -> None:
    if not patterns and selection.is_everything:
        raise ConfigError("Say which extracts: --data-set, --since, --until or --path (--data-set '*' for all).")


@command.command("accept", cls=GroupedCommand, short_help="Accept open gaps and absent data sets.")
@workspace_options
@click.option("--data-set", "patterns", multiple=True, required=True, metavar="PATTERN", help="As for pull.")
@common_options
def accept_command(workspace: Workspace, patterns: tuple[str, ...]) -> None:
    """Accept open gaps as lost, and data sets as no longer listed: neither is exit code 3 from then on."""
    accepted = accept(workspace, patterns)
    if accepted.absences:
        count = counted(accepted.absences, "data set")
        logger.info("%s accepted as no longer listed.", count, extra=event("ledger.accepted_absence"))
    logger.info("%s accepted.", counted(accepted.gaps, "gap"), extra=event("ledger.accepted", count=accepted.gaps))


@command.command("unpin", cls=GroupedCommand, short_help="Forget pinned columns.")
@workspace_options
@click.option("--data-set", "patterns", multiple=True, required=True, metavar="PATTERN", help="As for pull.")
@common_options
def unpin_command(workspace: Workspace, patterns: tuple[str, ...]) -> None:
    """Forget the pinned columns of data sets; --pin-columns then pins those of the next extract."""
    for name in unpin(workspace, patterns):
        logger.info(
            "%s: the columns of its next extract will be pinned.",
            printable(name),
            extra=event("ledger.unpinned", data_set=name),
        )


@command.command("rebuild", cls=GroupedCommand, short_help="Rebuild the ledger from the files.")
@workspace_options
@patterns_option
@verify_option
@watching_options
@common_options
def rebuild_command(
    workspace: Workspace, patterns: tuple[str, ...], verify: Verify, *, files: ReportFiles, no_progress: bool
) -> int:
    """Rebuild the ledger from the files in the folder and from what the tenant lists.

    The records of the chosen data sets (all without --data-set) are replaced. The next sync delivers again what has no
    file, starting with the newest full.
    """
    from ..runs.rebuild import rebuild

    if files.options:
        raise ConfigError("rebuild writes no run report; `bds-async ledger show` shows its result.")
    config = Config.load(settings().config)
    with observing(workspace, no_progress=no_progress) as observer:
        found = run_job(lambda stop: rebuild(config, workspace, patterns, verify, observer=observer, stop=stop))
    for rejected in found.rejected:
        text = printable(f"{rejected.path} is left out: {rejected.why}")
        logger.warning("%s", text, extra=event("ledger.left_out", path=rejected.path, why=rejected.why))
    text = f"{counted(found.recorded, 'file')} in the ledger as delivered."
    logger.info("%s", text, extra=event("ledger.rebuilt", count=found.recorded))
    return log_failed_lists(found.failed_lists)
