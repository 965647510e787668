"""The extract lists of chosen data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from ..brightspace import Connection, Listing, connect, list_extracts
from ..config import Config
from ..events import ListsRead, Observer, unobserved
from ..models import DataSet
from ..options import RunOptions
from ..planning import chosen_by
from ..support.running import beside

#: Picks data sets of a catalogue; may raise PatternError.
Choice: TypeAlias = Callable[[Sequence[DataSet]], list[DataSet]]


async def list_chosen(connection: Connection, choose: Choice, observer: Observer = unobserved) -> Listing:
    """Read the catalogue, then the extract list of each chosen data set; raises as `pull` does."""
    observer(ListsRead(0, None))
    found = await connection.tenant.catalogue()
    listing = await list_extracts(found, choose(found.data_sets), observer=observer)
    return replace(listing, offered=found.data_sets, moment=connection.gate.moment)


async def read_listing(
    config: Config,
    options: RunOptions | None = None,
    choose: Choice | None = None,
    *,
    observer: Observer = unobserved,
) -> Listing:
    """Connect to the tenant and list the extracts of the chosen data sets. Raises as `pull` does.

    `choose` replaces the choice by the options. `observer` gets the progress and the waits.
    """
    options = options or RunOptions()
    async with connect(config, options, observer) as connection:
        listing = list_chosen(connection, choose or chosen_by(options), observer)
        return await beside(listing, connection.refresher.run())
