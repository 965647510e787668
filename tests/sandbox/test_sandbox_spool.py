"""The folder of archives: each is generated once, their total is bounded, and none is dropped while in use."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from bds_async.sandbox.data.spool import SMALLEST, Spool, SpoolClosed


@pytest.fixture
def spool():
    made = Spool(4 * SMALLEST)
    yield made
    made.close()
    assert not made.folder.exists()


def writing(content=b"x", made=None):
    def make(path, check):
        check()
        if made is not None:
            made.append(threading.get_ident())
        path.write_bytes(content)

    return make


def read(spool, key, make):
    with spool.open(key, make) as file:
        return file.read()


def test_a_file_is_made_once_however_many_ask_at_the_same_time(spool):
    made, start = [], threading.Barrier(8)

    def ask(_):
        start.wait()
        return read(spool, "a", writing(b"content", made))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {b"content"}
    assert len(made) == 1


def test_files_are_made_side_by_side(spool):
    both = threading.Barrier(2, timeout=10)

    def make(path, _):
        both.wait()
        path.write_bytes(b"x")

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda key: read(spool, key, make), "ab")) == [b"x", b"x"]


def test_what_was_used_last_stays_longest(spool):
    for key in "abcd":
        read(spool, key, writing())
    read(spool, "a", writing())
    read(spool, "e", writing())
    assert spool.open_ready("b") is None
    for key in "acde":
        with spool.open_ready(key):
            pass


def test_an_open_file_stays_readable_when_it_is_dropped(spool):
    with spool.open("a", writing(b"kept")) as file:
        for key in "bcdefg":
            read(spool, key, writing())
        assert spool.open_ready("a") is None
        assert file.read() == b"kept"


def test_sizes_are_known_of_files_that_are_gone(spool):
    for key in "abcdef":
        read(spool, key, writing(b"12345"))
    assert spool.known_size("a") == 5
    assert spool.known_size("never") is None


def test_nothing_is_ready_before_it_is_made_or_after_the_end(spool):
    assert spool.open_ready("a") is None
    read(spool, "a", writing())
    with spool.open_ready("a") as file:
        assert file.read() == b"x"
    spool.stop_generating()
    assert spool.open_ready("a") is None
    with pytest.raises(SpoolClosed):
        spool.open("a", writing())


def test_nobody_waits_for_a_file_that_is_being_made(spool):
    begun, finish = threading.Event(), threading.Event()

    def slow(path, _):
        begun.set()
        finish.wait(10)
        path.write_bytes(b"x")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(read, spool, "a", slow)
        assert begun.wait(10)
        assert spool.open_ready("a") is None
        finish.set()
        assert waiting.result() == b"x"


def test_a_making_that_fails_leaves_nothing_and_is_tried_again(spool):
    def fail(path, _):
        path.write_bytes(b"half")
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        spool.open("a", fail)
    assert list(spool.folder.iterdir()) == []
    assert read(spool, "a", writing(b"whole")) == b"whole"


def test_the_digest_is_that_of_the_content(spool):
    assert spool.sha256("a", writing(b"abc")) == hashlib.sha256(b"abc").hexdigest()


def test_many_threads_and_few_places_never_mix_up_contents(spool):
    def ask(seed):
        draw = Random(seed)
        for _ in range(150):
            key = draw.randrange(12)
            if read(spool, key, writing(b"%d" % key)) != b"%d" % key:
                return False
            if ready := spool.open_ready(key):
                ready.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(6)))
    assert len(list(spool.folder.iterdir())) <= 4 + 6


def test_only_so_many_sizes_are_remembered(spool, monkeypatch):
    monkeypatch.setattr("bds_async.sandbox.data.spool.KNOWN_SIZES", 2)
    for key in "abc":
        read(spool, key, writing())
    assert [spool.known_size(key) for key in "abc"] == [None, 1, 1]
