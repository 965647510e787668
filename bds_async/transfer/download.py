"""The state of one download, and the pieces that it is fetched in."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from yarl import URL

from ..brightspace import Tries, to_url
from ..errors import BdsError, ExtractError
from ..models import Extract
from ..planning import Step
from ..report import Outcome, Status
from ..support.once import Once
from ..support.text import counted
from ..workspace import ensure_room
from .attempts import Attempt, Attempts
from .partial import Partial
from .ranges import Range, gaps, merged
from .rejections import Rejections

#: Bytes: an extract listed as smaller than LARGE is fetched by one request, others by ranges of PIECE.
LARGE = 64 * 1024 * 1024
PIECE = 16 * 1024 * 1024


@dataclass(eq=False, slots=True)
class Piece:
    """A range of one generation of a download, from `start` (the next byte wanted) to `stop` (None: the end).

    `attempt` is the current or latest attempt to fetch it.
    """

    download: Download
    generation: int
    start: int
    stop: int | None
    tries: Tries
    attempt: Attempt = field(default_factory=Attempt)

    @property
    def is_stale(self) -> bool:
        """Whether it is no longer needed: the download started over, or is settled."""
        return self.download.is_settled or self.generation != self.download.partial.generation

    @property
    def is_complete(self) -> bool:
        """Whether every byte of it has arrived."""
        return self.stop is not None and self.start >= self.stop

    @property
    def is_wanted(self) -> bool:
        """Whether there is still something to request."""
        return not (self.is_stale or self.is_complete)

    @property
    def size(self) -> int:
        """Bytes that are still wanted, by the listed size if the piece has no end; 0 if that is unknown."""
        return max(0, (self.download.listed_size if self.stop is None else self.stop) - self.start)

    @property
    def is_whole_extract(self) -> bool:
        """Whether it is the whole extract, so that a plain GET will do."""
        return self.start == 0 and self.stop is None


@dataclass(eq=False)
class Download:
    """One step of a plan under way: its partial file, links, tries and outcome.

    `predecessor` is the download of the same data set that must be settled before this one is published. `worker` is
    the machine of a cluster that fetches it.
    """

    step: Step
    partial: Partial
    attempts: int
    predecessor: Download | None = None
    worker: str | None = None
    signed_link: URL | None = field(default=None, repr=False)
    under_way: int = 0
    failures: int = 0
    restarts: int = 0
    resumed_bytes: int = 0
    outcome: Outcome | None = None
    error: BdsError | None = None
    made: Attempts = field(default_factory=Attempts, repr=False)
    _opened: int | None = None
    _finishing: int | None = None
    _most_held: int = 0
    _began: float | None = None
    _turn: Once = field(default_factory=Once, repr=False)
    _end: Once = field(default_factory=Once, repr=False)

    def __post_init__(self) -> None:
        self._rejections = Rejections(self.attempts)

    @property
    def extract(self) -> Extract:
        """The extract that is fetched."""
        return self.step.extract

    @property
    def listed_size(self) -> int:
        """Bytes of the extract, as listed; 0 if unknown."""
        return self.extract.download_size or 0

    def first_piece(self) -> Piece | None:
        """What to request first: a gap that an earlier run left, else the whole or, of a large extract, its head.

        None if nothing is missing. Its answer shows how to go on: `rest` returns the other pieces, if any.
        """
        if self.partial.held_bytes:
            self.resumed_bytes = self._most_held = self.partial.held_bytes
            return self._first_gap()
        return self._piece(0, PIECE if self.listed_size >= LARGE else None)

    def rest(self, first: Piece) -> list[Piece]:
        """The pieces that follow the first one, once its answer has shown that the server supports ranges.

        They are returned once for each generation; after that the list is empty.
        """
        if self._opened == self.partial.generation:
            return []
        self._opened = self.partial.generation
        total = self.partial.total or 0
        pieces = self._pieces_of(gaps(merged([*self.partial.held(), (first.start, first.stop or total)]), total))
        # The last piece comes first: it has the directory of the zip, where verification begins.
        return pieces[-1:] + pieces[:-1]

    def _first_gap(self) -> Piece | None:
        total = self.partial.total
        if total is None:
            return self._piece(self.partial.held()[-1][1], None)
        return next(iter(self._pieces_of(self.partial.gaps(total))), None)

    def _pieces_of(self, ranges: list[Range]) -> list[Piece]:
        return [
            self._piece(start, min(start + PIECE, stop))
            for range_start, stop in ranges
            for start in range(range_start, stop, PIECE)
        ]

    def begin_object(self, validator: str | None, total: int | None) -> None:
        """Begin a new generation for the object that an answer serves.

        Raises DestinationError if the disk has no room for it. The smaller of the listed and the answered size counts,
        since either may be wrong.
        """
        sizes = [size for size in (total, self.extract.download_size) if size is not None]
        if total is not None:
            ensure_room(self.partial.path.parent, min(sizes) - self.partial.held_bytes, self.extract)
        self._start_over(validator, total)

    def _start_over(self, validator: str | None = None, total: int | None = None) -> None:
        self.resumed_bytes = 0
        self.partial.begin(validator, total)

    def restart(self, used: int = 0) -> Piece:
        """Begin a new generation with an empty partial file; returns a piece for the whole. Older pieces become stale.

        `used` is the number of tries that the replaced piece has used. The first restart is free, since a storage
        without validators needs it; each other one counts as a try. Raises ExtractError if none is left.
        """
        self.restarts += 1
        self.failures += 1
        if self.restarts > max(1, self.attempts - 1):
            raise ExtractError(f"The server never served one object to its end in {counted(self.restarts, 'try')}.")
        self._start_over()
        self.signed_link = None
        return self._piece(0, None, used)

    def advance(self) -> int:
        """Bytes by which the partial file holds more than ever before: only those are progress."""
        gained = max(0, self.partial.held_bytes - self._most_held)
        self._most_held += gained
        return gained

    def reject(self) -> Piece | None:
        """Drop a whole but invalid body; returns the piece to start over with, None if another try is pointless."""
        are_enough = self._rejections.are_enough_with(self.partial.validator, self.partial.total)
        self.failures += 1
        self._most_held = 0
        self._start_over()
        return None if are_enough else self.first_piece()

    def is_ready_to_finish(self) -> bool:
        """True once for each generation, when every byte is there."""
        ready = not self.is_settled and self.partial.is_whole and self._finishing != self.partial.generation
        self._finishing = self.partial.generation if ready else self._finishing
        return ready

    @property
    def link(self) -> URL:
        """Where to send the request: the signed link while it is valid, else the tenant's own link."""
        return self.signed_link or to_url(self.extract.download_link)

    def forget_link(self, signed: URL) -> None:
        """Request a new signed link next time, unless another piece has obtained one meanwhile."""
        if self.signed_link == signed:
            self.signed_link = None

    @property
    def is_settled(self) -> bool:
        """Whether its outcome is known."""
        return self._end.has_happened

    @property
    def has_failed(self) -> bool:
        """Whether its outcome is a failure: nothing was published."""
        return self.outcome is not None and self.outcome.status is Status.FAILED

    def take_turn(self) -> None:
        """Allow the later extracts of the data set to be published after this one."""
        self._turn.happen()

    async def in_turn(self) -> None:
        """Wait until it is about to be published, or its outcome is known."""
        await self._turn.happened()

    async def settled(self) -> None:
        """Wait until its outcome is known."""
        await self._end.happened()

    def begin(self) -> bool:
        """Start the clock; True the first time."""
        first = self._began is None
        self._began = self._began or time.monotonic()
        return first

    @property
    def has_begun(self) -> bool:
        """Whether a request for it was made, or its outcome is known."""
        return self._began is not None or self.is_settled

    @property
    def seconds(self) -> float:
        """Seconds since its first request."""
        return time.monotonic() - self._began if self._began is not None else 0.0

    def settle(self, outcome: Outcome) -> None:
        """Set the outcome, and wake up all that wait for it."""
        self.outcome, self.signed_link = outcome, None
        self._turn.happen()
        self._end.happen()

    def _piece(self, start: int, stop: int | None, used: int = 0) -> Piece:
        used = max(used, self._rejections.count + max(0, self.restarts - 1))
        return Piece(self, self.partial.generation, start, stop, Tries(self.attempts, used))
