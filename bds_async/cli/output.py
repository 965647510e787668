"""Standard output, whose reader may go away and whose disk may be full: neither is a defect of the program."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DestinationError

#: How a pipe says that its reader has gone; EINVAL is Windows' way.
_GONE = frozenset({errno.EPIPE, errno.EINVAL})


class ReaderGone(Exception):
    """Whoever read standard output has enough; there is nothing more to say, and nothing to complain about."""


class Output(io.TextIOWrapper):
    """A text stream that takes whatever is said; writing raises ReaderGone, or DestinationError for a full disk."""

    @classmethod
    def over(cls, stream: io.TextIOWrapper) -> Output:
        """The same stream, which is of no use any more then; it takes what its encoding can't spell."""
        encoding, line_buffering = stream.encoding, stream.line_buffering
        return cls(stream.detach(), encoding, "backslashreplace", line_buffering=line_buffering)

    def write(self, text: str) -> int:
        """As every stream does."""
        with self._told():
            return super().write(text)

    def flush(self) -> None:
        """As every stream does."""
        with self._told():
            super().flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What is still held back goes nowhere, or Python would try again at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if error.errno in _GONE:
                raise ReaderGone from None
            reason = os.strerror(error.errno) if error.errno else "it is closed"
            raise DestinationError(f"Standard output can't be written: {reason}; make room, then run again.") from None
