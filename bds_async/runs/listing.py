"""The extract lists of chosen data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..brightspace.catalogue.catalogue import read_catalogue
from ..brightspace.catalogue.listing import Listing, list_extracts
from ..brightspace.connection import Connection
from ..models import DataSet

#: Picks data sets of a catalogue; may raise PatternError.
Choice: TypeAlias = Callable[[Sequence[DataSet]], list[DataSet]]


async def list_chosen(connection: Connection, choose: Choice, workers: int) -> Listing:
    """Read the catalogue, then the extract list of each chosen data set; raises as `pull` does."""
    found = await read_catalogue(connection.tenant, connection.api_version)
    return await list_extracts(found, choose(found.data_sets), workers)
