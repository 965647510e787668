"""The effect of a late extract on `_bds_changed` of rows that later extracts also hold.

Such a row keeps its values. The date of their last change may move: to the next extract that holds the row, or to the
late one. The files of later extracts are read only where this is in doubt; if a file is gone, the next one counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..destination import Destination
from .applied import Applied
from .databases import Engine
from .loading import Loading
from .published import FileChanged, fault_of
from .source import SourceDataSet, order_of
from .sql.doubt import settle_doubt
from .sql.merge import DOUBT, Merge
from .sql.pieces import match
from .sql.staging import BAD, Stage

_LATER = "_bds_later"


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one data set; `stage` returns the stage with a given name for a given header."""

    engine: Engine
    destination: Destination
    data_set: SourceDataSet
    stage: Callable[[str, tuple[str, ...]], Stage]

    async def load(self, applied: Applied) -> bool:
        """Load the usable rows of an applied extract into the stage for later ones; False if there are none."""
        orders = {order_of(each.identity): each for each in self.data_set.extracts if each.path is not None}
        extract = orders.get(order_of(applied.identity))
        if extract is None or await asyncio.to_thread(fault_of, self.destination, extract) is not None:
            return False
        try:
            async with Loading(self.engine, self.destination, extract) as loading:
                stage = self.stage(_LATER, loading.records.header)
                if stage.lacks_key:
                    return False
                await loading.into(stage)
        except FileChanged:
            return False
        await self.engine.run(f"DELETE FROM {_LATER} WHERE {BAD} = 2")
        return True


async def move_changes(files: Files, merge: Merge, later: Sequence[Applied]) -> None:
    """Set `_bds_changed` of the rows in doubt; `later` are the applied extracts that follow, in order."""
    for each in later:
        if not await _is_open(files.engine):
            break
        await _mark(files.engine, each, f"_bds_extract = {each.number}")
        if await _is_open(files.engine) and await files.load(each):
            found = f"SELECT 1 FROM {_LATER} AS s WHERE {match(merge.table, 's', DOUBT)}"
            await _mark(files.engine, each, f"EXISTS ({found})")
    for statement in settle_doubt(merge, later):
        await files.engine.run(statement)


async def _is_open(engine: Engine) -> bool:
    return bool(await engine.run(f"SELECT 1 FROM {DOUBT} WHERE _bds_next IS NULL LIMIT 1"))


async def _mark(engine: Engine, applied: Applied, condition: str) -> None:
    await engine.run(f"UPDATE {DOUBT} SET _bds_next = {applied.number} WHERE _bds_next IS NULL AND {condition}")
