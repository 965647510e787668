"""Which of a data set's deliveries are meant, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .rows import or_none

#: Whether a delivered extract is chosen, with the values of a selection.
IS_CHOSEN = """
    folder = :folder AND state = 'done' AND (:since IS NULL OR queued >= :since)
    AND (:until IS NULL OR queued <= :until) AND (:path IS NULL OR path IS NOT NULL AND matches(path, :path))
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Some extracts of a data set: queued at or between two moments, with a path that matches (`*`, `?`, `[...]`)."""

    since: datetime | None = None
    until: datetime | None = None
    path: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it down."""
        return self == Selection()

    def values(self, folder: str) -> dict[str, Any]:
        """What the statements about the chosen extracts of a folder want."""
        return {"folder": folder, "path": self.path, "since": or_none(self.since), "until": or_none(self.until)}


@dataclass(frozen=True, slots=True)
class Stock:
    """How much of a data set has been delivered: extracts, bytes of their files, the newest queued date."""

    extracts: int
    bytes: int
    newest: datetime | None
