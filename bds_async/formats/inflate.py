"""The bytes of a zip's member, inflated in blocks in constant memory, and checked against length and CRC-32.

ISA-L is used if it is installed (about three times as fast), else zlib; both release the GIL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, cast

try:
    from isal import isal_zlib as codec
except ImportError:
    import zlib as codec  # type: ignore[no-redef]

from ..errors import VerificationError
from .zip_members import Member

#: Bytes read and inflated at a time.
BLOCK = 256 * 1024
_RAW_DEFLATE = -15
_DAMAGE = cast(type[Exception], codec.error)


class _Stream(Protocol):
    @property
    def unconsumed_tail(self) -> bytes:
        """Input that is not inflated yet."""
        ...

    def decompress(self, block: bytes, max_length: int, /) -> bytes:
        """Inflate to at most `max_length` bytes."""
        ...


def contents(member: Member, compressed: Iterable[bytes]) -> Iterator[bytes]:
    """Inflate the member's compressed bytes to blocks of at most BLOCK.

    Raises VerificationError at the end if length or CRC-32 are not those of the directory, and before a block
    that would make the contents longer than the directory says.
    """
    crc = length = 0
    for block in _inflated(member, compressed) if member.is_deflated else compressed:
        length += len(block)
        if length > member.size:
            raise VerificationError(f"The member {member} of the zip inflates to more than its directory says.")
        crc = codec.crc32(block, crc)
        yield block
    if length != member.size or crc != member.crc:
        raise VerificationError(f"The member {member} of the zip is damaged: its length or CRC-32 is wrong.")


def _inflated(member: Member, compressed: Iterable[bytes]) -> Iterator[bytes]:
    if member.start == member.stop:
        return
    stream = codec.decompressobj(_RAW_DEFLATE)
    try:
        for block in compressed:
            yield from _drained(stream, block)
    except _DAMAGE as error:
        text = f"The member {member} of the zip is damaged: its compressed data cannot be unpacked."
        raise VerificationError(text) from error
    if not stream.eof or stream.unused_data:
        raise VerificationError(f"The member {member} of the zip is damaged: its data does not end where it should.")


def _drained(stream: _Stream, block: bytes) -> Iterator[bytes]:
    # After a full block of output there may be more, even if no input is left.
    more = True
    while more:
        output = stream.decompress(block, BLOCK)
        block = stream.unconsumed_tail
        more = len(output) == BLOCK
        if output:
            yield output
