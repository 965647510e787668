"""How long a run waits for other programs: one that holds the ledger, one that reads a pipe."""

from __future__ import annotations

#: Seconds to wait for others, usually and in a run that is about to end.
USUAL, HURRIED = 30.0, 1.0


class Patience:
    """How many seconds to wait for others; any thread may cut it, which also shortens waits under way."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = USUAL if seconds is None else seconds
        self.is_cut = False

    def cut(self) -> None:
        """From now on, wait for at most HURRIED seconds."""
        self.is_cut = True
        self.seconds = min(self.seconds, HURRIED)

    def lose(self) -> None:
        """Note that a wait timed out: the next one takes at most HURRIED seconds, later ones none."""
        self.seconds = HURRIED if self.seconds > HURRIED else 0.0
