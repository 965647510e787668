"""Data sets with the events of a test, and their rows as read from the CSVs."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bds_async.sandbox import SandboxSettings, SchemaChange
from bds_async.sandbox.data.archives import csv_blocks
from bds_async.sandbox.data.catalogue import data_set_of
from bds_async.sandbox.data.tables import tables

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TABLES = {table.name: replace(table, rows=150) for table in tables(139)}
KEYED = [table for table in TABLES.values() if table.key]
LIVELY = {"growth_per_day": 0.005, "differential_retention_days": 40, "full_retention_days": 40}


def a_data_set(table, **changes):
    if isinstance(table, str):
        table = TABLES[table]
    return data_set_of(table, SandboxSettings(now=MOMENT, **LIVELY | {"without_differential": ()} | changes))


def read(blocks):
    return list(csv.DictReader(io.StringIO(b"".join(blocks).decode("utf-8-sig"), newline="")))


def rows_of(extract):
    return read(csv_blocks(extract))


def listed(data_set, now=MOMENT):
    """Return the listed extracts in the order in which a mirror applies them."""

    def order(extract):
        version = tuple(map(int, extract.version.split(".")))
        return extract.queued, extract.bds_type == "Full", extract.created, version

    return sorted(data_set.extracts(now), key=order)


def fulls(data_set, now=MOMENT):
    return [extract for extract in listed(data_set, now) if extract.bds_type == "Full"]


def differentials(data_set, now=MOMENT):
    return [extract for extract in listed(data_set, now) if extract.bds_type == "Differential"]


def keyed(data_set, rows, key=None):
    names = key or data_set.table.key
    return {tuple(row[name] for name in names): row for row in rows}


def newest_of_each(data_set, rows):
    """Return one row for each key: the one with the highest row version, then the later line."""
    version, found = data_set.table.facts.row_version, {}
    for row in rows:
        key = tuple(row[name] for name in data_set.table.key)
        if key not in found or version is None or int(row[version]) >= int(found[key][version]):
            found[key] = row
    return found


def mirrored(data_set, until):
    """Apply the extracts queued up to a moment: differentials by upsert, fulls by replacement."""
    state = {}
    for extract in listed(data_set):
        if extract.queued <= until:
            rows = newest_of_each(data_set, rows_of(extract))
            state = rows if extract.bds_type == "Full" else state | rows
    return state


APPENDED = SchemaChange(MOMENT - 12 * DAY, "9.5", append=("Appended:nvarchar?", "Latest:datetime2?"))
