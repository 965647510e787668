"""How far a run is, and its numbers in words."""

from __future__ import annotations

from ..events import Ended, Event, Examined, Mirrored, Mirroring, Planned, Read, Received, Restarted, Started, Surveyed
from ..report import Status
from ..support.text import counted


def size_text(size: float) -> str:
    """Return bytes for people: `12.3 MB`, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


class Tally:
    """The progress of a run: files and bytes, wanted and done. It is an observer."""

    def __init__(self) -> None:
        self.what = "extract"
        self.phase = ""
        self.files = 0
        self.files_done = 0
        self.failed = 0
        self.bytes = 0
        self.bytes_done = 0

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Planned() | Surveyed() | Mirroring():
                self._begin(event)
            case Mirrored(_, _, extract):
                self.files_done += 1
                self.bytes_done += extract.bytes or 0
            case Started(_, more) | Received(_, more) | Read(more):
                self.bytes_done += more
            case Examined():
                self.files_done += 1
            case Restarted(_, lost_bytes):
                self.bytes_done -= lost_bytes
            case Ended(outcome):
                self.files_done += 1
                self.failed += outcome.status is Status.FAILED

    @property
    def done(self) -> str:
        """The number of files that are done, and of all files."""
        return f"{self.phase}{self.files_done} of {counted(self.files, self.what)}"

    @property
    def failures(self) -> str:
        """The number of failures, as an appendix to the rest; empty for none."""
        return f", {self.failed} failed" if self.failed else ""

    def _begin(self, event: Planned | Surveyed | Mirroring) -> None:
        self.files_done = self.bytes_done = self.failed = 0
        match event:
            case Planned(extracts):
                sizes = sum(extract.download_size or 0 for extract in extracts)
                self.what, self.phase, self.files, self.bytes = "extract", "", len(extracts), sizes
            case Surveyed(files, size):
                self.what, self.phase, self.files, self.bytes = "file", "", files, size
            case Mirroring(_, extracts, size):
                self.what, self.phase, self.files, self.bytes = "extract", "mirror: ", extracts, size
