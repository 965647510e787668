"""Some weeks of the simulated year. The whole of it: `python -m tests.simulation.year`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .course import DAY, HOUR, Plan
from .year import figures, simulate

TWO_HOURS = pytest.mark.timeout(7200)
#: One data set with fulls and one without; most runs are killed, so that a few weeks are enough.
WEEKS = replace(
    Plan(),
    seed=3,
    weeks=4,
    data_sets=2,
    every=12.0,
    longest_step=48,
    kills=0.7,
    outages=((0.1, 30 * HOUR), (0.3, 17 * DAY)),
)
STORED = replace(WEEKS, data_sets=4, store=True, form="parquet")
EACH_FULL = replace(WEEKS, seed=2, data_sets=4, every=24.0, longest_step=60, kills=0.3, with_fulls=True)


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(WEEKS, id="two differentials a day"),
        pytest.param(STORED, id="Parquet in S3", marks=[pytest.mark.long, TWO_HOURS]),
        pytest.param(EACH_FULL, id="a differential a day, and each full wanted", marks=pytest.mark.long),
    ],
)
async def test_every_extract_is_delivered_once_and_every_gap_is_told_and_none_invented(plan: Plan) -> None:
    """With kills, faults, outages of the job, new versions, late extracts and reissued ones."""
    simulation, found = await simulate(plan)
    print(figures(simulation, found))
    assert found.faults == {}
    assert simulation.kills.total() > 0
    assert found.gaps > found.open_gaps > 0


MIRRORED = replace(WEEKS, weeks=3, every=48.0, longest_step=120, outages=((0.3, 17 * DAY),))
YEAR = replace(Plan(), every=8.0, longest_step=48, kills=0.4)
DATABASES = ("duckdb", "postgresql")


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(replace(MIRRORED, mirror="duckdb"), id="duckdb"),
        pytest.param(replace(MIRRORED, mirror="postgresql"), id="postgresql", marks=pytest.mark.long),
        *(
            pytest.param(replace(YEAR, mirror=name), id=f"a year, {name}", marks=[pytest.mark.long, TWO_HOURS])
            for name in DATABASES
        ),
    ],
)
async def test_a_mirror_that_follows_has_no_row_wrong(plan: Plan, request: pytest.FixtureRequest) -> None:
    """With the same, and rows that are deleted, doubled, purged and restored; with kills between its statements too."""
    if plan.mirror == "postgresql":
        request.getfixturevalue("postgresql")  # skips or fails where it is not installed
    simulation, found = await simulate(plan)
    print(figures(simulation, found))
    mirror = simulation.mirror
    assert mirror is not None
    assert (found.faults, mirror.wrong) == ({}, [])
    assert simulation.kills.total() > 0
    assert mirror.checks > 0
    assert mirror.kinds["deleted"] > 0
