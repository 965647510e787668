"""The present moment: whatever a run notes or compares takes it from here, so that a run can be played at any time."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
