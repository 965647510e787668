"""How long a run waits for others: for a program that holds the ledger, for the reader of a pipe."""

from __future__ import annotations

#: Seconds to wait for others, and to wait in a run that is to end.
USUAL, HURRIED = 30.0, 1.0


class Patience:
    """How many seconds to wait for others; any thread may cut it short, for waits under way too."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = USUAL if seconds is None else seconds
        self.is_cut = False

    def cut(self) -> None:
        """Wait for at most a moment from now on."""
        self.is_cut = True
        self.seconds = min(self.seconds, HURRIED)

    def lose(self) -> None:
        """A wait was in vain: the next one is for at most a moment, and those after it are not made."""
        self.seconds = HURRIED if self.seconds > HURRIED else 0.0
