"""One body: its bytes, their framing, and the faults in their delivery."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BufferedReader

from .ranges import Selection


@dataclass
class Body:
    """What `sending.stream` sends: `length` bytes of `file` from `selection.start`, at most `rate` bytes a second."""

    file: BufferedReader
    selection: Selection
    headers: dict[str, str]
    rate: float | None
    #: "length" (a `Content-Length`), "chunked", or "close" (neither: the end of the connection ends the body).
    framing: str = "length"
    declared: int = field(init=False)
    #: How many bytes are sent, and how the connection then ends: "reset", "close", or None for a complete answer.
    length: int = field(init=False)
    ending: str | None = None
    stall_after: int | None = None
    stall_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.length = self.declared = self.selection.stop - self.selection.start
