"""`bds-async schema`: the columns of each data set, and how they changed."""

from __future__ import annotations

import json

import click

from ..columns import Columns, SchemaEntry, history
from ..ledger import Ledger
from ..models import brief_text, utc_text, version_key
from ..runs.corrections import chosen_folders
from ..runs.verification import demand_ledger
from ..support.text import counted, printable
from ..workspace import Workspace
from .ledger import patterns_option
from .selection import workspace_options
from .settings import common_options


@click.command("schema", short_help="Show columns, and how they changed.")
@workspace_options
@patterns_option
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each data set.")
@common_options
def command(workspace: Workspace, patterns: tuple[str, ...], *, as_json: bool) -> None:
    """Show the columns of each data set, and the history of their changes, by what was delivered."""
    demand_ledger(workspace)
    with Ledger.read(workspace.ledger, place=workspace.to) as ledger:
        for folder, data_set in chosen_folders(ledger, patterns).items():
            entries = list(history(ledger.columns.headers(folder)))
            if not entries:
                continue
            if as_json:
                fields = {"data_set": data_set.name, "schema_id": data_set.schema_id, "folder": folder}
                pinned = ledger.columns.stored_pin(folder)
                click.echo(json.dumps({**fields, **_fields(entries, pinned)}, ensure_ascii=False))
            else:
                _print(data_set.name, entries)


def _fields(entries: list[SchemaEntry], pinned: Columns | None) -> dict[str, object]:
    current = _current(entries)
    return {
        "version": current.version,
        "columns": list(current.columns),
        "pinned": None if pinned is None else list(pinned),
        "history": [_entry_fields(entry) for entry in entries],
    }


def _entry_fields(entry: SchemaEntry) -> dict[str, object]:
    change = entry.change
    return {
        "since": utc_text(entry.since),
        "version": entry.version,
        "columns": list(entry.columns),
        "change": change and {"kind": change.kind.value, "added": list(change.added), "removed": list(change.removed)},
    }


def _current(entries: list[SchemaEntry]) -> SchemaEntry:
    """Of versions that stand side by side the highest one is current."""
    return max(entries, key=lambda entry: (version_key(entry.version), entry.since))


def _print(name: str, entries: list[SchemaEntry]) -> None:
    current = _current(entries)
    click.echo(printable(f"{name}: {counted(len(current.columns), 'column')}, version {current.version}"))
    click.echo(printable(f"  {', '.join(current.columns)}"))
    for entry in entries:
        change = f"{entry.change.kind}: {entry.change}" if entry.change is not None else "first seen"
        click.echo(printable(f"  {brief_text(entry.since)}  {entry.version}  {change}"))
