"""The progress of a run in numbers and words."""

from __future__ import annotations

from ..events import (
    Ended,
    Event,
    Examined,
    Mirrored,
    Mirroring,
    Planned,
    Read,
    Received,
    Restarted,
    Sized,
    Started,
    Surveyed,
)
from ..models import Extract, Identity
from ..report import Outcome, Status
from ..support.text import counted, size_text


def sizes_text(done: float, total: float) -> str:
    """Return bytes done of all bytes, in the unit of the larger number: `6.9/7.0 MB`."""
    number, _, unit = size_text(max(done, total)).partition(" ")
    scale = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}[unit]
    digits = 0 if unit == "B" else 1
    return f"{done / scale:.{digits}f}/{number if total >= done else f'{total / scale:.{digits}f}'} {unit}"


class Tally:
    """An observer that counts the progress of a run: files and bytes, wanted and done.

    The size in an answer replaces the listed size; when an extract ends, the received bytes replace both.
    """

    def __init__(self) -> None:
        self.what = "extract"
        self.phase = ""
        self.files = 0
        self.files_done = 0
        self.failed = 0
        self.bytes = 0
        self.bytes_done = 0
        self._sizes: dict[Identity, int] = {}
        self._received: dict[Identity, int] = {}

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Planned() | Surveyed() | Mirroring():
                self._begin(event)
            case Mirrored(_, _, applied):
                self._pass(applied.bytes or 0)
            case Sized(extract, size):
                self._resize(extract, size)
            case Started() | Received() | Restarted():
                self._count(event)
            case Read(more):
                self.bytes_done += more
            case Examined():
                self._pass(0)
            case Ended(outcome):
                self._end(outcome)

    @property
    def done(self) -> str:
        """The number of finished files and of all files."""
        return f"{self.phase}{self.files_done} of {counted(self.files, self.what)}"

    @property
    def failures(self) -> str:
        """The number of failures, to append to the rest; empty if there are none."""
        return f", {self.failed} failed" if self.failed else ""

    def _begin(self, event: Planned | Surveyed | Mirroring) -> None:
        self.files_done = self.failed = self.bytes_done = 0
        match event:
            case Planned(extracts):
                self._sizes, self._received = {each.identity: each.download_size or 0 for each in extracts}, {}
                self.what, self.phase, self.files, self.bytes = "extract", "", len(extracts), sum(self._sizes.values())
            case Surveyed(files, size):
                self.what, self.phase, self.files, self.bytes = "file", "", files, size
            case Mirroring(_, extracts, size):
                self.what, self.phase, self.files, self.bytes = "extract", "mirror: ", extracts, size

    def _pass(self, size: int) -> None:
        self.files_done += 1
        self.bytes_done += size

    def _resize(self, extract: Extract, size: int) -> None:
        self.bytes += size - self._sizes.get(extract.identity, 0)
        self._sizes[extract.identity] = size

    def _end(self, outcome: Outcome) -> None:
        identity = outcome.extract.identity
        if identity in self._received or outcome.status is Status.FAILED:
            self._resize(outcome.extract, self._received.get(identity, 0))
        else:
            # An earlier run had received all of it.
            self.bytes_done += self._sizes.get(identity, 0)
        self.files_done += 1
        self.failed += outcome.status is Status.FAILED

    def _count(self, event: Started | Received | Restarted) -> None:
        match event:
            case Started(extract, more) | Received(extract, more):
                pass
            case Restarted(extract, lost_bytes):
                more = -lost_bytes
        self.bytes_done += more
        self._received[extract.identity] = self._received.get(extract.identity, 0) + more
