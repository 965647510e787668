"""Rebuild of a ledger from the files of a destination and the extracts that the tenant lists.

A file's name holds type, queued date to the second and version; it has the created date only if two extracts would
share a name. The listed extract gives the rest, unless it was created after the file was written. Of an extract that is
no longer listed, only the name is known; that is enough, since it will not be offered again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ..brightspace import Listing
from ..config import Config
from ..destination import Destination, demand_destination
from ..errors import DestinationError, UnusableArchive, VerificationError
from ..events import Examined, Observer, Read, Reviewed, Surveyed, unobserved
from ..formats import format_of
from ..ledger import Delivery
from ..models import BdsType, DataSet, Extract
from ..options import PublishAs, RunOptions, Verify
from ..planning import by_folder
from ..report import FailedList
from ..support.running import Stop, beside
from ..support.threads import ZipThreads
from ..support.to_its_end import in_thread
from ..workspace import Workspace
from ..workspace.file_names import ParsedName, compact, parse_file_name, relative_path, safe_version
from .context import Storage, open_storage
from .listing import read_listing

#: Seconds by which an extract's creation may appear later than its file's: clocks differ, and a file system that keeps
#: local time is off by an hour for half of the year.
SKEW = 3600.0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that is not recorded as a delivery; `path` is relative to the destination, with `/`."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The number of files now recorded as delivered, the rejected files, and the lists that failed."""

    recorded: int
    rejected: Sequence[Rejected]
    failed_lists: Sequence[FailedList]


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of `size` bytes, and the extract that its name identifies; None if it identifies none of its data set."""

    folder: str
    path: str
    size: int
    extract: Extract | None


async def rebuild(
    config: Config,
    workspace: Workspace,
    patterns: Sequence[str] = (),
    verify: Verify = Verify.FULL,
    *,
    observer: Observer = unobserved,
    stop: Stop | None = None,
) -> Rebuilt:
    """Rebuild the ledger of the chosen data sets from the files that are there and whole. Raises as `pull` does.

    The ledger's old records of a data set are dropped once all of its files are checked. The next sync then starts
    the data set again with the newest full, skipping the files that are recorded. A CSV cannot be verified and is
    recorded as it is.
    """
    demand_destination(workspace)
    stop = stop or Stop()
    return await beside(_rebuilt(config, workspace, patterns, verify, observer=observer, stop=stop), stop.obey())


async def _rebuilt(
    config: Config, workspace: Workspace, patterns: Sequence[str], verify: Verify, *, observer: Observer, stop: Stop
) -> Rebuilt:
    async with open_storage(workspace, config.bspace_url, stop) as storage:
        with ZipThreads() as threads:
            await in_thread(storage.publisher.recover)
            listing = await read_listing(config, RunOptions(data_set=tuple(patterns)))
            files = await in_thread(partial(_all_files, storage, listing))
            recorded, rejected = 0, list[Rejected]()
            with _surveyed([each for found in files.values() for each in found], observer):
                for folder, found in files.items():
                    looked = [await _look_at(each, storage, verify, threads, observer) for each in found]
                    apart = list(_told_apart(looked))
                    whole = [each for each in apart if isinstance(each, Delivery)]
                    await in_thread(partial(storage.ledger.restart, folder, whole))
                    recorded += len(whole)
                    rejected += [each for each in apart if isinstance(each, Rejected)]
            return Rebuilt(recorded, rejected, listing.failed)


def _all_files(storage: Storage, listing: Listing) -> dict[str, list[_Found]]:
    placed = by_folder(listing.extracts, storage.ledger).items()
    return {folder: list(_files(storage.destination, folder, *known)) for folder, known in placed}


@contextmanager
def _surveyed(found: Sequence[_Found], observer: Observer) -> Iterator[None]:
    observer(Surveyed(len(found), sum(each.size for each in found)))
    try:
        yield
    finally:
        observer(Reviewed())


async def _look_at(
    found: _Found, storage: Storage, verify: Verify, threads: ZipThreads, observer: Observer
) -> Delivery | Rejected:
    """Check a file; returns its delivery, or why it is rejected."""
    looked = await threads.run(partial(_taken_for, found, storage.destination, verify, threads))
    observer(Read(found.size))
    observer(Examined(found.path))
    return looked


def _told_apart(looked: Iterable[Delivery | Rejected]) -> Iterator[Delivery | Rejected]:
    """Reject all but the first of files whose names differ by case alone, since the ledger can hold only one."""
    taken: dict[str, Delivery] = {}
    for each in looked:
        first = taken.setdefault(each.path.lower(), each) if isinstance(each, Delivery) and each.path else each
        yield each if first is each else Rejected(each.path or "", f"its name differs from {first.path} by case alone")


def _taken_for(found: _Found, destination: Destination, verify: Verify, threads: ZipThreads) -> Delivery | Rejected:
    if found.extract is None:
        return Rejected(found.path, "its name is not that of an extract of this data set")
    try:
        with destination.local(found.path) as file:
            checked = format_of(PublishAs.of(found.path)).check(file, verify, threads.watch)
    except (VerificationError, UnusableArchive, DestinationError) as error:
        return Rejected(found.path, str(error))
    known = {"bytes": checked.bytes, "sha256": checked.sha256, "columns": checked.columns}
    return Delivery.of(found.extract, found.folder, path=found.path, **known)


def _files(destination: Destination, folder: str, data_set: DataSet, extracts: Iterable[Extract]) -> Iterator[_Found]:
    """Every file of a data set's folder."""
    listed = _Listed(data_set, extracts)
    for bds_type in BdsType:
        for path in sorted(destination.paths(f"{folder}/{bds_type.folder}")):
            size, written = destination.size(path), destination.modified(path)
            if size is not None and written is not None and path.count("/") == 2:
                name = parse_file_name(path.rpartition("/")[2])
                fits = name is not None and path == relative_path(name.folder, name.bds_type, path.rpartition("/")[2])
                extract = listed.meant_by(name, written) if fits and name is not None else None
                yield _Found(folder, path, size, extract)


class _Listed:
    """The listed extracts of a data set, by the parts of a file's name."""

    def __init__(self, data_set: DataSet, extracts: Iterable[Extract]) -> None:
        self._data_set = data_set
        self._by_name: defaultdict[tuple[BdsType, str, str], list[Extract]] = defaultdict(list)
        for each in sorted(extracts, key=lambda extract: extract.created_date):
            queued, version = compact(each.queued_for_processing_date), safe_version(each.version)
            self._by_name[each.bds_type, queued, version].append(each)

    def meant_by(self, name: ParsedName, written: float) -> Extract | None:
        """The extract that a file's name identifies: the first that is listed, else one built from the name.

        `written` is the file's time of writing, in seconds since 1970.
        """
        candidates = self._by_name.get((name.bds_type, compact(name.queued), name.version), ())
        return next((each for each in candidates if _fits(each, name, written)), None) or self._unlisted(name)

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
    """Whether an extract can be the content of a file: it must not have been created after the file was written.

    A file that appears older than the date in its name has lost its real modification time, so that is ignored.
    """
    if name.created is None:
        is_timeless = written + SKEW < name.queued.timestamp()
        return is_timeless or extract.created_date.timestamp() <= written + SKEW
    return compact(extract.created_date) == compact(name.created)
