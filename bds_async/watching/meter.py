"""The rate of a transfer: bytes received in the last seconds."""

from __future__ import annotations

from collections import deque

#: Seconds over which a rate is measured, and the least time by which bytes are divided.
WINDOW, LEAST = 8.0, 1.0


class Meter:
    """Measures bytes a second; `began` and every `now` are moments of one monotonic clock, in seconds."""

    def __init__(self, began: float) -> None:
        self.last = began
        self._began = began
        self._received: deque[tuple[float, int]] = deque()

    def add(self, new_bytes: int, now: float) -> None:
        """Count bytes that were received."""
        self.last = now
        self._received.append((now, new_bytes))
        while self._received[0][0] <= now - WINDOW:
            self._received.popleft()

    def rate(self, now: float) -> float:
        """Return the bytes a second over the last WINDOW seconds."""
        recent = sum(size for moment, size in list(self._received) if moment > now - WINDOW)
        return recent / min(WINDOW, max(LEAST, now - self._began))
