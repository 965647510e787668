"""What a person should know of a plan: why there is nothing to do, and what was delivered in another form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePosixPath

from ..brightspace import Listing
from ..columns import ChangeKind, SchemaChange
from ..ledger import Delivery
from ..models import Extract, brief_text, newest
from ..options import PublishAs, PullOptions, RunOptions, Wanted
from ..support.text import counted, printable
from .selection import choose

_KINDS = {Wanted.FULL: "full", Wanted.DIFFERENTIAL: "differential", Wanted.ALL: "extract"}


def nothing_to_pull(listing: Listing, options: PullOptions) -> str:
    """Why a pull chooses nothing of what is listed."""
    listed = [each for extracts in listing.extracts.values() for each in choose(extracts, options.wanted)]
    kind, last = _KINDS[options.wanted], newest(listed)
    if last is None:
        return _no_data_set(listing, options) or f"no {kind} is listed of {counted(len(listing.extracts), 'data set')}"
    since = brief_text(options.since) if options.since is not None else "then"
    return f"no {kind} was queued since {since}; the newest is of {brief_text(last.queued_for_processing_date)}"


def nothing_to_sync(listing: Listing, options: RunOptions) -> str:
    """Why a sync has nothing to deliver."""
    if any(listing.extracts.values()):
        return "nothing new since the last sync"
    return _no_data_set(listing, options) or "no extract is listed yet"


def _no_data_set(listing: Listing, options: RunOptions) -> str:
    if listing.extracts or listing.failed:
        return ""
    return "--exclude leaves no data set" if options.exclude else "the tenant offers no data sets"


def breaks_with_columns(extract: Extract, change: SchemaChange | None) -> str:
    """That an extract's columns break with those before; nothing to say of any other change."""
    if change is None or change.kind is not ChangeKind.BREAKING:
        return ""
    return printable(f"{extract} breaks with the columns before it: {change}.")


def has_text_columns(extract: Extract, names: Sequence[str] | None) -> str:
    """That columns of a Parquet file are text since a value does not fit; nothing to say without such a column."""
    if not names:
        return ""
    what = f"{counted(len(names), 'column')} with values that do not fit the documented type"
    return printable(f"{extract} has {what}, written as text: {', '.join(names)}.")


def unknown_files(count: int) -> str:
    """That published files lie where the ledger knows of none, which a sync goes by; nothing to say of none."""
    if not count:
        return ""
    return (
        f"{counted(count, 'published file')} in the folder, and its ledger knows of none: what is listed is delivered "
        "again. If the ledger was lost, stop, and make it anew with `bds-async ledger rebuild`."
    )


def begun_late(names: Sequence[str]) -> str:
    """That what changed between a first baseline and the first listed differential may be missing."""
    if not names:
        return ""
    others = f" and {counted(len(names) - 1, 'other data set')}" if names[1:] else ""
    return (
        f"The newest full of {names[0]}{others} is older than differentials stay listed: what changed between it and "
        "the first differential may be missing. The next full has it: deliver that with `bds-async sync --with-fulls`."
    )


def in_another_form(delivered: Iterable[Delivery], wanted: PublishAs) -> str:
    """That what was delivered as another kind of file stays so; nothing to say where there is none of it."""
    found = _suffixes(delivered)
    others = [form for form in PublishAs if form is not wanted and found[form.suffix]]
    if not others:
        return ""
    count = sum(found[form.suffix] for form in others)
    return (
        f"{counted(count, 'extract')} delivered as {' or '.join(others)} before will not come again as {wanted}: "
        f"give --as {wanted} a folder of its own (--to), or fetch the listed ones again with `bds-async pull --force`."
    )


def turned_to_another_form(delivered: Collection[Delivery], wanted: PublishAs) -> str:
    """The same until something has been delivered in the wanted form: a job that was turned to it need not go on so."""
    return "" if _suffixes(delivered)[wanted.suffix] else in_another_form(delivered, wanted)


def _suffixes(delivered: Iterable[Delivery]) -> Counter[str]:
    return Counter(PurePosixPath(delivery.path).suffix for delivery in delivered if delivery.path is not None)
