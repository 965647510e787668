"""Some weeks of the simulated year. The whole of it: `python -m tests.simulation.year`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .course import DAY, HOUR, Plan
from .year import figures, simulate

WEEKS = replace(
    Plan(),
    weeks=6,
    every=8.0,
    longest_step=30,
    kills=0.3,
    outages=((0.1, 30 * HOUR), (0.3, 17 * DAY)),
)
COURSES = {
    "three differentials a day": WEEKS,
    "a differential a day, and each full wanted": replace(WEEKS, seed=2, every=24.0, longest_step=60, with_fulls=True),
}


@pytest.mark.parametrize("plan", COURSES.values(), ids=COURSES.keys())
async def test_every_extract_is_delivered_once_and_every_gap_is_told_and_none_invented(plan: Plan) -> None:
    """With kills, faults, outages of the job, new versions, late extracts and such as are made anew."""
    simulation, found = await simulate(plan)
    print(figures(simulation, found))
    assert found.faults == {}
    assert simulation.kills.total() > 0
    assert found.gaps > found.open_gaps > 0
