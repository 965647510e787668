"""The data sets of the tenant: names, columns, keys and row counts."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from random import Random

from ...registry import Column, KnownDataSet, known_data_sets

#: The most used data sets, first in the catalogue, with their row counts at scale 1.
MOST_USED = {
    "Users": 12_000,
    "User Enrollments": 160_000,
    "Organizational Units": 4_000,
    "Organizational Unit Ancestors": 24_000,
    "Organizational Unit Descendants": 24_000,
    "Organizational Unit Parents": 6_000,
    "Role Details": 22,
    "Grade Objects": 30_000,
    "Grade Results": 170_000,
    "Grade Schemes": 300,
    "Quiz Attempts": 60_000,
    "Quiz Objects": 5_000,
    "Quiz User Answers": 210_000,
    "Quiz Question Answers": 40_000,
    "Assignment Summary": 8_000,
    "Assignment Submissions": 70_000,
    "Content Objects": 50_000,
    "Content User Progress": 560_000,
    "Content User Completion": 120_000,
    "Course Access": 150_000,
    "Discussion Forums": 3_000,
    "Discussion Topics": 7_000,
    "Discussion Posts": 24_000,
    "Session History": 60_000,
    "System Access Log": 45_000,
    "User Logins": 50_000,
    "User Attribute Values": 9_000,
    "User Attribute Definitions": 14,
    "Calendar Events": 9_000,
    "Rubric Objects": 1_500,
    "Rubric Assessment": 16_000,
    "Enrollments and Withdrawals": 90_000,
    "Announcements": 6_000,
    "Survey Attempts": 1_200,
}
#: Columns of the numbered data sets that follow the documented ones; their key comes first.
EXTRA_COLUMNS = (
    "SandboxExtraId:bigint",
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
class Table:
    """One data set: its facts, and its row count at scale 1."""

    facts: KnownDataSet
    rows: int

    @property
    def name(self) -> str:
        """The full's name."""
        return self.facts.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """The documented columns, in file order."""
        return self.facts.columns

    @property
    def key(self) -> tuple[str, ...]:
        """The documented primary key; empty if there is none."""
        return self.facts.key

    @property
    def csv_name(self) -> str:
        """Name of the CSV inside each zip: the data set's name without spaces."""
        return self.name.replace(" ", "") + ".csv"


def stable_number(*parts: object) -> int:
    """Return the same 64 bits for the same parts on every machine and in every process."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a name matches one of the patterns (`*` and `?`), in any letter case."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def tables(count: int) -> list[Table]:
    """Return the first `count` data sets: the most used ones, the other documented ones, then numbered extra ones."""
    documented = _documented()
    extra = (_extra(number) for number in range(len(documented) + 1, count + 1))
    return [*documented[:count], *extra]


@cache
def _documented() -> tuple[Table, ...]:
    order = list(MOST_USED)
    facts = sorted(known_data_sets(), key=lambda known: order.index(known.name) if known.name in order else len(order))
    return tuple(Table(known, MOST_USED.get(known.name) or _drawn_rows(known.name)) for known in facts)


@cache
def _extra(number: int) -> Table:
    name = f"Sandbox Extra {number}"
    key, *_ = columns = tuple(map(Column.parse, EXTRA_COLUMNS))
    return Table(KnownDataSet(name, (key.name,), columns, "Version", "IsDeleted"), _drawn_rows(name))


def _drawn_rows(name: str) -> int:
    """Return a row count that is fixed for each name: log-normal, since most data sets are tiny and a few are not."""
    draw = Random(stable_number("rows", name)).gauss(0.0, 1.0)
    rows = math.exp(5.0 + 2.2 * draw)
    return 0 if rows < 8 else min(int(rows), 40_000)
