"""The transfers in flight: bytes, rate and state of each, and the state in words."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..events import Ended, Entered, Event, Phase, Received, Restarted, Retrying, Sized, Started
from ..models import Extract, Identity
from .meter import Meter

#: Seconds without a byte after which a transfer is shown as idle.
QUIET = 5.0
#: From this many seconds on, a wait is shown to the minute.
LONG_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class State:
    """What a transfer does instead of receiving: in full, and in a short form for narrow terminals."""

    text: str
    short: str


class Transfer:
    """One extract under way; times are by the monotonic clock. `phase` is None until all bytes are received."""

    def __init__(self, extract: Extract, held_bytes: int, now: float) -> None:
        self.extract = extract
        self.size = extract.download_size
        self.received = held_bytes
        self.meter = Meter(now)
        self.phase: Phase | None = None
        self.retry: Retrying | None = None
        self._retry_at = now
        self._is_asking = True

    def advance(self, new_bytes: int, now: float) -> None:
        """Add received bytes."""
        self.received += new_bytes
        self.meter.add(new_bytes, now)
        self.retry, self._is_asking = None, False

    def restart(self, lost_bytes: int) -> None:
        """Note that the extract starts again."""
        self.received -= lost_bytes
        self.phase, self._is_asking = None, True

    def wait(self, retry: Retrying, now: float) -> None:
        """Note that the transfer waits for the next try."""
        self.retry, self._retry_at, self._is_asking = retry, now + retry.seconds, True

    def state(self, now: float, held: State | None) -> State | None:
        """Return the state of the transfer, None while it receives; `held` is the state of a hold of new requests."""
        if self.phase is not None:
            return State(self.phase.value, self.phase.value)
        if self.retry is not None and now < self._retry_at:
            return _retry_state(self.retry, self._retry_at - now)
        if self._is_asking:
            return held or self._asking()
        quiet = now - self.meter.last
        return State(f"no data for {quiet:.0f} s", f"idle {quiet:.0f} s") if quiet >= QUIET else None

    def _asking(self) -> State:
        return State("resuming", "resuming") if self.received else State("starting", "starting")


class Transfers:
    """An observer that keeps the transfers in flight, in the order of their starts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way: dict[Identity, Transfer] = {}

    def __call__(self, event: Event) -> None:
        """Update the transfers by an event."""
        match event:
            case Started(extract, held_bytes):
                self._under_way[extract.identity] = Transfer(extract, held_bytes, self._clock())
            case Ended(outcome):
                self._under_way.pop(outcome.extract.identity, None)
            case Sized(extract) | Received(extract) | Restarted(extract) | Retrying(extract) | Entered(extract):
                if (transfer := self._under_way.get(extract.identity)) is not None:
                    self._change(transfer, event)

    def _change(self, transfer: Transfer, event: Sized | Received | Restarted | Retrying | Entered) -> None:
        match event:
            case Sized(_, size):
                transfer.size = size
            case Received(_, new_bytes):
                transfer.advance(new_bytes, self._clock())
            case Restarted(_, lost_bytes):
                transfer.restart(lost_bytes)
            case Retrying():
                transfer.wait(event, self._clock())
            case Entered(_, phase):
                transfer.phase = phase

    def all(self) -> list[Transfer]:
        """Return the transfers, those that wait for an earlier extract last; another thread may call it."""
        return sorted(self._under_way.values(), key=lambda each: each.phase is Phase.WAITING)

    def common_state(self) -> State | None:
        """Return the phase of most transfers if all of them have received all bytes, else None."""
        phases = [transfer.phase for transfer in self.all()]
        if not phases or None in phases:
            return None
        phase = max(phases, key=phases.count)
        return State(f"{phase}", f"{phase}")

    def clear(self) -> None:
        """Forget all transfers: the run has ended."""
        self._under_way.clear()


def wait_state(what: str, seconds: float, now: datetime) -> State:
    """Return the state of a wait: `waiting for the rate limit until 12:03`. `now` is local time."""
    until = f"{now + timedelta(seconds=seconds):%H:%M{'' if seconds >= LONG_WAIT else ':%S'}}"
    return State(f"waiting for {what} until {until}", f"{what.removeprefix('the ')} until {until}")


def _retry_state(retry: Retrying, seconds: float) -> State:
    wait = f"{math.ceil(seconds)} s"
    if retry.number == 1:
        return State(f"asked to wait, {wait} left", f"waiting {wait}")
    which = f"retry {retry.number} of {retry.limit}"
    return State(f"{which} in {wait}", f"{which} in {wait}")
