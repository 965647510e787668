"""Data sets whose entries can't be read or distinguished: they are named, but their extracts are not listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ...models import DataSet, Plugin, base_name
from ...support.text import printable


def unreadable_data_set(entry: Any, fault: str, number: int) -> DataSet:
    """A data set that names a malformed entry, with its readable ids and name.

    `number` is the entry's position in the list of data sets, from 1.
    """
    schema_id = _text(entry, "SchemaId")
    plugins = [_part(entry, "Full"), _part(entry, "Differential"), entry]
    ids = [_text(plugin, "PluginId") for plugin in plugins]
    name = next(filter(None, (_text(plugin, "Name") for plugin in plugins)), "")
    name = base_name(name) or schema_id or next(filter(None, ids), f"Entry {number} of the list of data sets")
    full = Plugin(ids[0] or ids[2], name)
    differential = Plugin(ids[1], name) if ids[1] else None
    fault = f"Its entry in the list of data sets can't be read: {fault}."
    return DataSet(schema_id or None, full, differential, fault=fault)


def told_apart(data_sets: Iterable[DataSet]) -> tuple[DataSet, ...]:
    """The data sets without repetitions; those that share an id get a fault that names the others."""
    # If pages shift while they are read, an entry can be repeated.
    unique = {(data_set.ids, data_set.names): data_set for data_set in data_sets}.values()
    owners: dict[str, list[DataSet]] = defaultdict(list)
    for data_set in unique:
        for known in set(data_set.ids):
            owners[known].append(data_set)
    return tuple(_with_fault(data_set, owners) for data_set in unique)


def _with_fault(data_set: DataSet, owners: dict[str, list[DataSet]]) -> DataSet:
    shared = next((known for known in data_set.ids if len(owners[known]) > 1), None)
    if data_set.fault or shared is None:
        return data_set
    others = _names(other for other in owners[shared] if other is not data_set)
    fault = f"The list of data sets gives the id {printable(shared)} to {others}, too; it is unknown whose it is."
    return replace(data_set, fault=fault)


def _names(data_sets: Iterable[DataSet]) -> str:
    names: Sequence[str] = [printable(data_set.name) for data_set in data_sets]
    more = f" and {len(names) - 3} more" if names[3:] else ""
    return ", ".join(names[:3]) + more


def _part(entry: Any, field: str) -> Any:
    return entry.get(field) if isinstance(entry, dict) else None


def _text(entry: Any, field: str) -> str:
    value = _part(entry, field)
    return printable(value).strip() if isinstance(value, str) else ""
