"""The current time of a run. Everything that a run records or compares takes it from here, so tests can set it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)
