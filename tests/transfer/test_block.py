"""A block of a body keeps its chunks in order, and is cut and read without joining them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bds_async.transfer.block import Block

some_chunks = st.lists(st.binary(max_size=5), max_size=6)


def block_of(chunks: list[bytes]) -> Block:
    block = Block()
    for chunk in chunks:
        block.add(chunk)
    return block


@given(some_chunks, st.integers(0, 40))
def test_a_cut_keeps_the_first_bytes_and_nothing_else(chunks: list[bytes], size: int) -> None:
    block = block_of(chunks)
    block.cut(size)
    assert b"".join(block.chunks) == b"".join(chunks)[:size]
    assert block.size == sum(map(len, block.chunks))
    assert all(block.chunks), "an empty chunk is none"


@given(some_chunks, st.integers(1, 40))
def test_the_head_is_the_first_bytes_across_chunks(chunks: list[bytes], size: int) -> None:
    assert block_of(chunks).head(size) == b"".join(chunks)[:size]
