"""Lookup of the known data set for a delivered one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from .facts import KnownDataSet
from .reading import known_data_sets

#: The first 8 characters of an id, which follow a folder's name if another data set has that name.
_ID_SUFFIX = re.compile(r"[0-9a-f]{8}$")
_DIFFERENTIAL = "differential"


def find(
    *,
    ids: Iterable[str] = (),
    folder: str | None = None,
    name: str | None = None,
    columns: Sequence[str] | None = None,
) -> KnownDataSet | None:
    """Find a data set by a plugin or schema id, else by its folder's name, else by its name, else by its columns.

    Case does not matter. Names are compared by their letters and digits. `columns` are the delivered names in file
    order: they match a data set if they begin with its documented columns, and no other data set matches. Returns None
    for an unknown data set.
    """
    return _by_ids(ids) or _by_folder(folder or "") or _by_name(name or "") or _by_columns(columns or ())


def _by_ids(ids: Iterable[str]) -> KnownDataSet | None:
    known = _id_index()
    return next((known[identifier.lower()] for identifier in ids if identifier.lower() in known), None)


def _by_folder(folder: str) -> KnownDataSet | None:
    letters = _letters(folder)
    return _name_index().get(letters) or _name_index().get(_ID_SUFFIX.sub("", letters))


def _by_name(name: str) -> KnownDataSet | None:
    letters = _letters(name)
    return _name_index().get(letters) or _name_index().get(letters.removesuffix(_DIFFERENTIAL))


def _by_columns(columns: Sequence[str]) -> KnownDataSet | None:
    delivered = [column.lower() for column in columns]
    found = [data_set for data_set in known_data_sets() if _begins_with_columns(delivered, data_set)]
    return found[0] if len(found) == 1 else None


def _begins_with_columns(delivered: list[str], data_set: KnownDataSet) -> bool:
    documented = [column.name.lower() for column in data_set.columns]
    return delivered[: len(documented)] == documented


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


@cache
def _id_index() -> Mapping[str, KnownDataSet]:
    return {identifier: data_set for data_set in known_data_sets() for identifier in data_set.ids}


@cache
def _name_index() -> Mapping[str, KnownDataSet]:
    return {_letters(data_set.name): data_set for data_set in known_data_sets()}
