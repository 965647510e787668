"""The data sets of the tenant: names, columns, keys and how many rows each has."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

#: Columns of the data sets whose real columns the sandbox does not carry; the first is named after the data set.
GENERIC_COLUMNS = (
    "OrgUnitId:int?",
    "UserId:int?",
    "Name:nvarchar?",
    "Description:nvarchar?",
    "Score:decimal?",
    "CreatedDate:datetime2?",
    "LastModified:datetime2?",
    "LastModifiedBy:int?",
    "IsDeleted:bit?",
    "Version:bigint?",
)


@dataclass(frozen=True)
class Column:
    """One column; `kind` is the SQL type that D2L documents, `nullable` whether it may be empty."""

    name: str
    kind: str
    nullable: bool

    @classmethod
    def parse(cls, text: str) -> Column:
        """Read `Name:type` or `Name:type?`."""
        name, _, kind = text.partition(":")
        return cls(name, kind.rstrip("?"), kind.endswith("?"))


@dataclass(frozen=True)
class Table:
    """One data set: its name, columns in file order, primary key and row count at scale 1."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rows: int

    @property
    def csv_name(self) -> str:
        """Name of the CSV inside each zip: the data set's name without spaces."""
        return self.name.replace(" ", "") + ".csv"


def stable_number(*parts: object) -> int:
    """Give the same 64 bits for the same parts on every machine and in every process."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a name fits one of the patterns (`*` and `?`), in any case."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


@cache
def _package_data() -> Any:
    return json.loads((Path(__file__).parent / "tables.json").read_text("utf-8"))


@cache
def _table(name: str) -> Table:
    entry = _package_data()["tables"].get(name)
    return _known(name, entry) if entry else _generic(name)


def _known(name: str, entry: Any) -> Table:
    return Table(name, tuple(map(Column.parse, entry["columns"])), tuple(entry["key"]), entry["rows"])


def _generic_rows(name: str) -> int:
    """Most data sets are tiny and a few are not: a log-normal draw, fixed for each name."""
    draw = Random(stable_number("rows", name)).gauss(0.0, 1.0)
    rows = math.exp(5.0 + 2.2 * draw)
    return 0 if rows < 8 else min(int(rows), 40_000)


def _generic(name: str) -> Table:
    identity = name.replace(" ", "").removesuffix("s") + "Id"
    columns = (Column(identity, "bigint", nullable=False), *map(Column.parse, GENERIC_COLUMNS))
    return Table(name, columns, (identity,), _generic_rows(name))


def tables(count: int) -> list[Table]:
    """Give the first `count` data sets: the most used ones first, numbered extra ones past the real names."""
    data = _package_data()
    names = [*data["tables"], *data["others"]]
    names += [f"Sandbox Extra {number}" for number in range(len(names) + 1, count + 1)]
    return [_table(name) for name in names[:count]]
