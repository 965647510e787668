"""The rows of an extract, and those of a data set at any moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from .history import FULL
from .population import Selection
from .rows import CLASSES, RowFactory

if TYPE_CHECKING:
    from .extracts import SandboxDataSet, SandboxExtract


def row_blocks(extract: SandboxExtract) -> Iterator[bytes]:
    """Yield the CSV records of an extract in blocks, without a header."""
    factory = extract.data_set.row_factory(extract.columns)
    if extract.bds_type == FULL:
        return factory.rows(_numbers_of_full(extract, factory), extract.tick)
    return _changed_rows(extract, factory)


def _numbers_of_full(extract: SandboxExtract, factory: RowFactory) -> Iterable[int]:
    data_set = extract.data_set
    numbers = data_set.population.existing(extract.tick, extract.queued)
    window = data_set.table.facts.window
    if window is None or not data_set.settings.windows:
        return numbers
    start = window.start(extract.queued).isoformat()
    inside = {number for number in range(CLASSES) if factory.day(number, extract.tick) >= start}
    return (number for number in numbers if number % CLASSES in inside)


def _changed_rows(extract: SandboxExtract, factory: RowFactory) -> Iterator[bytes]:
    """Yield the rows of a differential; some of them twice: in a short-lived earlier state, and in the newest one.

    The later line is the newer state, unless the rows have a version, which then decides.
    """
    data_set, tick = extract.data_set, extract.tick
    share, has_version = data_set.settings.doubled_rows, data_set.table.facts.row_version is not None
    chosen = Selection.of(share, "doubled", data_set.settings.seed, data_set.name, tick)
    doubled = [number for number in data_set.population.changed(tick) if number in chosen] if share else []
    late = [number for number in doubled if has_version and number // CLASSES % 2]
    yield from factory.rows((number for number in doubled if number not in set(late)), tick, interim=True)
    yield from factory.rows(data_set.population.changed(tick), tick)
    yield from factory.rows(late, tick, interim=True)


def rows_at(data_set: SandboxDataSet, moment: datetime) -> Iterator[bytes]:
    """Yield a header and all rows that exist at a moment, including those outside a full's window."""
    tick = data_set.schedule.tick_at(moment)
    factory = data_set.row_factory(data_set.history.columns_at(moment))
    yield factory.header().encode()
    yield from factory.rows(data_set.population.existing(tick, moment), tick)
