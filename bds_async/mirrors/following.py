"""Update of the table of one data set: which extracts are applied, in which order, and which are not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import datetime

from ..events import Merging, Mirrored, Observer
from ..report import AppliedExtract, Problem, ProblemKind
from .applied import Applied, Counts
from .apply import CAPPED_ROWS, Held, NeedsRestart, TableWriter
from .passing import is_passed_over, keyless_notes
from .published import FileChanged, fault_of
from .result import TableResult
from .source import SourceExtract, order_of


class Follower:
    """Applies the pending extracts of one data set."""

    def __init__(self, writer: TableWriter, limit: float, observer: Observer) -> None:
        self._writer = writer
        self._catalog = writer.catalog
        self._subject = writer.subject
        self._limit = limit
        self._observer = observer
        self._done: list[AppliedExtract] = []
        self._problems: dict[SourceExtract, Problem] = {}
        self._passed_over: set[SourceExtract] = set()
        self._capped: list[str] = []

    async def follow(self) -> TableResult:
        """Apply the pending extracts in order. Raises TargetError, and as the engine does."""
        held = await self._catalog.applied.held()
        while (extract := self._next()) is not None:
            percent = held.get(extract.path or "")
            if percent is not None and percent > self._limit:
                self._hold(extract, percent)
                continue
            await self._try(extract)
        return self._result()

    # Pending extracts

    @property
    def pending(self) -> list[SourceExtract]:
        """The extracts that are pending now."""
        return list(self._pending())

    def _next(self) -> SourceExtract | None:
        """The first pending extract, in order."""
        return next(iter(self._pending()), None)

    def _pending(self) -> Iterable[SourceExtract]:
        applied = {identity_key(each) for each in self._writer.applied}
        for extract in self._subject.data_set.extracts:
            is_new = extract.path is not None and identity_key(extract) not in applied
            if is_new and extract not in self._problems and not self._is_passed_over(extract):
                yield extract

    def _is_passed_over(self, extract: SourceExtract) -> bool:
        """Whether an extract is passed over for now; applying another one may change that."""
        has_key = self._writer.table.is_keyed if self._writer.table.columns else bool(self._subject.key.columns)
        passed = is_passed_over(extract, self._writer.applied, has_key=has_key)
        (self._passed_over.add if passed else self._passed_over.discard)(extract)
        return passed

    # One extract

    async def _try(self, extract: SourceExtract) -> None:
        fault = await asyncio.to_thread(fault_of, self._writer.destination, extract)
        if fault is not None:
            self._miss(extract, fault)
            return
        begun = time.monotonic()
        self._observer(Merging(self._writer.table.name, self._subject.data_set.name, extract.path or ""))
        try:
            applied, counts = await self._writer.apply(extract, self._limit, self._complete_after)
        except FileChanged as error:
            self._miss(extract, error)
        except Held as error:
            await self._catalog.applied.hold(extract.path or "", error.percent)
            self._hold(extract, error.percent)
        except NeedsRestart:
            await self._restart(extract)
        else:
            self._note(extract, applied, counts, time.monotonic() - begun)

    def _note(self, extract: SourceExtract, applied: Applied, counts: Counts, seconds: float) -> None:
        kind, path = extract.identity.bds_type, extract.path or ""
        done = AppliedExtract(
            path,
            kind,
            extract.queued,
            counts.rows,
            counts.inserted,
            counts.updated,
            counts.changed,
            counts.deleted,
            counts.rejected,
            seconds,
            applied.is_full and applied.is_unique and self._writer.full_before(extract) is not None,
            extract.bytes,
        )
        if applied.is_full and counts.rows >= CAPPED_ROWS:
            self._capped.append(f"{path} has {counts.rows} rows, which may be D2L's cap: it deleted nothing.")
        self._done.append(done)
        self._observer(Mirrored(self._writer.table.name, self._subject.data_set.name, done))

    def _hold(self, extract: SourceExtract, percent: float) -> None:
        text = (
            f"{extract.path} would delete {percent:.1f} percent of the rows of {self._writer.table.name}: "
            f"look at it, then allow it with --delete-limit {min(100, int(percent) + 1)}."
        )
        self._problems[extract] = Problem(ProblemKind.HELD, extract.path or "", text)

    def _miss(self, extract: SourceExtract, fault: FileChanged) -> None:
        later = f"or wait for the next full of {self._subject.data_set.name}"
        text = f"{extract.path} {fault}: {fault.advice}, {later}."
        self._problems[extract] = Problem(fault.kind, extract.path or "", text)

    async def _restart(self, extract: SourceExtract) -> None:
        """Begin the data set again, which needs the files of all applied extracts."""
        files = {identity_key(each): each for each in self._subject.data_set.extracts if each.path is not None}
        found = [files.get(identity_key(each)) for each in self._writer.applied]
        if None in found or await asyncio.to_thread(self._has_fault, [each for each in found if each is not None]):
            text = f"{extract.path} came late and holds a key twice; earlier files are gone"
            text = f"{text}: run `bds-async mirror --rebuild`."
            self._problems[extract] = Problem(ProblemKind.HELD, extract.path or "", text)
            return
        await self._catalog.empty(self._writer.table)
        self._writer.applied = []

    def _has_fault(self, extracts: Sequence[SourceExtract]) -> bool:
        return any(fault_of(self._writer.destination, each) is not None for each in extracts)

    # The result

    def _complete_after(self, applied: Applied) -> datetime | None:
        return self._complete_through([*self._writer.applied, applied])

    def _complete_through(self, applied: Iterable[Applied]) -> datetime | None:
        """The date up to which every delivered extract is in the table, at most that of the ledger."""
        order = sorted(order_of(each.identity) for each in applied)
        known = {identity_key(each) for each in applied}
        open_ = [each for each in self._open(applied) if identity_key(each) not in known]
        first = min((each.order for each in open_), default=None)
        reached = [each for each in order if first is None or each < first]
        through = self._subject.data_set.complete_through
        if not reached or through is None:
            return None
        return min(through, max(self._queued(applied, reached[-1])))

    @staticmethod
    def _queued(applied: Iterable[Applied], last: tuple[object, ...]) -> list[datetime]:
        return [each.identity.queued_for_processing_date for each in applied if order_of(each.identity) == last]

    def _open(self, applied: Iterable[Applied]) -> list[SourceExtract]:
        """The extracts that are not passed over and not superseded by a later applied full."""
        fulls = [each.identity.queued_for_processing_date for each in applied if each.is_full]
        newest = max(fulls, default=None)
        return [
            each
            for each in self._subject.data_set.extracts
            if each.path is not None and each not in self._passed_over and (newest is None or each.queued >= newest)
        ]

    def _result(self) -> TableResult:
        writer, data_set = self._writer, self._subject.data_set
        newest = max(
            (each.identity.queued_for_processing_date for each in writer.applied if each.is_full), default=None
        )
        problems = [each for extract, each in self._problems.items() if newest is None or newest <= extract.queued]
        return TableResult(
            writer.table.name,
            data_set.name,
            data_set.schema_id,
            writer.table.source,
            tuple(self._done),
            tuple(problems),
            len(self._passed_over),
            (*self._capped, *self._keyless()),
            self._complete_through(writer.applied),
        )

    def _keyless(self) -> list[str]:
        applied, count = self._writer.applied, len(self._passed_over)
        return keyless_notes(self._subject.data_set.name, applied, count, is_keyed=self._writer.table.is_keyed)


def identity_key(extract: SourceExtract | Applied) -> tuple[object, ...]:
    """Return the values that identify an extract, with dates to the whole second."""
    identity = extract.identity
    queued = identity.queued_for_processing_date.replace(microsecond=0)
    created = identity.created_date.replace(microsecond=0)
    return (identity.plugin_id.lower(), identity.bds_type, queued, created, identity.version)
