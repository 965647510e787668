"""Conversion of delivered text to typed SQL values, in DuckDB and PostgreSQL: which text fits a type, and its value.

A regular expression that both databases understand in the same way decides whether a text fits; only the cast differs.
If the text does not fit, the expression is NULL, so that `value IS NOT NULL AND cast IS NULL` finds the misfits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .facts import ColumnType

_INTEGER = "-?[0-9]+"
_NUMBER = "-?([0-9]+([.][0-9]*)?|[.][0-9]+)"
#: At most 12 digits after the point, not counting trailing zeros: what DECIMAL(38,12) holds without rounding.
_NUMBER_12 = "-?([0-9]+([.][0-9]{0,12}0*)?|[.][0-9]{1,12}0*)"
_FLOAT = f"{_NUMBER}([eE][-+]?[0-9]{{1,3}})?"
_LEAP_YEAR = "([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DATE = (
    "([0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    f"|{_LEAP_YEAR}-02-29)"
)
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?"
_MOMENT = f"{_DATE}[T ]{_TIME}(Z|[+]00:00)?"
#: Days that every month has; other dates are left to the full pattern.
_USUAL_MOMENT = (
    "[0-9][0-9][0-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])[T ]"
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?Z?"
)
_MOMENT_SHAPE = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_TIME}(Z|[+]00:00)?"
_GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

_INTEGERS = (ColumnType.BIGINT, ColumnType.INT, ColumnType.SMALLINT)
_BOOLEAN = "CASE WHEN lower({0}) IN ('true', '1') THEN TRUE WHEN lower({0}) IN ('false', '0') THEN FALSE END"


@dataclass(frozen=True, slots=True)
class Dialect:
    """The names of the types in one database and the casts to them; `matches` and `fraction` take text and pattern."""

    name: str
    types: Mapping[ColumnType, str]
    casts: Mapping[ColumnType, str]
    matches: str
    fraction: str

    def type_of(self, kind: ColumnType) -> str:
        """Return the SQL type for a documented type."""
        return self.types[ColumnType.BIGINT if kind in _INTEGERS else kind]

    def cast(self, kind: ColumnType, text: str) -> str:
        """Return the SQL value of a text (an SQL expression); NULL if it does not fit the type."""
        template = self.casts[ColumnType.BIGINT if kind in _INTEGERS else kind]
        return template.replace("{0}", text)

    def moment_key(self, text: str) -> str:
        """Return a moment as text with all its delivered digits, equal for equal moments; NULL for a misfit."""
        digits = self.fraction.replace("{0}", text).replace("{1}", "9")
        whole = f"left({text}, 10) || ' ' || substring({text}, 12, 8)"
        return f"CASE WHEN {self.moment_fits(text)} THEN {whole} || rtrim(rtrim({digits}, '0'), '.') END"

    def moment_fits(self, text: str) -> str:
        """Return the condition that a text is a moment in the years 0001 to 9999."""
        return f"({self.matching(_MOMENT).replace('{0}', text)} AND left({text}, 4) <> '0000')"

    def matching(self, pattern: str) -> str:
        """Return the condition that all of `{0}` matches a pattern."""
        return self.matches.replace("{1}", pattern)


def _duckdb() -> Dialect:
    matches = "regexp_full_match({0}, '{1}')"
    fraction = "regexp_extract({0}, '[.][0-9]{1,{1}}')"

    def guarded(pattern: str, value: str) -> str:
        """SQL of a value if the text matches the pattern, else null."""
        return f"CASE WHEN {matches.replace('{1}', pattern)} THEN {value} END"

    # DuckDB truncates after the microseconds, and checks the days of a month itself.
    moment = "TRY_CAST({0} AS TIMESTAMP)"
    return Dialect(
        "duckdb",
        {
            ColumnType.BIGINT: "BIGINT",
            ColumnType.DECIMAL: "DECIMAL(38,12)",
            ColumnType.FLOAT: "DOUBLE",
            ColumnType.BIT: "BOOLEAN",
            ColumnType.DATETIME2: "TIMESTAMP",
            ColumnType.UNIQUEIDENTIFIER: "UUID",
            ColumnType.NVARCHAR: "VARCHAR",
        },
        {
            ColumnType.BIGINT: _plain_or("{1} = {0}", "BIGINT", guarded(_INTEGER, "TRY_CAST({0} AS BIGINT)")),
            ColumnType.DECIMAL: _plain_or(
                "starts_with({1}, {0})", "DECIMAL(18,9)", guarded(_NUMBER_12, "TRY_CAST({0} AS DECIMAL(38,12))")
            ),
            ColumnType.FLOAT: f"CASE WHEN {matches.replace('{1}', _FLOAT)} AND isfinite(TRY_CAST({{0}} AS DOUBLE)) "
            "THEN TRY_CAST({0} AS DOUBLE) END",
            ColumnType.BIT: _BOOLEAN,
            ColumnType.DATETIME2: guarded(_MOMENT_SHAPE, f"CASE WHEN left({{0}}, 4) <> '0000' THEN {moment} END"),
            ColumnType.UNIQUEIDENTIFIER: guarded(_GUID, "TRY_CAST({0} AS UUID)"),
            ColumnType.NVARCHAR: "{0}",
        },
        matches,
        fraction,
    )


def _plain_or(is_plain: str, kind: str, otherwise: str) -> str:
    """Return a cast for DuckDB that needs no regular expression if the text is in DuckDB's own notation."""
    value = f"TRY_CAST({{0}} AS {kind})"
    return f"CASE WHEN {is_plain.replace('{1}', f'CAST({value} AS VARCHAR)')} THEN {value} ELSE {otherwise} END"


