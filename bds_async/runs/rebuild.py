"""A ledger made anew of the files that lie in a folder, and of what the tenant lists.

A file's name says type, queued date to the second and version; its created date only where two extracts had one name.
What the tenant still lists gives the rest, unless it was made after the file was written. Of what it lists no more
only that is known, which does no harm: nobody will offer it again.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..api import read_listing
from ..config.settings import Config
from ..errors import DestinationError, UnusableArchive, VerificationError
from ..events import Examined, Observer, Read, Reviewed, Surveyed, unobserved
from ..options import Verify
from ..formats.archive import Checked, check, measure
from ..formats.csv_header import columns_of
from ..ledger import Delivery
from ..models import BdsType, DataSet, Extract
from ..options import RunOptions
from ..planning.placement import by_folder
from ..report import FailedList
from ..support.threads import ZipThreads
from ..workspace.file_names import ParsedName, compact, parse_file_name, relative_path, safe_version
from ..workspace.folder import writing_to
from ..workspace.paths import inside
from .corrections import correcting_by
from .verification import demand_folder

#: Seconds by which an extract may seem to be made after its file was written: clocks differ, and a file system that
#: keeps local time is off by an hour for half of the year.
SKEW = 3600.0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that is not taken for a delivery; `path` is relative to the folder, with `/`."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many files the ledger now holds as delivered, those that it does not, and lists that would not come."""

    recorded: int
    rejected: Sequence[Rejected]
    failed_lists: Sequence[FailedList]


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of `size` bytes, and the extract that its name means; None if it means none of its data set."""

    path: str
    size: int
    extract: Extract | None


async def rebuild(
    config: Config,
    to: Path,
    patterns: Sequence[str] = (),
    verify: Verify = Verify.FULL,
    observer: Observer = unobserved,
) -> Rebuilt:
    """Make the ledger of the chosen data sets anew of the files that are there and whole. Raises as `pull` does.

    What the ledger knew of a data set is dropped once all of its files are checked, so that a sync begins it anew:
    without its files, with the newest full. A CSV has nothing to prove it whole, and is taken as it is.
    """
    demand_folder(to)
    async with AsyncExitStack() as stack:
        ledger, threads = await stack.enter_async_context(correcting_by(config, to)), stack.enter_context(ZipThreads())
        listing = await read_listing(config, RunOptions(data_set=tuple(patterns)))
        placed = by_folder(listing.extracts, ledger).items()
        files = await asyncio.to_thread(lambda: {folder: list(_files(to, folder, *known)) for folder, known in placed})
        recorded, rejected = 0, list[Rejected]()
        with _surveyed([each for found in files.values() for each in found], observer):
            for folder, found in files.items():
                looked = list(_told_apart([await _look_at(to, each, verify, threads, observer) for each in found]))
                whole = [each for each in looked if isinstance(each, Delivery)]
                ledger.restart(folder, whole)
                recorded += len(whole)
                rejected += [each for each in looked if isinstance(each, Rejected)]
        return Rebuilt(recorded, rejected, listing.failed)


@contextmanager
def _surveyed(found: Sequence[_Found], observer: Observer) -> Iterator[None]:
    observer(Surveyed(len(found), sum(each.size for each in found)))
    try:
        yield
    finally:
        observer(Reviewed())


async def _look_at(
    to: Path, found: _Found, verify: Verify, threads: ZipThreads, observer: Observer
) -> Delivery | Rejected:
    """What a file is taken for, once it has been checked."""
    looked = await threads.run(partial(_taken_for, to, found, verify, threads))
    observer(Read(found.size))
    observer(Examined(found.path))
    return looked


def _told_apart(looked: Iterable[Delivery | Rejected]) -> Iterator[Delivery | Rejected]:
    """The same, but of files whose names differ by case alone the first one alone is taken: a ledger holds no more."""
    taken: dict[str, Delivery] = {}
    for each in looked:
        first = taken.setdefault(each.path.lower(), each) if isinstance(each, Delivery) and each.path else each
        yield each if first is each else Rejected(each.path or "", f"only by case its name differs from {first.path}")


def _taken_for(to: Path, found: _Found, verify: Verify, threads: ZipThreads) -> Delivery | Rejected:
    if found.extract is None:
        return Rejected(found.path, "its name is not that of an extract of this data set")
    try:
        checked = _check(inside(to, found.path), verify, threads)
    except (VerificationError, UnusableArchive, DestinationError) as error:
        return Rejected(found.path, str(error))
    known = {"bytes": checked.bytes, "sha256": checked.sha256, "columns": checked.columns}
    return Delivery.of(found.extract, found.path.partition("/")[0], path=found.path, **known)


def _check(file: Path, verify: Verify, threads: ZipThreads) -> Checked:
    if file.suffix == ".zip":
        return check(file, verify, threads.watch)
    with writing_to(file.parent):
        return replace(measure(file, threads.watch), columns=columns_of(file))


def _files(to: Path, folder: str, data_set: DataSet, extracts: Iterable[Extract]) -> Iterator[_Found]:
    """Every file of a data set's folder."""
    listed = _Listed(data_set, extracts)
    for bds_type in BdsType:
        place = inside(to, f"{folder}/{bds_type.folder}")
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if (known := _plain(file)) is not None:
                name = parse_file_name(file.name)
                fits = name is not None and (name.folder, name.bds_type) == (folder, bds_type)
                extract = listed.meant_by(name, known.st_mtime) if fits and name is not None else None
                yield _Found(relative_path(folder, bds_type, file.name), known.st_size, extract)


def _plain(file: Path) -> os.stat_result | None:
    """What is known of a plain file; None for anything else, and for what a loader has taken."""
    try:
        known = file.stat()
    except OSError:
        return None
    return known if stat.S_ISREG(known.st_mode) else None


class _Listed:
    """What is listed of a data set, by what a file's name says of it."""

    def __init__(self, data_set: DataSet, extracts: Iterable[Extract]) -> None:
        self._data_set = data_set
        self._by_name: defaultdict[tuple[BdsType, str, str], list[Extract]] = defaultdict(list)
        for each in sorted(extracts, key=lambda extract: extract.created_date):
            queued, version = compact(each.queued_for_processing_date), safe_version(each.version)
            self._by_name[each.bds_type, queued, version].append(each)

    def meant_by(self, name: ParsedName, written: float) -> Extract | None:
        """The extract that the name of a file means: the first that is listed, else as much of it as the name says.

        `written` is when the file was, in seconds since 1970.
        """
        makings = self._by_name.get((name.bds_type, compact(name.queued), name.version), ())
        return next((each for each in makings if _fits(each, name, written)), None) or self._unlisted(name)

    def _unlisted(self, name: ParsedName) -> Extract | None:
        known = self._data_set
        plugin = known.full if name.bds_type is BdsType.FULL else known.differential
        if plugin is None:
            return None
        created = name.created or name.queued
        return Extract(
            known.name, known.schema_id, plugin.plugin_id, name.bds_type, name.queued, created, name.version, ""
        )


def _fits(extract: Extract, name: ParsedName, written: float) -> bool:
    """A plain name means nothing that was made after the file was written: the file is of a making before it.

    A file that seems to be older than the moment in its name has lost its own time, which tells nothing then.
    """
    if name.created is None:
        is_timeless = written + SKEW < name.queued.timestamp()
        return is_timeless or extract.created_date.timestamp() <= written + SKEW
    return compact(extract.created_date) == compact(name.created)
