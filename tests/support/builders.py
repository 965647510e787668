"""Data sets, extracts and outcomes for tests, and strategies that draw them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from bds_async.models import BdsType, DataSet, Extract, Plugin
from bds_async.planning import Step
from bds_async.report import Outcome, Status

QUEUED = datetime(2026, 11, 22, 4, 9, 22, tzinfo=UTC)
CREATED = datetime(2026, 11, 22, 4, 10, 2, 123000, tzinfo=UTC)

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
versions = st.builds("{}.{}".format, st.integers(0, 20), st.integers(0, 20))


def an_extract(**changes: Any) -> Extract:
    """An extract of User Enrollments, with these changes."""
    usual: dict[str, Any] = {
        "data_set": "User Enrollments",
        "schema_id": "schema-1",
        "plugin_id": "plugin-full",
        "bds_type": BdsType.FULL,
        "queued_for_processing_date": QUEUED,
        "created_date": CREATED,
        "version": "9.4",
        "download_link": "https://school.example/download?sig=hush",
        "download_size": 1000,
    }
    return Extract(**usual | changes)


def a_step(extract: Extract, path: str = "X/full/x.zip", **changes: Any) -> Step:
    """The step that publishes an extract under a path of the folder X."""
    return Step(extract, **{"folder": "X", "path": path, **changes})


def a_data_set(name: str = "User Enrollments", number: int = 1, **changes: Any) -> DataSet:
    """A data set with both plugins, with these changes."""
    usual: dict[str, Any] = {
        "schema_id": f"schema-{number}",
        "full": Plugin(f"full-{number}", name),
        "differential": Plugin(f"diff-{number}", f"{name} Differential"),
    }
    return DataSet(**usual | changes)


def an_outcome(status: Status = Status.DOWNLOADED, **changes: Any) -> Outcome:
    """The outcome of a whole file of 1000 bytes, with these changes."""
    extract = changes.pop("extract", None) or an_extract()
    usual: dict[str, Any] = {"path": "UserEnrollments/full/x.zip", "bytes": 1000, "sha256": "ab", "attempts": 1}
    return Outcome(extract, status, **(usual if status is Status.DOWNLOADED else {}) | changes)


@st.composite
def extracts(draw: st.DrawFn, /, **fixed: Any) -> Extract:
    """Extracts of one data set: either type, any moment and version."""
    drawn = {
        "bds_type": draw(st.sampled_from(BdsType)),
        "queued_for_processing_date": draw(moments),
        "created_date": draw(moments),
        "version": draw(versions),
    }
    return an_extract(**drawn | fixed)
