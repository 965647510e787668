"""A selection of a data set's deliveries, and figures about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .rows import or_none

#: SQL condition: the extract is delivered and chosen; with the values of a selection.
IS_CHOSEN = """
    folder = :folder AND state = 'done' AND (:since IS NULL OR queued >= :since)
    AND (:until IS NULL OR queued <= :until) AND (:path IS NULL OR path IS NOT NULL AND matches(path, :path))
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Extracts of a data set that were queued from `since` to `until` and whose path matches (`*`, `?`, `[...]`)."""

    since: datetime | None = None
    until: datetime | None = None
    path: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it selects every extract."""
        return self == Selection()

    def values(self, folder: str) -> dict[str, Any]:
        """The values for statements about the chosen extracts of a folder."""
        return {"folder": folder, "path": self.path, "since": or_none(self.since), "until": or_none(self.until)}


@dataclass(frozen=True, slots=True)
class Stock:
    """Figures of a data set's deliveries: number of extracts, bytes of their files, the newest queued date."""

    extracts: int
    bytes: int
    newest: datetime | None
