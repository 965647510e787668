"""The input of a mirror, from the ledger and the destination. Only this module knows how these store it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from ..destination import Destination, demand_destination, destination_of
from ..errors import ConfigError
from ..ledger import Delivery, Ledger
from ..models import BdsType, DataSet, Identity, version_key
from ..options import MirrorOptions
from ..planning import delivered_by
from ..support.patience import Patience
from ..support.uninterrupted import outlast
from ..workspace import Workspace

#: Picks some of the delivered data sets.
Choice: TypeAlias = Callable[[list[DataSet]], list[DataSet]]


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

    Once `patience` is cut, no more objects of a store are read. `names` are the names and folders of all data sets that
    the ledger knows.
    """

    destination: Destination
    tenant: str | None
    data_sets: tuple[SourceDataSet, ...]
    patience: Patience
    names: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was delivered."""
        return self.tenant is None or not self.data_sets


async def source_of(workspace: Workspace, options: MirrorOptions) -> Source:
    """Read the deliveries of the chosen data sets. Raises as `read_source` does, and ConfigError if there are none.

    A cancellation cuts short the wait for a program that holds the ledger.
    """
    patience = Patience()
    reading = asyncio.ensure_future(asyncio.to_thread(read_source, workspace, delivered_by(options), patience))
    try:
        source = await asyncio.shield(reading)
    except asyncio.CancelledError:
        patience.cut()
        await outlast(reading)
        raise
    if source.is_empty:
        raise ConfigError(_why_empty(source, workspace, options))
    return source


def _why_empty(source: Source, workspace: Workspace, options: MirrorOptions) -> str:
    """Say why nothing of the chosen data sets was delivered."""
    if options.exclude and source.names:
        return f"`exclude` leaves no chosen data set of those delivered to {workspace.to}: change the patterns."
    what = f" of {' or '.join(map(repr, options.data_set))}" if options.data_set else ""
    return f"Nothing{what} was delivered to {workspace.to}: run `bds-async sync` first, or name the folder with `to`."


def read_source(workspace: Workspace, choose: Choice, patience: Patience | None = None) -> Source:
    """Read the deliveries of the data sets that `choose` picks. Blocks.

    Raises as `choose` does, DestinationError, ConfigError for a state folder of another destination, LedgerBusy.
    """
    demand_destination(workspace)
    with Ledger.read(workspace.ledger, patience=patience, place=workspace.to) as ledger:
        return source_in(ledger, workspace, choose)


def source_in(ledger: Ledger, workspace: Workspace, choose: Choice) -> Source:
    """Do what `read_source` does, with an open ledger. Blocks. Data sets without deliveries are left out."""
    known = ledger.folders.data_sets()
    chosen = {found.ids for found in choose(list(known.values()))} if known else set()
    data_sets = [_data_set(ledger, folder, each) for folder, each in known.items() if each.ids in chosen]
    delivered, patience = tuple(each for each in data_sets if each.extracts), Patience()
    names = tuple(name for folder, each in known.items() for name in (folder, each.name))
    return Source(destination_of(workspace, patience=patience), ledger.tenant, delivered, patience, names)


def _data_set(ledger: Ledger, folder: str, data_set: DataSet) -> SourceDataSet:
    extracts = sorted(map(_extract, ledger.deliveries.all(folder)), key=lambda extract: extract.order)
    complete = ledger.complete_through(folder)
    return SourceDataSet(folder, data_set.name, data_set.schema_id, data_set.ids, tuple(extracts), complete)


def _extract(delivery: Delivery) -> SourceExtract:
    return SourceExtract(delivery.identity, delivery.path, delivery.bytes, delivery.sha256, delivery.columns)
