"""A ledger made anew of the files that lie in a folder, and of what the tenant lists.

A file's name says type, queued date to the second and version; its created date only where two extracts had one name.
What the tenant still lists gives the rest. Of what it lists no more only that is known, which does no harm: nobody
will offer it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from .archive.archive import Checked, Verify, check, measure
from .archive.csv_header import columns_of
from .concurrency.zip_threads import ZipThreads
from .config.settings import Config
from .corrections import correcting
from .errors import DestinationError, UnusableArchive, VerificationError
from .events import Examined, Observer, Read, Reviewed, Surveyed, unobserved
from .folder.file_names import ParsedName, compact, parse_file_name, relative_path, safe_version
from .folder.folder import writing_to
from .folder.paths import inside
from .jobs import read_listing
from .ledger.ledger import Delivery
from .models import BdsType, DataSet, Extract
from .options import RunOptions
from .placement import by_folder
from .report import FailedList


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
    """A file, and the extract that its name means; None if it means none of its data set."""

    path: str
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
    with correcting(to, config.bspace_url) as ledger, ZipThreads() as threads:
        listing = await read_listing(config, RunOptions(data_set=tuple(patterns)))
        placed = by_folder(listing.extracts, ledger).items()
        files = {folder: list(_files(to, folder, *listed)) for folder, listed in placed}
        recorded, rejected = 0, list[Rejected]()
        with _surveyed(to, [each for found in files.values() for each in found], observer):
            for folder, found in files.items():
                looked = [await _look_at(to, each, verify, threads, observer) for each in found]
                whole = [each for each in looked if isinstance(each, Delivery)]
                ledger.begin_anew(folder, whole)
                recorded += len(whole)
                rejected += [each for each in looked if isinstance(each, Rejected)]
        return Rebuilt(recorded, rejected, listing.failed)


@contextmanager
def _surveyed(to: Path, found: Sequence[_Found], observer: Observer) -> Iterator[None]:
    observer(Surveyed(len(found), sum(_size(inside(to, each.path)) for each in found)))
    try:
        yield
    finally:
        observer(Reviewed())


async def _look_at(
    to: Path, found: _Found, verify: Verify, threads: ZipThreads, observer: Observer
) -> Delivery | Rejected:
    """What a file is taken for, once it has been checked."""
    looked = await threads.run(partial(_taken_for, to, found, verify, threads))
    observer(Read(_size(inside(to, found.path))))
    observer(Examined(found.path))
    return looked


def _size(file: Path) -> int:
    """A loader may take it at any time."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


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


def _files(to: Path, folder: str, data_set: DataSet, listed: Iterable[Extract]) -> Iterator[_Found]:
    """Every file of a data set's folder."""
    for bds_type in BdsType:
        place = inside(to, f"{folder}/{bds_type.folder}")
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if file.is_file():
                name = parse_file_name(file.name)
                fits = name is not None and (name.folder, name.bds_type) == (folder, bds_type)
                path = relative_path(folder, bds_type, file.name)
                yield _Found(path, _extract(data_set, listed, name) if fits and name is not None else None)


def _extract(data_set: DataSet, listed: Iterable[Extract], name: ParsedName) -> Extract | None:
    """The extract that a file's name means: one that is listed, else as much of it as the name says."""
    found = sorted((each for each in listed if _fits(each, name)), key=lambda extract: extract.created_date)
    if found:
        return found[0]
    plugin = data_set.full if name.bds_type is BdsType.FULL else data_set.differential
    if plugin is None:
        return None
    created = name.created or name.queued
    return Extract(
        data_set.name, data_set.schema_id, plugin.plugin_id, name.bds_type, name.queued, created, name.version, ""
    )


def _fits(extract: Extract, name: ParsedName) -> bool:
    return (
        extract.bds_type is name.bds_type
        and compact(extract.queued_for_processing_date) == compact(name.queued)
        and safe_version(extract.version) == name.version
        and (name.created is None or compact(extract.created_date) == compact(name.created))
    )
