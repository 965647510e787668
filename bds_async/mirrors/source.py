"""The input of a mirror, from the ledger and the destination. Only this module knows how these store it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from ..destination import Destination, destination_of
from ..errors import BdsError, DestinationError, ExtractError
from ..formats.inflate import BLOCK, contents
from ..formats.zip_members import Member, members_of
from ..ledger import Delivery, Ledger
from ..models import BdsType, DataSet, Identity, version_key
from ..support.patience import Patience
from ..support.uninterrupted import outlast
from ..workspace import Workspace, writing_to

#: Picks some of the delivered data sets.
Choice: TypeAlias = Callable[[list[DataSet]], list[DataSet]]


class FileChanged(Exception):
    """A published file differs from the ledger's record, or cannot be read as a CSV; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class SourceExtract:
    """One delivered extract: its identity, its file below the folder, and the ledger's record of that file.

    `path` is None for an extract that was marked as delivered without a file.
    """

    identity: Identity
    path: str | None
    bytes: int | None
    sha256: str | None
    columns: tuple[str, ...] | None

    @property
    def is_full(self) -> bool:
        """Whether it is a full."""
        return self.identity.bds_type is BdsType.FULL

    @property
    def queued(self) -> datetime:
        """The date as of which the data is valid, UTC."""
        return self.identity.queued_for_processing_date

    @property
    def order(self) -> tuple[datetime, bool, datetime, tuple[int, ...], str]:
        """The order of application: queued date, differential before full, created date, version; whole seconds."""
        return order_of(self.identity)


def order_of(identity: Identity) -> tuple[datetime, bool, datetime, tuple[int, ...], str]:
    """Return the sort key of an extract for the order of application within its data set."""
    queued = identity.queued_for_processing_date.replace(microsecond=0)
    created = identity.created_date.replace(microsecond=0)
    version = identity.version
    return (queued, identity.bds_type is BdsType.FULL, created, version_key(version), version)


@dataclass(frozen=True, slots=True)
class SourceDataSet:
    """One data set with its delivered extracts in the order of application.

    `ids` are its schema and plugin ids; `complete_through` is the date up to which the ledger has everything.
    """

    folder: str
    name: str
    schema_id: str | None
    ids: tuple[str, ...]
    extracts: tuple[SourceExtract, ...]
    complete_through: datetime | None


@dataclass(frozen=True, slots=True)
class Source:
    """The delivered extracts of a destination, and their tenant (None before the first run).

    Once `patience` is cut, no more objects of a store are read.
    """

    destination: Destination
    tenant: str | None
    data_sets: tuple[SourceDataSet, ...]
    patience: Patience

    @property
    def is_empty(self) -> bool:
        """Whether nothing was delivered."""
        return self.tenant is None or not self.data_sets


async def source_of(workspace: Workspace, choose: Choice) -> Source:
    """Call `read_source` in a thread. A cancellation cuts short the wait for a program that holds the ledger."""
    patience = Patience()
    reading = asyncio.ensure_future(asyncio.to_thread(read_source, workspace, choose, patience))
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        patience.cut()
        await outlast(reading)
        raise


def read_source(workspace: Workspace, choose: Choice, patience: Patience | None = None) -> Source:
    """Read the deliveries of the data sets that `choose` picks. Blocks.

    Raises as `choose` does, DestinationError, LedgerBusy.
    """
    with Ledger.read(workspace.ledger, patience=patience, place=workspace.to) as ledger:
        return source_in(ledger, workspace, choose)


def source_in(ledger: Ledger, workspace: Workspace, choose: Choice) -> Source:
    """Do what `read_source` does, with an open ledger. Blocks. Data sets without deliveries are left out."""
    known = ledger.folders.data_sets()
    chosen = {found.ids for found in choose(list(known.values()))} if known else set()
    data_sets = [_data_set(ledger, folder, each) for folder, each in known.items() if each.ids in chosen]
    delivered, patience = tuple(each for each in data_sets if each.extracts), Patience()
    return Source(destination_of(workspace, patience=patience), ledger.tenant, delivered, patience)


def _data_set(ledger: Ledger, folder: str, data_set: DataSet) -> SourceDataSet:
    extracts = sorted(map(_extract, ledger.deliveries.all(folder)), key=lambda extract: extract.order)
    complete = ledger.complete_through(folder)
    return SourceDataSet(folder, data_set.name, data_set.schema_id, data_set.ids, tuple(extracts), complete)


def _extract(delivery: Delivery) -> SourceExtract:
    return SourceExtract(delivery.identity, delivery.path, delivery.bytes, delivery.sha256, delivery.columns)


def fault_of(destination: Destination, extract: SourceExtract) -> str | None:
    """Return why the file of an extract cannot be applied, judged by name and size only; None if it can. Blocks."""
    assert extract.path is not None
    if not extract.path.endswith((".zip", ".csv")):
        return "is neither a zip nor a CSV"
    size = destination.size(extract.path)
    if size is None:
        return "is gone"
    if extract.bytes is not None and size != extract.bytes:
        return f"has {size} bytes, the ledger says {extract.bytes}"
    return None


@contextmanager
def csv_blocks(destination: Destination, extract: SourceExtract) -> Iterator[Iterator[bytes]]:
    """Open the file of an extract and yield the blocks of its CSV. Blocks while reading.

    The CRC-32 and the SHA-256 are checked after the last block. Raises FileChanged.
    """
    assert extract.path is not None
    try:
        with destination.local(extract.path) as path, writing_to(path.parent), path.open("rb") as file:
            reader = _Hashing(file.fileno(), extract.sha256)
            if extract.path.endswith(".csv"):
                yield reader.all()
                return
            members = members_of(file, os.fstat(file.fileno()).st_size)
            member = next((each for each in members if each.is_csv), None)
            if member is None:
                raise FileChanged("holds no CSV")
            yield reader.member(member)
    except DestinationError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise FileChanged("is gone") from None
        raise


class _Hashing:
    """Reads a file once from its beginning, and compares its SHA-256 with the expected one, if known."""

    def __init__(self, descriptor: int, expected: str | None) -> None:
        self._descriptor = descriptor
        self._expected = expected
        self._digest = hashlib.sha256()
        self._position = 0

    def all(self) -> Iterator[bytes]:
        """Read the whole file in blocks; raises FileChanged if its SHA-256 differs."""
        yield from self._until(None)
        self._check()

    def member(self, member: Member) -> Iterator[bytes]:
        """Read the contents of a zip's member in blocks; raises FileChanged if it is damaged or the SHA-256 differs."""
        try:
            self._skip(member.start)
            yield from contents(member, self._until(member.stop))
        except BdsError as error:
            if isinstance(error, ExtractError):
                raise FileChanged(f"is damaged: {error}") from error
            raise
        self._skip(None)
        self._check()

    def _skip(self, stop: int | None) -> None:
        for _ in self._until(stop):
            pass

    def _until(self, stop: int | None) -> Iterator[bytes]:
        while stop is None or self._position < stop:
            wanted = BLOCK if stop is None else min(BLOCK, stop - self._position)
            os.lseek(self._descriptor, self._position, os.SEEK_SET)
            block = os.read(self._descriptor, wanted)
            if not block:
                return
            self._position += len(block)
            self._digest.update(block)
            yield block

    def _check(self) -> None:
        if self._expected is not None and self._digest.hexdigest() != self._expected:
            raise FileChanged("is not the file that was published: its SHA-256 differs from the ledger's")
