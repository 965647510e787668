"""The warnings of a plan, and the reasons why a plan has nothing to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ..brightspace import Listing
from ..columns import ChangeKind, SchemaChange
from ..ledger import Delivery
from ..models import Extract, brief_text, newest
from ..options import PublishAs, PullOptions, RunOptions, Wanted
from ..support.text import counted, printable
from .selection import choose, offered_by
from .suggested_command import forced_pull

_KINDS = {Wanted.FULL: "full", Wanted.DIFFERENTIAL: "differential", Wanted.ALL: "extract"}


def nothing_to_pull(listing: Listing, options: PullOptions) -> str:
    """Why a pull chooses no listed extract."""
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
    return "`exclude` leaves no data set" if options.exclude else "the tenant offers no data sets"


def all_excluded(listing: Listing, options: RunOptions) -> str:
    """A warning that `exclude` leaves out every chosen data set; empty if it leaves one, or none was chosen."""
    chosen = offered_by(replace(options, exclude=()))(listing.data_sets)
    if not chosen or offered_by(options)(listing.data_sets):
        return ""
    whose = f"`data_set` ({_quoted(options.data_set)}) chooses" if options.data_set else "the tenant lists"
    return f"`exclude` ({_quoted(options.exclude)}) leaves out every data set that {whose}: change the patterns."


def _quoted(patterns: Iterable[str]) -> str:
    return ", ".join(map(repr, patterns))


def breaks_with_columns(extract: Extract, change: SchemaChange | None) -> str:
    """A warning if the columns of an extract are a breaking change; empty for any other change."""
    if change is None or change.kind is not ChangeKind.BREAKING:
        return ""
    return printable(f"{extract} breaks with the columns before it: {change}.")


def has_text_columns(extract: Extract, names: Sequence[str] | None) -> str:
    """A warning about Parquet columns that are text because a value does not fit; empty if there are none."""
    if not names:
        return ""
    what = f"{counted(len(names), 'column')} with values that do not fit the documented type"
    return printable(f"{extract} has {what}, written as text: {', '.join(names)}.")


def unknown_files(count: int) -> str:
    """A warning about published files that the ledger does not have; empty if there are none."""
    if not count:
        return ""
    return (
        f"{counted(count, 'published file')} in the folder, but its ledger knows none: listed extracts are delivered "
        "again. If the ledger was lost, stop this run and rebuild it with `bds-async ledger rebuild`."
    )


def begun_late(names: Sequence[str]) -> str:
    """A warning that changes between a new baseline and the first listed differential may be missing."""
    if not names:
        return ""
    others = f" and {counted(len(names) - 1, 'other data set')}" if names[1:] else ""
    return (
        f"The newest full of {names[0]}{others} is older than differentials stay listed: changes between it and the "
        "first differential may be missing. The next full has them; deliver it with `bds-async sync --with-fulls`."
    )


def in_another_form(delivered: Iterable[Delivery], options: RunOptions) -> str:
    """A warning that extracts delivered as another kind of file stay that way; empty if there are none."""
    found, wanted = _suffixes(delivered), options.publish_as
    others = [form for form in PublishAs if form is not wanted and found[form.suffix]]
    if not others:
        return ""
    count = sum(found[form.suffix] for form in others)
    again = "what this pull chooses" if isinstance(options, PullOptions) else "the newest fulls"
    return (
        f"{counted(count, 'extract')} delivered as {' or '.join(others)} before will not come again as {wanted}: "
        f"give `publish_as='{wanted}'` a folder of its own (`to`), or fetch {again} again "
        f"with `{forced_pull(options)}`; the former files stay beside the new ones."
    )


def turned_to_another_form(delivered: Collection[Delivery], options: RunOptions) -> str:
    """The same warning, until an extract has been delivered in the wanted form."""
    return "" if _suffixes(delivered)[options.publish_as.suffix] else in_another_form(delivered, options)


def _suffixes(delivered: Iterable[Delivery]) -> Counter[str]:
    return Counter(PurePosixPath(delivery.path).suffix for delivery in delivered if delivery.path is not None)
