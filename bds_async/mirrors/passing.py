"""Which differentials have nothing to be merged by, and what a mirror says about them; no I/O."""

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
    """Return whether a differential has nothing to be merged by: no key, or one that is twice in the full before it."""
    if extract.is_full:
        return False
    before = full_before(applied, extract)
    return not has_key or (before is not None and not before.is_unique)


def keyless_notes(name: str, applied: Sequence[Applied], passed_over: int, *, is_keyed: bool) -> list[str]:
    """Return what a person should know of a data set whose rows have no key; empty for any other one."""
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
