"""Lines of stdin: whole, in any pieces, and never delaying the end of the program."""

import asyncio
import os
import sys
import threading

import pytest

from bds_async.cli.login.pasted import lines


class Stdin:
    """A stdin on a new descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor


@pytest.fixture
def pipe(monkeypatch):
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdin", Stdin(reading))
    yield writing
    os.close(reading)


async def all_lines() -> list[str]:
    return [line async for line in lines()]


async def test_lines_come_whole_however_they_were_cut(pipe):
    async def write() -> None:
        for part in (b"first\nsec", b"ond", b"\r\n\n\xffthird"):
            os.write(pipe, part)
            await asyncio.sleep(0.01)
        os.close(pipe)

    writing = asyncio.create_task(write())
    assert await all_lines() == ["first", "second\r", "", "\N{REPLACEMENT CHARACTER}third"]
    await writing


async def test_an_empty_stdin_has_no_lines(pipe):
    os.close(pipe)
    assert await all_lines() == []


async def test_no_stdin_has_no_lines(monkeypatch):
    """As in a program that was started without a console."""
    monkeypatch.setattr(sys, "stdin", None)
    assert await all_lines() == []


async def test_a_regular_file_is_read_too(monkeypatch, tmp_path):
    """Event loops cannot watch regular files."""
    (tmp_path / "paste").write_bytes(b"address\n")
    with (tmp_path / "paste").open("rb") as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert await all_lines() == ["address"]


def test_a_line_that_comes_after_the_loop_was_closed_harms_nobody(pipe):
    async def first() -> str:
        async for line in lines():
            return line
        return ""

    os.write(pipe, b"early\n")
    assert asyncio.run(first()) == "early"
    os.write(pipe, b"late\n")
    for thread in [thread for thread in threading.enumerate() if thread.name == "bds-async-stdin"]:
        thread.join(10)
    os.close(pipe)
