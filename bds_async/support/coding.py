"""Content codings of RFC 9110 section 8.4.1 that the standard library can decode: gzip and deflate."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

#: `wbits` of zlib: for gzip or zlib, by the header, and for deflate without a header, which some servers send.
_WITH_HEADER, _BARE = 47, -15
#: The most bytes that one step of decoding returns, so that memory stays bounded.
_STEP = 1024 * 1024


class CodingError(ValueError):
    """The data is not in the coding, or ends early."""


def decoded(blocks: Iterable[bytes], *, bare: bool = False) -> Iterator[bytes]:
    """Decode gzip or zlib (or, if `bare`, deflate without a header), in blocks of at most 1 MiB.

    Several gzip members in sequence are one content (RFC 1952 section 2.2). Raises CodingError.
    """
    wbits = _BARE if bare else _WITH_HEADER
    decoder = zlib.decompressobj(wbits)
    for block in blocks:
        rest = block
        while rest:
            if decoder.eof:
                decoder = zlib.decompressobj(wbits)
            yield _step(decoder, rest)
            rest = decoder.unconsumed_tail or decoder.unused_data
    if tail := decoder.flush():
        yield tail
    if not decoder.eof:
        raise CodingError("the data ends early")


def _step(decoder: zlib._Decompress, data: bytes) -> bytes:
    try:
        return decoder.decompress(data, _STEP)
    except zlib.error as error:
        raise CodingError(str(error)) from None
