"""The types of D2L's JSON fields: text, ids, moments, flavours."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, cast

from pydantic import AfterValidator, BeforeValidator, ValidatorFunctionWrapHandler, WrapValidator

from ...models import BdsType

#: Control characters and lone surrogates, which JSON can express.
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def _readable(text: str) -> str:
    """Clean text so that every terminal, file and database accepts it."""
    return _UNREADABLE.sub(" ", text).strip()


def _utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the moment is out of the calendar's range") from None


def _leap_second(value: object, parse: ValidatorFunctionWrapHandler) -> datetime:
    """Parse a moment; the leap second `23:59:60` (RFC 3339 section 5.7) is the second after `23:59:59`."""
    found = re.fullmatch(r"(.+:\d\d):60(\D.*)?", value) if isinstance(value, str) else None
    if found is None:
        return cast(datetime, parse(value))
    try:
        return cast(datetime, parse(f"{found[1]}:59{found[2] or ''}")) + timedelta(seconds=1)
    except OverflowError:
        raise ValueError("the moment is out of the calendar's range") from None


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _flavour(value: object) -> BdsType:
    """Parse a type, ignoring case."""
    found = [known for known in BdsType if isinstance(value, str) and known.value == value.strip().title()]
    if not found:
        raise ValueError("must be full or differential")
    return found[0]


Text = Annotated[str, AfterValidator(_readable)]
Id = Annotated[Text, AfterValidator(_not_empty)]
Moment = Annotated[datetime, WrapValidator(_leap_second), AfterValidator(_utc)]
Flavour = Annotated[BdsType, BeforeValidator(_flavour)]
