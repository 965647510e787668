"""Types of the values of options: folders, files to write, seconds, rates, moments."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ...support import values
from ...workspace import is_address


class FolderPath(click.Path):
    """A folder, which may not exist yet. Empty text, such as an unset variable in a script, is refused."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the folder; a file, an address and empty text, which would mean the current folder, are refused."""
        if value == "":
            self.fail("is empty: name a folder", param, ctx)
        if isinstance(value, str) and is_address(value):
            self.fail("is an address: name a folder of this machine", param, ctx)
        if (file := _file_in(Path(value))) is not None:
            self.fail(f"{file} is a file: name a folder", param, ctx)
        return super().convert(value, param, ctx)


class DestinationPlace(FolderPath):
    """A folder, or the address of an object store."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a folder as a path, an address unchanged."""
        if isinstance(value, str) and is_address(value):
            return value
        return super().convert(value, param, ctx)


def _file_in(path: Path) -> Path | None:
    """Return the part of a path where a file is in place of a folder."""
    with suppress(OSError):
        return next((each for each in (path, *path.parents) if each.is_file()), None)
    return None


class ReportPath(click.Path):
    """A file to write; `-`, which usually means stdout, is refused."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the file; `-` and empty text are usage errors."""
        if value in ("-", ""):
            self.fail("name a file; /dev/stdout stands for standard output", param, ctx)
        return super().convert(value, param, ctx)


class WholeNumber(click.IntRange):
    """A whole number in a range."""

    #: As messages have it.
    name = "whole number"


class Number(click.FloatRange):
    """A number in a range."""

    #: As messages have it.
    name = "number"


class Seconds(Number):
    """A number of seconds; `nan` is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; `nan`, which no range excludes, is a usage error."""
        seconds = super().convert(value, param, ctx)
        return self.fail(f"{value!r} is not a number of seconds", param, ctx) if math.isnan(seconds) else seconds


class Rate(click.ParamType[int]):
    """A rate in bytes a second, such as 500K or 50M."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the bytes a second; K, M and G are powers of 1,000."""
        try:
            return values.rate(value)
        except ValueError as error:
            self.fail(f"{value!r} is not a rate: {error}", param, ctx)


def moment(text: str) -> datetime:
    """Parse an ISO 8601 date or moment; without a zone it is UTC."""
    try:
        found = values.moment(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a moment: {error}.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
