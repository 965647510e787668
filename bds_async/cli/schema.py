"""`bds-async schema`: show the columns of each data set, and how they changed."""

from __future__ import annotations

import json

import click

from ..columns import SchemaEntry, history
from ..ledger import Ledger
from ..mirrors import read_source
from ..mirrors.ddl import Ddl, designs
from ..mirrors.ddl import ddl as statement_of
from ..models import DataSet, brief_text, version_key
from ..options import RunOptions
from ..planning import delivered_by
from ..report import json_line
from ..runs.corrections import chosen_folders
from ..runs.verification import demand_ledger
from ..support.text import counted, printable
from ..workspace import Workspace
from .help import GroupedCommand
from .options.selection import data_set_option, workspace_options
from .options.settings import common_options
from .output.documents import ColumnsEntry, DataSetColumns


@click.command("schema", cls=GroupedCommand)
@workspace_options
@data_set_option("patterns")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each data set.")
@click.option(
    "--ddl", type=click.Choice([each.value for each in Ddl]), help="Print the statements that make the tables."
)
@click.option("--keys", is_flag=True, help="Show the key of each data set, and where it comes from.")
@common_options
def command(workspace: Workspace, patterns: tuple[str, ...], *, as_json: bool, ddl: str | None, keys: bool) -> None:
    """Show the columns of each delivered data set, and the history of their changes."""
    demand_ledger(workspace)
    if ddl is not None or keys:
        _print_designs(workspace, patterns, ddl, as_json=as_json)
        return
    with Ledger.read(workspace.ledger, place=workspace.to) as ledger:
        for folder, data_set in chosen_folders(ledger, patterns).items():
            entries = list(history(ledger.columns.headers(folder)))
            if not entries:
                continue
            if as_json:
                click.echo(json_line(_document(ledger, folder, data_set, entries)))
            else:
                _print(data_set.name, entries)


def _print_designs(workspace: Workspace, patterns: tuple[str, ...], ddl: str | None, *, as_json: bool) -> None:
    for design in designs(read_source(workspace, delivered_by(RunOptions(data_set=patterns))).data_sets, {}):
        key = ", ".join(design.key)
        if ddl is not None:
            click.echo(statement_of(design, Ddl(ddl)))
        elif as_json:
            fields = {"data_set": design.data_set, "table": design.name, "key": design.key, "source": design.source}
            click.echo(json.dumps(fields, ensure_ascii=False))
        else:
            click.echo(printable(f"{design.data_set}: {key or 'no key'} ({design.source})"))


def _document(ledger: Ledger, folder: str, data_set: DataSet, entries: list[SchemaEntry]) -> DataSetColumns:
    current = _current(entries)
    return DataSetColumns(
        data_set=data_set.name,
        schema_id=data_set.schema_id,
        folder=folder,
        version=current.version,
        columns=current.columns,
        pinned=ledger.columns.stored_pin(folder),
        history=tuple(map(ColumnsEntry.about, entries)),
    )


def _current(entries: list[SchemaEntry]) -> SchemaEntry:
    """Return the current columns: those of the highest version."""
    return max(entries, key=lambda entry: (version_key(entry.version), entry.since))


def _print(name: str, entries: list[SchemaEntry]) -> None:
    current = _current(entries)
    click.echo(printable(f"{name}: {counted(len(current.columns), 'column')}, version {current.version}"))
    click.echo(printable(f"  {', '.join(current.columns)}"))
    for entry in entries:
        change = f"{entry.change.kind}: {entry.change}" if entry.change is not None else "first seen"
        click.echo(printable(f"  {brief_text(entry.since)}  {entry.version}  {change}"))
