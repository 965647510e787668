"""The extracts that are applied to a table (`_bds_applied`), and the fulls that the guard holds back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..models import BdsType, Identity
from .databases import Engine, Row
from .names import quoted
from .source import order_of
from .sql.pieces import naive


@dataclass(frozen=True, slots=True)
class Applied:
    """One applied extract: its number, and for a full whether its keys were unique and whether it deletes rows."""

    identity: Identity
    number: int
    is_unique: bool
    purges: bool

    @property
    def is_full(self) -> bool:
        """Whether it is a full."""
        return self.identity.bds_type is BdsType.FULL


@dataclass(frozen=True, slots=True)
class Counts:
    """The effect of applying an extract; `updated` counts keys that were there, `changed` those with new values."""

    rows: int = 0
    inserted: int = 0
    updated: int = 0
    changed: int = 0
    deleted: int = 0
    rejected: int = 0


class AppliedExtracts:
    """The lines of `_bds_applied` and `_bds_held` in one schema."""

    def __init__(self, engine: Engine, schema: str) -> None:
        self._engine = engine
        self._lines = f"{quoted(schema)}._bds_applied"
        self._held = f"{quoted(schema)}._bds_held"

    async def of(self, table: str) -> list[Applied]:
        """Return the applied extracts of a table in the order of application."""
        columns = "plugin_id, bds_type, queued, created, version, _bds_id, _bds_unique, _bds_purges"
        query = f"SELECT {columns} FROM {self._lines} WHERE _bds_table = $1"
        found = [_applied(row) for row in await self._engine.run(query, table)]
        return sorted(found, key=lambda each: order_of(each.identity))

    async def next_number(self) -> int:
        """Return the number for the next applied extract."""
        return int((await self._engine.run(f"SELECT coalesce(max(_bds_id), 0) + 1 FROM {self._lines}"))[0][0])

    async def note(self, table: str, applied: Applied, path: str, counts: Counts) -> None:
        """Insert the line of an applied extract; call it in the transaction of its rows."""
        identity = applied.identity
        names = (
            "plugin_id, bds_type, queued, created, version, path, rows, inserted, updated, deleted, rejected, "
            "applied_at, changed, _bds_id, _bds_table, _bds_unique, _bds_purges"
        )
        values = (
            identity.plugin_id,
            identity.bds_type.value,
            naive(identity.queued_for_processing_date),
            naive(identity.created_date),
            identity.version,
            path,
            counts.rows,
            counts.inserted,
            counts.updated,
            counts.deleted,
            counts.rejected,
            naive(datetime.now(UTC)),
            counts.changed,
            applied.number,
            table,
            applied.is_unique,
            applied.purges,
        )
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await self._engine.run(f"INSERT INTO {self._lines} ({names}) VALUES ({places})", *values)

    async def unnote(self, numbers: Sequence[int]) -> None:
        """Remove the lines of some extracts, so that they count as not applied."""
        if numbers:
            listed = ", ".join(map(str, numbers))
            await self._engine.run(f"DELETE FROM {self._lines} WHERE _bds_id IN ({listed})")

    # Fulls that the guard holds back

    async def held(self) -> dict[str, float]:
        """Return the percentage of rows that each held full would delete, by path."""
        return dict(await self._engine.run(f"SELECT path, percent FROM {self._held}"))

    async def hold(self, path: str, percent: float | None) -> None:
        """Record that a full is held back, or with None that it no longer is."""
        await self._engine.run(f"DELETE FROM {self._held} WHERE path = $1", path)
        if percent is not None:
            await self._engine.run(f"INSERT INTO {self._held} VALUES ($1, $2)", path, percent)


def _applied(row: Row) -> Applied:
    plugin_id, bds_type, queued, created, version, number, is_unique, purges = row
    moments = (queued.replace(tzinfo=UTC), created.replace(tzinfo=UTC))
    return Applied(Identity(plugin_id, BdsType(bds_type), *moments, version), number, is_unique, purges)
