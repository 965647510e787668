"""Standard output and error. Readers can close them, and their disk can be full: neither is a defect of the program."""

from __future__ import annotations

import errno
import io
import os
from typing import Self

from ...errors import DestinationError

#: Errors of a pipe whose reader has closed it; on Windows it is EINVAL.
_GONE = frozenset({errno.EPIPE, errno.EINVAL})


class ReaderGone(Exception):
    """The reader of standard output has closed it. The program ends without an error."""


class _Guarded(io.TextIOWrapper):
    """A text stream that accepts every character. After an error, nothing more is written to its descriptor."""

    @classmethod
    def over(cls, stream: io.TextIOWrapper) -> Self:
        """Wrap a stream and detach it. Characters that its encoding can't express are written as escapes."""
        encoding, line_buffering = stream.encoding, stream.line_buffering
        return cls(stream.detach(), encoding, "backslashreplace", line_buffering=line_buffering)

    def write(self, text: str) -> int:
        """Write like every stream; `_failed` handles errors."""
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush like every stream; `_failed` handles errors."""
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        # The rest of the buffer goes to the null device; otherwise Python would retry at exit and exit with code 120.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        self._failed(error)

    def _failed(self, error: OSError) -> None:
        """Raise the error that an OSError stands for; return to ignore it."""
        raise NotImplementedError


class Output(_Guarded):
    """Standard output. Writing raises ReaderGone, or DestinationError for a full disk."""

    def _failed(self, error: OSError) -> None:
        if error.errno in _GONE:
            raise ReaderGone from None
        reason = os.strerror(error.errno) if error.errno else "it is closed"
        raise DestinationError(f"Standard output can't be written: {reason}; make room, then run again.") from None


class Messages(_Guarded):
    """Standard error. If its reader is gone or its disk is full, messages are dropped and the run goes on."""

    def _failed(self, error: OSError) -> None:
        """Return: the exit code stays that of the run."""


def hold_standard_descriptors() -> None:
    """Open the null device for each closed standard stream, so that no other file gets its descriptor."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
