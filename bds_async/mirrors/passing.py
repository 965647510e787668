"""Differentials that cannot be merged because there is no usable key, and the notes about them; no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from ..models import brief_text
from ..support.text import counted
from .applied import Applied
from .source import SourceExtract, order_of


def full_before(applied: Sequence[Applied], extract: SourceExtract) -> Applied | None:
    """Return the last applied full that comes before an extract; `applied` is in order."""
    fulls = [each for each in applied if each.is_full and order_of(each.identity) < extract.order]
    return fulls[-1] if fulls else None


def is_passed_over(extract: SourceExtract, applied: Sequence[Applied], *, has_key: bool) -> bool:
    """Return whether a differential cannot be merged: there is no key, or it is not unique in the full before it."""
    if extract.is_full:
        return False
    before = full_before(applied, extract)
    return not has_key or (before is not None and not before.is_unique)


def keyless_notes(name: str, applied: Sequence[Applied], passed_over: int, *, is_keyed: bool) -> list[str]:
    """Return notes for a person about a data set without a usable key; empty for any other data set."""
    fulls = [each for each in applied if each.is_full]
    passed = counted(passed_over, "differential")
    if (fulls and fulls[-1].is_unique) or not (fulls or passed_over):
        return []
    why = "its key is twice in a full" if is_keyed and fulls else "no key is known"
    if not fulls:
        return [f"{name} waits for a full, since {why}: {passed} cannot be applied."]
    since = brief_text(fulls[-1].identity.queued_for_processing_date)
    left = f"; {passed} cannot be applied" if passed_over else ""
    return [f"{name} is replaced by each full, since {why} (full of {since}){left}."]
