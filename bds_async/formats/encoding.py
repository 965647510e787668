"""Decoding of zips that a server or gateway compressed again (`Content-Encoding`), before verification.

The header is not trusted: it may name a coding that was never applied. The file itself decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..support.coding import CodingError, decoded
from ..workspace import writing_to
from .inflate import BLOCK
from .reading import Watch, unwatched

#: Suffix of the decoded file, beside the received one.
SUFFIX = ".plain"
#: The most nested codings that are decoded.
MOST = 2
_ZIP, _GZIP = b"PK", b"\x1f\x8b"


def decode_zip(received: Path, watch: Watch = unwatched) -> bool:
    """Replace a received file with the zip that it encodes (gzip or deflate); leave it if it encodes none.

    Returns whether it was replaced. Raises DestinationError, and as `watch` does.
    """
    with writing_to(received.parent):
        for done in range(MOST):
            if _beginning(received) == _ZIP or not any(_decode(received, bare, watch) for bare in (False, True)):
                return done > 0
    return True


def _decode(received: Path, bare: bool, watch: Watch) -> bool:
    """Decode the file if it is in this coding; return whether it was."""
    if not _encodes_zip(received, bare):
        return False
    plain = received.with_suffix(SUFFIX)
    try:
        with plain.open("wb") as file:
            for block in decoded(_blocks(received), bare=bare):
                file.write(block)
                watch(len(block))
        plain.replace(received)
    except CodingError:
        return False
    finally:
        plain.unlink(missing_ok=True)
    return True


def _encodes_zip(received: Path, bare: bool) -> bool:
    """Whether the first decoded bytes are those of a zip, or of one more coding."""
    try:
        return next(decoded(_blocks(received), bare=bare), b"")[:2] in (_ZIP, _GZIP)
    except CodingError:
        return False


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
