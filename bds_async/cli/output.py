"""Standard output. Its reader can close it and its disk can be full: neither is a defect of the program."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DestinationError

#: Errors of a pipe whose reader has closed it; Windows gives EINVAL.
_GONE = frozenset({errno.EPIPE, errno.EINVAL})


class ReaderGone(Exception):
    """The reader of standard output has closed it. The program ends without an error."""


class Output(io.TextIOWrapper):
    """A text stream that accepts every character; writing raises ReaderGone, or DestinationError for a full disk."""

    @classmethod
    def over(cls, stream: io.TextIOWrapper) -> Output:
        """Wrap a stream, which is detached. Characters that its encoding can't express are written as escapes."""
        encoding, line_buffering = stream.encoding, stream.line_buffering
        return cls(stream.detach(), encoding, "backslashreplace", line_buffering=line_buffering)

    def write(self, text: str) -> int:
        """Write or flush as every stream; raises ReaderGone, DestinationError."""
        with self._translated():
            return super().write(text)

    def flush(self) -> None:
        """Write or flush as every stream; raises ReaderGone, DestinationError."""
        with self._translated():
            super().flush()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # The rest of the buffer goes to the null device; Python would else retry at exit and report the error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if error.errno in _GONE:
                raise ReaderGone from None
            reason = os.strerror(error.errno) if error.errno else "it is closed"
            raise DestinationError(f"Standard output can't be written: {reason}; make room, then run again.") from None
