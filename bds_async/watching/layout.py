"""Rows of the live view: fixed columns, which are dropped one by one on narrow terminals."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from ..support.text import size_text
from .tally import sizes_text
from .transfers import State

#: Columns left free at the right: a terminal echoes `^C` there, and a row that wraps would stay on the screen.
MARGIN = 2
#: Widths of a bar, of `113.7/123.9 MB`, of `113.7 MB/s`, and of `12:34:56`.
BAR, SIZES, RATE, LEFT = 16, 14, 10, 8
#: The least width of a name, and the blanks between two columns.
NAME, GAP = 12, 2
#: Terminal widths from which the rate, the time left and the bar are shown.
RATE_FROM, LEFT_FROM, BAR_FROM = 56, 72, 96


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a name, bytes, and the rate in bytes a second, or a state in place of the rate.

    `size` is None if it is not known.
    """

    name: str
    received: int
    size: int | None
    rate: float = 0.0
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that fit on a terminal of this `width`. Without `is_unicode`, bars are drawn in ASCII."""

    width: int
    is_unicode: bool = True

    def row(self, row: Row) -> Text:
        """Return a row in its columns, at most `width` wide."""
        cells = [self._sizes(row)]
        if self._tail:
            cells.append(self._tail_of(row))
        if row.state is not None and len(row.state.text) > self._tail:
            cells = [self._fitting(row.state).ljust(SIZES + GAP * bool(self._tail) + self._tail)]
        rest = (" " * GAP).join(cells)
        return Text(_cut(f"{_fitted(row.name, max(0, self._room - len(rest) - GAP))}{' ' * GAP}{rest}", self._room))

    def line(self, text: str) -> Text:
        """Return a text of one row, cut at the terminal's width."""
        return Text(_cut(text, self._room))

    @property
    def _room(self) -> int:
        return max(1, self.width - MARGIN)

    @property
    def _tail(self) -> int:
        """The width of the columns after the sizes: rate, time left, bar."""
        shown = {RATE: self.width >= RATE_FROM, LEFT: self.width >= LEFT_FROM, BAR: self.width >= BAR_FROM}
        widths = [width for width, is_shown in shown.items() if is_shown]
        return sum(widths) + GAP * max(0, len(widths) - 1)

    def _sizes(self, row: Row) -> str:
        text = size_text(row.received) if row.size is None else sizes_text(row.received, row.size)
        return text.rjust(SIZES)

    def _tail_of(self, row: Row) -> str:
        if row.state is not None:
            return row.state.text.ljust(self._tail)
        size = row.received if row.size is None else row.size
        cells = [f"{size_text(row.rate)}/s".rjust(RATE), time_left(size - row.received, row.rate).rjust(LEFT)]
        cells.append(self._bar(row.received / size if size else 0.0))
        return (" " * GAP).join(cells)[: self._tail]

    def _fitting(self, state: State) -> str:
        """Return a state in full, or in its short form if a name would not fit beside it."""
        return state.text if len(state.text) <= self._room - NAME - GAP else state.short

    def _bar(self, share: float) -> str:
        done, to_do = ("━", "─") if self.is_unicode else ("#", ".")
        filled = round(BAR * min(1.0, max(0.0, share)))
        return done * filled + to_do * (BAR - filled)


def time_left(to_do: int, rate: float) -> str:
    """Return the time that `to_do` bytes take at a rate: `1:05`, `2:10:00`; empty if unknown."""
    seconds = to_do / rate if rate else -1.0
    if not 0 <= seconds < 360_000:
        return ""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _fitted(text: str, room: int) -> str:
    """Return a text in exactly `room` columns, padded or cut."""
    return set_cell_size(_cut(text, room), room)


def _cut(text: str, room: int) -> str:
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, room - 1).rstrip() + "…" if room > 1 else set_cell_size(text, room)
