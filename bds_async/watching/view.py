"""An observer that shows a run on a terminal: a row for the whole run, and one for each transfer in flight."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live

from ..events import (
    Event,
    Finished,
    Held,
    ListsRead,
    Merging,
    Mirrored,
    Mirroring,
    OutageBegan,
    OutageEnded,
    Planned,
    Read,
    Received,
    Reviewed,
    Surveyed,
)
from ..support.text import printable
from .layout import Layout, Row
from .meter import Meter
from .notices import lists_text, notice_of
from .tally import Tally
from .transfers import State, Transfer, Transfers, wait_state

#: The most transfers that have a row.
MOST_ROWS = 16
#: Rows of the terminal that are left free for log lines.
FREE_ROWS = 4
#: How often the rows are drawn, in times a second.
FREQUENCY = 4


class View:
    """Rows on a terminal: extracts, bytes, rate and time left of the run, and each transfer in flight with its state.

    Use it with `with`: at the end the rows disappear. Meanwhile, text on stderr appears above them, so notices go to
    `logger`. `clock` is monotonic, in seconds; `now` returns the local time.
    """

    def __init__(
        self,
        logger: logging.Logger,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        # Log lines may be long; the terminal wraps them.
        self._logger = logger
        self.console = console or Console(stderr=True, soft_wrap=True)
        self._clock, self._now = clock, now
        self._tally, self._transfers, self._meter = Tally(), Transfers(clock), Meter(clock())
        self._before_plan = ""
        self._merging: Merging | None = None
        self._mirrored_rows = 0
        self._hold: tuple[State, float] | None = None
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        self._tally(event)
        self._transfers(event)
        # A hold needs no log line: the rows show it.
        if not isinstance(event, Held) and (notice := notice_of(event)) is not None:
            notice.log(self._logger)
        match event:
            case ListsRead():
                self._before_plan = lists_text(event)
                self._start()
            case Planned() | Surveyed() | Mirroring():
                self._begin(event)
            case Merging() | Mirrored():
                self._note_mirror(event)
            case Received(_, new_bytes) | Read(new_bytes):
                self._meter.add(new_bytes, self._clock())
            case Held() | OutageBegan() | OutageEnded():
                self._note_hold(event)
            case Finished() | Reviewed():
                self._stop()

    def rows(self, width: int, height: int) -> Group:
        """Return the rows for a terminal of this size; called by the thread that draws them."""
        layout = Layout(width, not self.console.options.ascii_only)
        if self._before_plan:
            return Group(*map(layout.line, (self._before_plan, *self._hold_lines())))
        shown = max(1, min(MOST_ROWS, height - FREE_ROWS))
        transfers = self._transfers.all()
        lines = [layout.row(self._overall()), *map(layout.line, self._hold_lines())]
        lines += map(layout.line, self._mirror_lines())
        lines += [layout.row(self._row(transfer)) for transfer in transfers[:shown]]
        if more := len(transfers[shown:]):
            lines.append(layout.line(f"  and {more} more"))
        lines[0].stylize("bold")
        return Group(*lines)

    def _begin(self, event: Planned | Surveyed | Mirroring) -> None:
        self._before_plan, self._meter = "", Meter(self._clock())
        if isinstance(event, Planned) and not event.extracts:
            self._stop()
        else:
            self._start()

    def _overall(self) -> Row:
        tally, now = self._tally, self._clock()
        size = max(tally.bytes, tally.bytes_done)
        state = self._transfers.common_state()
        return Row(f"{tally.done}{tally.failures}", max(0, tally.bytes_done), size, self._meter.rate(now), state)

    def _row(self, transfer: Transfer) -> Row:
        now, extract = self._clock(), transfer.extract
        name = f"  {printable(extract.data_set)} ({extract.bds_type.folder})"
        state = transfer.state(now, self._holding())
        size = None if transfer.size is None else max(transfer.size, transfer.received)
        return Row(name, transfer.received, size, transfer.meter.rate(now), state)

    def _note_mirror(self, event: Merging | Mirrored) -> None:
        if isinstance(event, Merging):
            self._merging = event
            return
        self._merging = None
        self._mirrored_rows += event.extract.rows
        self._meter.add(event.extract.bytes or 0, self._clock())

    def _mirror_lines(self) -> Iterator[str]:
        """The rows applied so far, and the table and file in progress."""
        if self._merging is not None:
            table, file = printable(self._merging.table), printable(self._merging.path.rpartition("/")[2])
            yield f"  {self._mirrored_rows:,} rows applied; now {table}, {file}"

    def _note_hold(self, event: Held | OutageBegan | OutageEnded) -> None:
        if isinstance(event, OutageEnded):
            self._hold = None
            return
        if isinstance(event, Held):
            what, seconds = "the rate limit", event.seconds
        else:
            what, seconds = "Brightspace", event.patience
        self._hold = wait_state(what, seconds, self._now()), self._clock() + seconds

    def _holding(self) -> State | None:
        """Return the state of the current hold of new requests; None once its time is over."""
        hold = self._hold
        return hold[0] if hold is not None and self._clock() < hold[1] else None

    def _hold_lines(self) -> Iterator[str]:
        if (state := self._holding()) is not None and self._hold is not None:
            left = math.ceil(self._hold[1] - self._clock())
            yield f"{state.text[:1].upper()}{state.text[1:]}, {left} s left"

    def _start(self) -> None:
        if self._live is None:
            self._live = Live(
                get_renderable=self._drawn,
                console=self.console,
                refresh_per_second=FREQUENCY,
                transient=True,
                redirect_stdout=False,
            )
            # Draw now: a log line cannot clear rows that the drawing thread has not drawn yet.
            self._live.start(refresh=True)

    def _drawn(self) -> Group:
        return self.rows(*self.console.size)

    def _stop(self) -> None:
        self._transfers.clear()
        if self._live is not None:
            self._live.stop()
            self._live = None
