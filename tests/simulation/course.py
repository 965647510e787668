"""The course of the simulation: what the tenant makes, when the job runs, what goes wrong. A seed decides all of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bds_async.sandbox import Fault, HardDelete, LateExtract, Reissue, SandboxSettings, SchemaChange

from .command import PLACES, STATEMENTS, STORE_PLACES, Death

BEGIN = datetime(2026, 1, 7, 10, tzinfo=UTC)
NAMES = ("Users", "User Enrollments", "Organizational Units", "Organizational Unit Ancestors")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """What is simulated: the number of weeks and of data sets, and the outages of the job.

    The last data set has no fulls.
    """

    seed: int = 0
    weeks: int = 52
    data_sets: int = 4
    #: Hours between two differentials, and most hours between two runs.
    every: float = 1.0
    longest_step: int = 8
    #: When (as a share of the whole time) and for how long the job does not run.
    outages: tuple[tuple[float, timedelta], ...] = (
        (0.08, 30 * HOUR),
        (0.15, 4 * DAY),
        (0.22, 16 * DAY),
        (0.35, 9 * DAY),
        (0.45, 21 * DAY),
        (0.58, 13 * DAY),
        (0.68, 15 * DAY),
        (0.80, 3 * DAY),
        (0.86, 18 * DAY),
    )
    kills: float = 0.2
    faults: float = 0.3
    with_fulls: bool = False
    #: The database of a mirror that follows each run: "duckdb", "postgresql" or none.
    mirror: str = ""
    #: Whether extracts go to an S3 bucket, which has its own faults, and in which form.
    store: bool = False
    form: str = "zip"

    @property
    def span(self) -> timedelta:
        """The simulated time."""
        return timedelta(weeks=self.weeks)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the data sets."""
        return NAMES[: self.data_sets]

    def settings(self) -> SandboxSettings:
        """The tenant: a differential every `every` hours, weekly fulls, new versions, late and repeated extracts."""
        draw = random.Random(self.seed)
        return SandboxSettings(
            seed=self.seed,
            data_sets=self.data_sets,
            scale=0.002,
            now=BEGIN,
            differential_hours=self.every,
            without_differential=(),
            without_full=self.names[-1:],
            schema_changes=self._versions(),
            late_extracts=tuple(
                LateExtract(self._moment(draw), draw.choice((5, 20, 48)) * HOUR, draw.choice(self.names))
                for _ in range(self.weeks * 2)
            ),
            reissues=tuple(
                Reissue(
                    self._moment(draw),
                    draw.choice((3, 12, 40)) * HOUR,
                    draw.choice(self.names),
                    draw.choice(("Differential", "Differential", "Full")),
                    replaces=draw.random() < 0.5,
                )
                for _ in range(self.weeks * 2)
            ),
            extract_page_size=500,
            hard_deletes=self._deletes(random.Random(self.seed + 2)) if self.mirror else (),
            doubled_rows=0.2 if self.mirror else 0.0,
            access_token_life=10**9,
            log_length=100,
        )

    def _deletes(self, draw: random.Random) -> tuple[HardDelete, ...]:
        """Hard deletes: some rows each week, at times half a data set; some of the rows return."""
        return tuple(
            HardDelete(
                self._moment(draw),
                0.5 if number % 10 == 5 else draw.uniform(0.01, 0.1),
                draw.choice(self.names),
                returns_after=draw.choice((None, None, 9 * DAY)),
            )
            for number in range(self.weeks)
        )

    def _moment(self, draw: random.Random) -> datetime:
        return BEGIN + draw.random() * self.span

    def _versions(self) -> tuple[SchemaChange, ...]:
        """Two minor versions and a major one, which is listed together with the previous one for some days."""
        return (
            SchemaChange(BEGIN + 0.2 * self.span, "9.5", append=("Added:nvarchar?",)),
            SchemaChange(BEGIN + 0.5 * self.span, "10.0", remove=("Added",), beside=5 * DAY),
            SchemaChange(BEGIN + 0.75 * self.span, "10.1", append=("Later:nvarchar?", "Latest:int?")),
        )

    def steps(self) -> Iterator[tuple[timedelta, random.Random]]:
        """Yield how long to wait before each run, and a generator for the other draws of the run."""
        draw = random.Random(self.seed + 1)
        outages = sorted(self.outages)
        gone = timedelta()
        while gone < self.span:
            step = draw.randint(1, self.longest_step) * HOUR + draw.random() * HOUR
            if outages and gone >= outages[0][0] * self.span:
                step = outages.pop(0)[1]
            gone += step
            yield step, random.Random(draw.random())

    def death(self, draw: random.Random) -> Death | None:
        """How to kill a run, or None."""
        if draw.random() >= self.kills:
            return None
        if draw.random() < 0.3:
            return Death(seconds=draw.uniform(0.02, 2.0 if self.store else 0.8))
        if self.store and draw.random() < 0.5:
            return Death(place=draw.choice(STORE_PLACES), call=draw.randint(1, 4), before=draw.random() < 0.5)
        if self.mirror and draw.random() < 0.5:
            return Death(place=STATEMENTS[self.mirror], call=draw.randint(1, 400), before=draw.random() < 0.5)
        return Death(place=draw.choice(PLACES), call=draw.randint(1, 9), before=draw.random() < 0.5)

    def misbehaviour(self, draw: random.Random) -> tuple[Fault, ...]:
        """The faults of the tenant during a run."""
        if draw.random() >= self.faults:
            return ()
        some = {"first": draw.randint(1, 4), "counted": "together", "data_set": draw.choice((*self.names, "*"))}
        kinds = (
            Fault.of("status", status=503, **some),
            Fault.of("cut", after=300, **some),
            Fault.of("reset", **some),
            Fault.of("corrupt", **some),
            Fault.of("status", status=404, on="download", **some),
            Fault.of("status", status=404, on="extracts", **some),
            Fault.of("html", on="download", **some),
        )
        return tuple(draw.sample(kinds, draw.randint(1, 2)))
