"""Gaps that a plan closes are not left open."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bds_async.models import BdsType
from bds_async.planning import SyncPlan
from bds_async.report import Gap
from tests.support.builders import QUEUED, a_step, an_extract

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("after", "before", "changes", "is_left"),
    [
        (QUEUED - 9 * DAY, QUEUED, {}, False),
        (QUEUED - 9 * DAY, QUEUED - DAY, {}, False),
        (None, None, {}, False),
        (QUEUED - 9 * DAY, QUEUED + timedelta(milliseconds=7), {}, False),
        (QUEUED - 9 * DAY, QUEUED + DAY, {}, True),
        (QUEUED, None, {}, True),
        (QUEUED - 9 * DAY, QUEUED, {"bds_type": BdsType.DIFFERENTIAL}, True),
        (QUEUED - 9 * DAY, QUEUED, {"data_set": "Users"}, True),
    ],
)
def test_a_gap_is_left_unless_a_full_of_the_plan_covers_it(after, before, changes, is_left):
    extract = an_extract(**changes)
    gap = Gap("User Enrollments", extract.schema_id, after, before)
    plan = SyncPlan((a_step(extract),), (), None, (gap,))
    assert plan.gaps_left == ((gap,) if is_left else ())
