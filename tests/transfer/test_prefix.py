"""The SHA-256 of a file's beginning, from blocks that are written in any order."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from bds_async.support.prefix import Prefix

CONTENT = bytes(range(100))


@given(st.permutations([(0, 10), (10, 30), (30, 31), (31, 80), (80, 100)]))
def test_it_ends_where_a_block_came_ahead_of_its_turn(blocks: list[tuple[int, int]]) -> None:
    """The digest is always that of the first `length` bytes; a block counts only if it is the next one."""
    prefix, expected = Prefix(), 0
    for start, stop in blocks:
        prefix.extend(start, CONTENT[start:stop])
        expected = stop if start == expected else expected
    assert prefix.length == expected
    assert prefix.sha256 == hashlib.sha256(CONTENT[:expected]).hexdigest()


def test_an_unwanted_one_hashes_nothing() -> None:
    prefix = Prefix.unwanted()
    prefix.extend(0, CONTENT)
    assert prefix.sha256 == hashlib.sha256().hexdigest()
