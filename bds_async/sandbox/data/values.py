"""The values of cells: plausible text for a column, drawn from a seeded generator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from ...registry import Column, ColumnType

_WORDS = """
algebra biology chemistry lecture seminar week unit module project essay draft final review lab reading quiz
introduction advanced history design studio clinical practice theory reflection über naïve résumé 数学 урок
"""
WORDS = tuple(_WORDS.split())
#: The ids of users and org units start here in every table, so that tables can be joined.
FIRST_NUMBERS = {"UserId": 100, "OrgUnitId": 6606}
LONG_TEXTS = ("Text", "Content", "Description", "Feedback", "Comment", "Comments", "Message", "Answer", "UserAnswer")
#: The earliest date to draw, so that some dates lie before the windows of the windowed data sets.
OLDEST = datetime(2019, 6, 3, tzinfo=UTC)
SECONDS = 220_000_000


def quoted(text: str) -> str:
    """Quote a value if RFC 4180 requires it."""
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def timestamp(moment: datetime, digits: int) -> str:
    """Format a moment as ISO 8601 in UTC with 0 to 7 fraction digits, as exports do."""
    text = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    fraction = f"{moment.microsecond:06d}{moment.microsecond % 10}"[:digits]
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def guid(draw: Random) -> str:
    """Draw a GUID, in the form of version 4."""
    text = f"{draw.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _integer(column: Column, draw: Random, _: datetime) -> str:
    if column.name == "OrgUnitId":
        return str(FIRST_NUMBERS["OrgUnitId"] + draw.randrange(4000))
    if column.name.endswith(("UserId", "By")):
        return str(FIRST_NUMBERS["UserId"] + draw.randrange(12_000))
    return str(draw.randrange(10 if column.type == ColumnType.SMALLINT else 100_000))


def _decimal(_: Column, draw: Random, __: datetime) -> str:
    return f"{draw.randrange(0, 400) / 4:.9f}"


def _bit(_: Column, draw: Random, __: datetime) -> str:
    return "True" if draw.random() < 0.3 else "False"


def _moment(column: Column, draw: Random, changed: datetime) -> str:
    if column.name.startswith("LastModified"):
        moment = changed - timedelta(seconds=draw.randrange(3000), microseconds=draw.randrange(1_000_000))
    else:
        moment = OLDEST + timedelta(seconds=draw.randrange(SECONDS), microseconds=draw.randrange(1_000_000))
    return timestamp(moment, draw.choice((0, 2, 3, 3, 7)))


def _text(column: Column, draw: Random, _: datetime) -> str:
    if not column.name.endswith(LONG_TEXTS):
        return quoted(" ".join(draw.choices(WORDS, k=draw.randint(1, 3))).capitalize())
    text = " ".join(draw.choices(WORDS, k=draw.randint(3, 16)))
    odd = draw.random()
    if odd < 0.1:
        text = text.replace(" ", "\r\n", 1) + "\nend"
    elif odd < 0.2:
        text = f'"{text}", he said'
    return quoted(text)


def _guid(_: Column, draw: Random, __: datetime) -> str:
    return guid(draw)


_BY_TYPE: dict[ColumnType, Callable[[Column, Random, datetime], str]] = {
    ColumnType.INT: _integer,
    ColumnType.BIGINT: _integer,
    ColumnType.SMALLINT: _integer,
    ColumnType.DECIMAL: _decimal,
    ColumnType.FLOAT: _decimal,
    ColumnType.BIT: _bit,
    ColumnType.DATETIME2: _moment,
    ColumnType.UNIQUEIDENTIFIER: _guid,
}


def value(column: Column, draw: Random, changed: datetime) -> str:
    """Draw the CSV text of one cell; `changed` is the moment at which its row was last touched."""
    if column.nullable and not column.name.startswith("LastModified") and draw.random() < 0.15:
        return ""
    return _BY_TYPE.get(column.type, _text)(column, draw, changed)
