"""The choice of data sets by patterns, and of the extracts of a pull; no I/O."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

from ..errors import PatternError
from ..models import BdsType, DataSet, Extract, newest
from ..options import MirrorOptions, RunOptions, Wanted


def select(
    data_sets: Sequence[DataSet], patterns: Iterable[str], exclude: Iterable[str], *, delivered: bool = False
) -> list[DataSet]:
    """The data sets that match a pattern (all, if there are no patterns) and no pattern of `exclude`.

    `delivered`: the data sets are those of a ledger, not those that the tenant lists.

    A pattern is a name (case-insensitive, `*` and `?` allowed), a schema id or a plugin id.
    Raises PatternError, naming near misses, for a pattern that matches no data set.
    """
    wanted = _named_by(data_sets, patterns, delivered=delivered) or {data_set.ids for data_set in data_sets}
    unwanted = _named_by(data_sets, exclude, delivered=delivered)
    return [data_set for data_set in data_sets if data_set.ids in wanted - unwanted]


def offered_by(options: RunOptions | MirrorOptions) -> Callable[[Sequence[DataSet]], list[DataSet]]:
    """A choice of data sets by the options; a pattern may match nothing, since it may name an absent data set."""

    def choose(data_sets: Sequence[DataSet]) -> list[DataSet]:
        """The data sets that the options choose."""
        patterns, exclude = (
            [pattern for pattern in known if any(_matches(data_set, pattern) for data_set in data_sets)]
            for known in (options.data_set, options.exclude)
        )
        return select(data_sets, patterns, exclude) if patterns or not options.data_set else []

    return choose


def chosen_by(options: RunOptions | MirrorOptions) -> Callable[[Sequence[DataSet]], list[DataSet]]:
    """A choice of data sets by the options; it raises PatternError as `select` does."""
    return lambda data_sets: select(data_sets, options.data_set, options.exclude)


def delivered_by(options: RunOptions | MirrorOptions) -> Callable[[Sequence[DataSet]], list[DataSet]]:
    """The same choice of the data sets of a ledger."""
    return lambda data_sets: select(data_sets, options.data_set, options.exclude, delivered=True)


def choose(extracts: Iterable[Extract], wanted: Wanted, since: datetime | None = None) -> list[Extract]:
    """The extracts of one data set that a pull wants, oldest first.

    FULL: the newest full. DIFFERENTIAL: every listed differential. ALL: both. Extracts queued before `since` are
    dropped; without a zone it is UTC.
    """
    by_type: dict[BdsType, list[Extract]] = {BdsType.FULL: [], BdsType.DIFFERENTIAL: []}
    for extract in extracts:
        by_type[extract.bds_type].append(extract)
    newest_full = newest(by_type[BdsType.FULL])
    chosen = [newest_full] if newest_full is not None and wanted is not Wanted.DIFFERENTIAL else []
    if wanted is not Wanted.FULL:
        chosen += by_type[BdsType.DIFFERENTIAL]
    if since is not None:
        start = since if since.tzinfo is not None else since.replace(tzinfo=UTC)
        chosen = [extract for extract in chosen if extract.queued_for_processing_date >= start]
    return sorted(chosen, key=lambda extract: extract.age_key)


def _named_by(data_sets: Sequence[DataSet], patterns: Iterable[str], *, delivered: bool) -> set[tuple[str, ...]]:
    named: set[tuple[str, ...]] = set()
    for pattern in patterns:
        matching = {data_set.ids for data_set in data_sets if _matches(data_set, pattern)}
        if not matching:
            raise PatternError(_no_match(pattern, data_sets, delivered=delivered))
        named |= matching
    return named


def _matches(data_set: DataSet, pattern: str) -> bool:
    wildcards = re.escape(pattern.strip().casefold()).replace(r"\*", ".*").replace(r"\?", ".")
    return pattern.strip().lower() in data_set.ids or any(
        re.fullmatch(wildcards, name.casefold(), re.DOTALL) for name in data_set.names
    )


def _near(pattern: str, names: Collection[str]) -> list[str]:
    """The names that a pattern resembles: it is a prefix of the name or of a word in it, or it is similar."""
    stem = pattern[: max(4, len(pattern) - 1)].rstrip("s")
    begun = [name for name in names if stem and name.startswith(stem)]
    begun += [name for name in names if stem and any(word.startswith(stem) for word in name.split()[1:])]
    return (begun or difflib.get_close_matches(pattern, names, n=3, cutoff=0.5))[:3]


def _no_match(pattern: str, data_sets: Sequence[DataSet], *, delivered: bool) -> str:
    names = {data_set.name.casefold(): data_set.name for data_set in data_sets}
    near = _near(pattern.casefold().strip("*? "), names)
    what, command = (
        ("Nothing that was delivered", "ledger show") if delivered else ("No data set of this tenant", "list")
    )
    hint = (
        f"did you mean {' or '.join(repr(names[name]) for name in near)}?"
        if near
        else f"`bds-async {command}` shows them all."
    )
    return f"{what} matches {pattern!r}; {hint}"
