"""Names of tables and columns: snake_case, unique, and short enough for PostgreSQL."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

#: The most bytes of a PostgreSQL identifier (NAMEDATALEN - 1).
NAME_BYTES = 63
#: Prefix of the mirror's own tables and columns.
OWN = "_bds_"
#: Columns that each table of a database has anyway, by its dialect.
SYSTEM_COLUMNS = {"duckdb": ("rowid",), "postgresql": ("ctid", "xmin", "cmin", "xmax", "cmax", "tableoid")}
#: Columns of the mirror's tables, of a stage and of a merge; no delivered column gets one of these names.
_OWN_COLUMNS = tuple(
    f"{OWN}{name}"
    for name in (
        *("queued", "changed", "deleted", "extract", "since", "lost_by"),
        *("row", "live", "same", "newer", "gone", "purged", "bad", "number"),
    )
)
#: Names of further private columns: texts of a stage, and moments of a key.
_NUMBERED = re.compile(rf"{OWN}(c\d+|key_.*)")


def snake_case(name: str) -> str:
    """Return a delivered name in snake_case: `SendD2LOrgDefinedId` is `send_d2l_org_defined_id`.

    A word begins at a capital that follows a lower-case letter, and at a capital that precedes a lower-case letter and
    follows a capital or a digit. Characters other than letters, digits and `_` become `_`.
    """
    parts = [f"_{letter}" if _begins_word(name, place) else letter for place, letter in enumerate(name)]
    return re.sub(r"\W+", "_", "".join(parts).lower()) or "column"


def _begins_word(name: str, place: int) -> bool:
    if place == 0 or not name[place].isupper():
        return False
    before, after = name[place - 1], name[place + 1 : place + 2]
    return before.islower() or (after.islower() and (before.isupper() or before.isdigit()))


def cut(name: str, limit: int = NAME_BYTES) -> str:
    """Return the longest prefix of a name with at most `limit` bytes of UTF-8."""
    return name.encode()[:limit].decode(errors="ignore")


def unique_name(name: str, taken: Iterable[str]) -> str:
    """Return the snake_case of a name, with `_2`, `_3` if that is taken, ignoring case."""
    in_use = {each.casefold() for each in taken}
    base = cut(snake_case(name))
    found, number = base, 1
    while found.casefold() in in_use:
        number += 1
        found = f"{cut(base, NAME_BYTES - len(str(number)) - 1)}_{number}"
    return found


def column_names(header: Sequence[str], reserved: Iterable[str] = ()) -> tuple[str, ...]:
    """Return a column name for each name of a header, in order; no two are equal, and none is private or reserved."""
    taken, found = [*_OWN_COLUMNS, *reserved], []
    for name in header:
        plain = snake_case(name)
        found.append(unique_name(plain.lstrip("_") if _NUMBERED.fullmatch(plain) else name, taken))
        taken.append(found[-1])
    return tuple(found)


def own_name(name: str) -> str:
    """Return a private name that PostgreSQL does not cut: a longer one ends with a digest."""
    if len(name.encode()) <= NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{cut(name, NAME_BYTES - 9)}_{digest}"


def quoted(name: str) -> str:
    """Return an identifier as SQL: in double quotes."""
    return '"' + name.replace('"', '""') + '"'
