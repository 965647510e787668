"""Checks of option values. Each returns the value, converted; its ValueError says what the value has to be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

Value = TypeVar("Value")
Kind = TypeVar("Kind", bound=StrEnum)


def optional(check: Callable[[Any], Value]) -> Callable[[Any], Value | None]:
    """The same check, but None stays None."""
    return lambda value: None if value is None else check(value)


def flag(value: Any) -> bool:
    """True or False; text such as `no` would count as true."""
    if not isinstance(value, bool):
        raise ValueError("write True or False")
    return value


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError("write text")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Several texts, or one."""
    found = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(each, str) for each in found):
        raise ValueError("write text, or a list of texts")
    return found


def member(kind: type[Kind]) -> Callable[[Any], Kind]:
    """The member of an enumeration, by its value."""

    def checked(value: Any) -> Kind:
        """Return the member with this value."""
        try:
            return kind(value)
        except ValueError:
            *others, last = kind
            raise ValueError(f"write {', '.join(others)} or {last}") from None

    return checked


def whole_number(limits: tuple[int, int]) -> Callable[[Any], int]:
    """A whole number within the limits, or its text."""

    def checked(value: Any) -> int:
        """Return the number; a fraction is not cut off."""
        number = _number(int, value)
        if number is None or not limits[0] <= number <= limits[1] or not (isinstance(value, str) or number == value):
            raise ValueError(f"write a whole number from {limits[0]} to {limits[1]}")
        return number

    return checked


def number(limits: tuple[float, float]) -> Callable[[Any], float]:
    """A number within the limits, or its text."""

    def checked(value: Any) -> float:
        """Return the number; `nan` is within no limits."""
        number = _number(float, value)
        if number is None or not limits[0] <= number <= limits[1]:
            raise ValueError(f"write a number from {limits[0]:g} to {limits[1]:g}")
        return number

    return checked


def above_zero(value: Any) -> float:
    """A number above 0, or its text."""
    number = _number(float, value)
    if number is None or not number > 0:
        raise ValueError("write a number above 0")
    return number


def rate(value: Any) -> int:
    """Bytes a second: a whole number above 0, or text such as 500K or 50M; K, M and G are powers of 1,000."""
    if not isinstance(value, str) and (number := _number(int, value)) is not None and number == value and number > 0:
        return number
    found = re.fullmatch(r"([1-9][0-9]{0,11})([KMG]?)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a whole number of bytes a second, or one with K, M or G, such as 50M")
    scale: int = 1000 ** " KMG".index(found[2] or " ")
    return int(found[1]) * scale


def moment(value: Any) -> datetime:
    """A moment, a day, or either as ISO 8601 text; a time zone is not added."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value.isoformat() if isinstance(value, date) else value)
    except (TypeError, ValueError):
        raise ValueError("write an ISO 8601 moment such as 2026-11-22 or 2026-11-22T04:00:00Z") from None


def _number(kind: Callable[[Any], Value], value: Any) -> Value | None:
    try:
        return None if isinstance(value, bool) else kind(value)
    except (TypeError, ValueError, OverflowError):
        return None
