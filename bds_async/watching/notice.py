"""One line of the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..support.log import event as log_event


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the log: `level` as in `logging`, `text` for a person, `event` and `fields` for a program."""

    level: int
    text: str
    event: str
    fields: Mapping[str, object] = field(default_factory=dict)

    def log(self, logger: logging.Logger) -> None:
        """Write the line."""
        logger.log(self.level, "%s", self.text, extra=log_event(self.event, **self.fields))
