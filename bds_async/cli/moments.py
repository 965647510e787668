"""Dates and moments on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import click


def moment(text: str) -> datetime:
    """Read an ISO 8601 date or moment; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        example = "2026-11-22 or 2026-11-22T04:00:00Z"
        raise click.BadParameter(f"{text!r} is not an ISO 8601 moment such as {example}.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