def _postgresql() -> Dialect:
    matches = "({0} ~ '^({1})$')"
    fraction = "coalesce(substring({0} from '[.][0-9]{1,{1}}'), '')"

    def guarded(pattern: str, value: str, also: str = "") -> str:
        """SQL of a value if the text matches the pattern and `also` holds, else null."""
        return f"CASE WHEN {matches.replace('{1}', pattern)}{also} THEN {value} END"

    whole = "left({0}, 10) || ' ' || substring({0}, 12, 8) || "
    # Bounds such as {1,9} are expensive in PostgreSQL, so the usual form has a pattern without them.
    plain, whole_number = matches.replace("{1}", _USUAL_MOMENT), matches.replace("{1}", _INTEGER)
    any_moment = guarded(_MOMENT, f"({whole}{fraction.replace('{1}', '6')})::timestamp")
    long = f"{matches.replace('{1}', '-?0*[0-9]{19}')} AND "
    return Dialect(
        "postgresql",
        {
            ColumnType.BIGINT: "bigint",
            ColumnType.DECIMAL: "numeric",
            ColumnType.FLOAT: "double precision",
            ColumnType.BIT: "boolean",
            ColumnType.DATETIME2: "timestamp",
            ColumnType.UNIQUEIDENTIFIER: "uuid",
            ColumnType.NVARCHAR: "text",
        },
        {
            ColumnType.BIGINT: f"CASE WHEN {whole_number} AND length({{0}}) < 19 THEN {{0}}::bigint "
            f"WHEN {matches.replace('{1}', '-?0*[0-9]{1,18}')} THEN {{0}}::bigint WHEN {long}"
            "CASE WHEN length({0}) < 1000 THEN {0}::numeric END BETWEEN -9223372036854775808 AND 9223372036854775807 "
            "THEN {0}::bigint END",
            ColumnType.DECIMAL: guarded(_NUMBER, "{0}::numeric", " AND length({0}) < 1000"),
            # PostgreSQL refuses what it would round to zero or to infinity.
            ColumnType.FLOAT: f"CASE WHEN {matches.replace('{1}', _FLOAT)} AND length({{0}}) < 400 THEN CASE WHEN "
            "abs({0}::numeric) < 4.94e-324 THEN 0::double precision WHEN abs({0}::numeric) <= 1.7976931348623158e308 "
            "THEN {0}::double precision END END",
            ColumnType.BIT: _BOOLEAN,
            ColumnType.DATETIME2: f"CASE WHEN left({{0}}, 4) = '0000' THEN NULL WHEN {plain} AND length({{0}}) < 30 "
            f"THEN left({{0}}, 26)::timestamp ELSE {any_moment} END",
            ColumnType.UNIQUEIDENTIFIER: guarded(_GUID, "{0}::uuid"),
            ColumnType.NVARCHAR: "{0}",
        },
        matches,
        fraction,
    )


#: The dialects of the two databases of mirrors.
DUCKDB, POSTGRESQL = _duckdb(), _postgresql()
