"""The key of each data set, and its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import ConfigError
from ..registry import KnownDataSet, find, known_data_sets
from .names import snake_case
from .source import Source, SourceDataSet
from .table import Layout

#: The sources of a key.
REGISTRY, KEYS_FILE, NONE = "registry", "keys file", "none"


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a data set, by delivered column names, and its source."""

    columns: tuple[str, ...]
    source: str


def known_data_set(data_set: SourceDataSet) -> KnownDataSet | None:
    """Return the registry's entry for a delivered data set, if any."""
    columns = next((extract.columns for extract in reversed(data_set.extracts) if extract.columns), None)
    return find(ids=data_set.ids, folder=data_set.folder, name=data_set.name, columns=columns)


def key_of(data_set: SourceDataSet, known: KnownDataSet | None, corrected: Mapping[str, Sequence[str]]) -> Key:
    """Return the key of a data set: the corrected one, else the registry's."""
    names = {_plain(name): columns for name, columns in corrected.items()}
    for name in (data_set.name, data_set.folder, known.name if known is not None else ""):
        if _plain(name) in names:
            return Key(tuple(names[_plain(name)]), KEYS_FILE)
    return Key(known.key, REGISTRY) if known is not None and known.key else Key((), NONE)


def key_columns(key: Key, layout: Layout) -> tuple[str, ...] | None:
    """Return the columns of the table for a key; None if the file lacks one."""
    places = {column.name: column.name for column in layout.columns}
    for name, column in zip(reversed(layout.header), reversed(layout.columns), strict=True):
        places[name.casefold()] = column.name
    found = [places.get(name.casefold(), places.get(snake_case(name))) for name in key.columns]
    names = tuple(name for name in found if name is not None)
    return names if len(names) == len(found) else None


def check_keys(corrected: Mapping[str, Sequence[str]], source: Source) -> None:
    """Raise ConfigError if corrected keys name an unknown data set, or a column that was not delivered."""
    _check_names(corrected, source.names)
    for data_set in source.data_sets:
        key = key_of(data_set, None, corrected)
        delivered = {name.casefold() for extract in data_set.extracts for name in extract.columns or ()}
        missing = [name for name in key.columns if delivered and name.casefold() not in delivered]
        if missing:
            raise ConfigError(f"`keys` names {missing[0]!r} for {data_set.name}, which has no such column.")


def _check_names(names: Iterable[str], delivered: Sequence[str]) -> None:
    """Raise ConfigError for a name that neither the registry nor the ledger knows."""
    known = {_plain(name): name for name in (*delivered, *(each.name for each in known_data_sets()))}
    for name in names:
        if _plain(name) not in known:
            near = [repr(known[each]) for each in get_close_matches(_plain(name), known, n=2)]
            hint = f"did you mean {' or '.join(near)}?" if near else "`bds-async schema --keys` shows those delivered."
            raise ConfigError(f"`keys` names {name!r}, which is no known data set; {hint}")


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()
