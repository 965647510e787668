"""What commands print to stdout: plans and listings, as tables or as lines of JSON."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import click

from ..brightspace import Listing
from ..events import Planned
from ..models import BdsType, DataSet, Extract, brief_text, newest
from ..planning import RunPlan, Step
from ..report import FailedList, Gap, json_line
from ..runs.exit_code import listing_code
from ..support.log import event
from ..support.text import counted, printable
from ..watching import gap_open, list_failed, plan_text, size_text
from .documents import ListedDataSet, PlannedExtract, action_of
from .text_table import TextTable

logger = logging.getLogger(__name__)

#: Headings of columns that hold numbers.
_NUMBERS = frozenset({"size", "differentials", "delivered", "owed", "open gaps"}) | {
    "applied",
    "inserted",
    "updated",
    "deleted",
    "rejected",
}


def print_plan(plan: RunPlan, as_json: bool) -> None:
    """Print each extract of a plan with its size and the action, and the sum."""
    if plan.warning:
        logger.warning("%s", plan.warning, extra=event("plan.warning"))
    if as_json:
        for step in plan.steps:
            click.echo(json_line(PlannedExtract.about(step)))
        return
    if plan.steps:
        _print_steps(plan.steps)
    fetch = tuple(step.extract for step in plan.steps if step.delivered is None)
    there = len(plan.steps) - len(fetch)
    if not fetch:
        click.echo(plan_text(Planned(fetch, there, plan.nothing)))
    else:
        click.echo(f"{len(fetch)} to fetch, {_total(fetch)}; {there} already there.")


def _print_steps(steps: Sequence[Step]) -> None:
    table = new_table("data set", "type", "queued", "version", "size", "action")
    for step in steps:
        table.add_row(*_cells(step.extract), _action_cell(step))
    table.print()


def print_listing(listing: Listing, as_json: bool) -> None:
    """Print what a tenant lists, one line for each data set."""
    if as_json:
        for data_set, extracts in listing.extracts.items():
            click.echo(json_line(ListedDataSet.about(data_set, tuple(extracts))))
        return
    table = new_table("data set", "newest full", "version", "size", "differentials", "newest differential")
    for data_set, extracts in listing.extracts.items():
        table.add_row(*_data_set_cells(data_set, extracts))
    table.print()
    click.echo(f"{counted(len(listing.extracts), 'data set')}.")


def log_failed_lists(failed: Sequence[FailedList]) -> int:
    """Log each extract list that could not be fetched, and return the exit code."""
    for each in failed:
        list_failed(each).log(logger)
    return listing_code(failed)


def log_gaps(gaps: Sequence[Gap]) -> None:
    """Log each open gap that a sync would report."""
    for gap in gaps:
        gap_open(gap).log(logger)


def _action_cell(step: Step) -> str:
    return f"{action_of(step)} ({step.arrival})" if step.arrival is not None else action_of(step)


def _data_set_cells(data_set: DataSet, extracts: Sequence[Extract]) -> tuple[str, ...]:
    full = newest(extract for extract in extracts if extract.bds_type is BdsType.FULL)
    differentials = [extract for extract in extracts if extract.bds_type is BdsType.DIFFERENTIAL]
    last = newest(differentials)
    return (
        printable(data_set.name),
        brief_text(full.queued_for_processing_date) if full else "none yet",
        printable(full.version) if full else "",
        _size(full),
        str(len(differentials)),
        brief_text(last.queued_for_processing_date) if last else "",
    )


def _cells(extract: Extract) -> tuple[str, ...]:
    queued = brief_text(extract.queued_for_processing_date)
    return (printable(extract.data_set), extract.bds_type.folder, queued, printable(extract.version), _size(extract))


def _size(extract: Extract | None) -> str:
    return size_text(extract.download_size) if extract is not None and extract.download_size is not None else ""


def _total(extracts: Iterable[Extract]) -> str:
    return size_text(sum(extract.download_size or 0 for extract in extracts))


def new_table(*headings: str) -> TextTable:
    """Return an empty table with numbers aligned to the right."""
    return TextTable(headings, _NUMBERS)
