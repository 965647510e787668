"""The times during which the gate held back new requests, for the run report."""

from __future__ import annotations

from ..report import Hold, HoldKind

#: Holds that are kept, so that a report stays bounded.
MOST = 1000


class Holds:
    """Holds by the monotonic clock, in the order of their starts; at most MOST."""

    def __init__(self) -> None:
        self._all: list[Hold] = []

    def rate_limited(self, now: float, seconds: float) -> None:
        """Note that the tenant asks to wait; if this overlaps with the previous hold, it prolongs that."""
        last = self._all[-1] if self._all else None
        if last is not None and last.kind is HoldKind.RATE_LIMIT and now <= last.ended:
            last.seconds = max(last.seconds, now + seconds - last.began)
        else:
            self._add(Hold(HoldKind.RATE_LIMIT, now, seconds))

    def unreachable(self, began: float, now: float) -> None:
        """Note an outage that has ended."""
        self._add(Hold(HoldKind.OUTAGE, began, now - began))

    def since(self, start: float, now: float, out_since: float | None) -> list[Hold]:
        """Return the holds between `start` and `now`, counted from `start`; `out_since` is when an outage began."""
        under_way = [Hold(HoldKind.OUTAGE, out_since, now - out_since)] if out_since is not None else []
        found = [_between(hold, start, now) for hold in (*self._all, *under_way)]
        return [hold for hold in found if hold.seconds > 0]

    def _add(self, hold: Hold) -> None:
        if len(self._all) < MOST:
            self._all.append(hold)


def _between(hold: Hold, start: float, now: float) -> Hold:
    began = max(0.0, hold.began - start)
    return Hold(hold.kind, began, min(hold.ended, now) - start - began)
