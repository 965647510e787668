"""A sentence on what limited a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ...support.text import counted, size_text
from .shares import Cause, Shares
from .spans import Spans
from .words import TEXT, name_of, names_text, rate_text, seconds_text, shown

#: Share of `--limit-rate` from which that limit counts as the cause.
AT_LIMIT = 0.8
#: Causes outside the downloads, and the share of a run from which the first cause among the downloads is named too.
_OUTSIDE, NOTABLE = frozenset({Cause.LISTS, Cause.PUBLISHING, Cause.MIRROR, Cause.REST}), 0.05


def verdict(spans: Spans, shares: Shares) -> str:
    """Say what the run spent most of its time on, and what that means."""
    if not shares.seconds:
        return _without_attempts(spans)
    cause = next(iter(shares.seconds))
    text = _sentence(cause, spans, shares)
    others = [each for each in shares.seconds if each not in _OUTSIDE]
    if cause in _OUTSIDE and others and shares.seconds[others[0]] >= NOTABLE * spans.seconds:
        second = _sentence(others[0], spans, shares)
        text = f"{text} Among the downloads, {second[0].lower()}{second[1:]}"
    return text


def _sentence(cause: Cause, spans: Spans, shares: Shares) -> str:
    part = f"{seconds_text(shares.seconds[cause])} of {seconds_text(spans.seconds)}"
    return _SENTENCES[cause](spans, shares, part)


def _without_attempts(spans: Spans) -> str:
    totals = spans.report.totals
    if totals.downloaded or totals.failed:
        return "What limited this run is not known: its report has no times of transfers."
    if pending := totals.planned - totals.skipped:
        return f"Nothing was fetched: the run ended before the turn of {counted(pending, 'extract')}."
    if totals.skipped:
        return f"There was nothing to fetch: {counted(totals.skipped, 'extract')} had been delivered before."
    return "There was nothing to fetch."


def _lists(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    return f"The steps before the first download took longest: the sign-in, the lists, the plan ({part})."


def _data(spans: Spans, shares: Shares, part: str) -> str:
    rate = sum(span.bytes for span in spans.all) / max(shares.seconds[Cause.DATA], 0.001)
    limit = spans.report.limit_rate
    if limit and spans.average >= AT_LIMIT * limit:
        return f"The limit --limit-rate set the pace: {rate_text(limit)}, while workers were receiving data ({part})."
    return (
        f"The transfer of data set the pace: most workers were receiving for {part}, at {rate_text(rate)} together. "
        "The network or the storage behind the tenant was the limit."
    )


def _answers(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    return (
        f"The tenant's answers set the pace: for {part} most of the workers waited for a download to begin. "
        "More workers help only if the tenant answers them in parallel."
    )


def _retries(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    failed = [span for span in spans.all if span.has_failed]
    reasons = Counter(span.error for span in failed if span.error).most_common(1)
    why = f" The most frequent reason: {shown(reasons[0][0], TEXT)}" if reasons else ""
    return (
        f"Failed tries and the waits after them set the pace: {part}. "
        f"{len(failed):,} of {counted(len(spans.all), 'try')} failed.{why}"
    )


def _rate_limit(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    waits = counted(spans.report.totals.rate_limit_waits, "wait")
    return f"The tenant's rate limit set the pace: no new download could begin for {part}, in {waits}."


def _outage(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    return f"An outage set the pace: the tenant could not be reached for {part}."


def _last(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    extract = spans.ends[-1][1]
    size = f" ({size_text(extract.bytes)})" if extract.bytes else ""
    return (
        f"One extract set the pace: {name_of(extract)}{size} was still under way for {part} after all others had ended."
    )


def _tail(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    names = list(dict.fromkeys(name_of(extract) for _, extract in reversed(spans.ends)))
    few = max(1, len(spans.lanes) // 4)
    return (
        f"A slow tail set the pace: for {part} at most {few} of {len(spans.lanes)} workers had work left. "
        f"The last to end: {names_text(names[:3])}."
    )


def _publishing(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    return (
        f"Verifying and publishing set the pace: {part}, while no worker had work. The disk or the CPU was the limit."
    )


def _mirror(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    return f"The mirror set the pace: applying the extracts took {part}."


def _rest(spans: Spans, shares: Shares, part: str) -> str:  # noqa: ARG001
    return f"The steps after the last download set the pace: {part}."


_SENTENCES: dict[Cause, Callable[[Spans, Shares, str], str]] = {
    Cause.LISTS: _lists,
    Cause.DATA: _data,
    Cause.ANSWERS: _answers,
    Cause.RETRIES: _retries,
    Cause.RATE_LIMIT: _rate_limit,
    Cause.OUTAGE: _outage,
    Cause.LAST: _last,
    Cause.TAIL: _tail,
    Cause.PUBLISHING: _publishing,
    Cause.MIRROR: _mirror,
    Cause.REST: _rest,
}
