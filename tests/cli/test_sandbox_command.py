"""`bds-async sandbox`, the real command: it serves until it is stopped, and misbehaves as a file says."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.commands import Done, Running, bds, starting

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")


@asynccontextmanager
async def serving(tmp_path: Path, *more: object) -> AsyncIterator[Running]:
    """A small sandbox in a separate process, ready for requests."""
    arguments = ("--data-sets", 4, "--scale", 0.01, "--write-config", tmp_path / "config.json", *more)
    async with starting("sandbox", *arguments) as running:
        lines = [await running.process.stdout.readline() for _ in range(4)]
        assert [line.split()[0] for line in lines] == [b"tenant", b"auth", b"storage", b"config"]
        yield running


def faults(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "faults.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


async def pull(tmp_path: Path, *more: object) -> Done:
    return await bds("pull", "--config", tmp_path / "config.json", "--to", tmp_path / "to", *more)


async def test_the_config_that_it_writes_can_be_used_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path):
        done = await pull(tmp_path)
    assert done.code == 0
    assert "4 downloaded" in done.err


@posix_only
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_stops_it_and_is_no_error(tmp_path: Path, number: int, code: int) -> None:
    async with serving(tmp_path) as running:
        done = await running.stopped_by(number)
    assert (done.code, done.out, done.complaints) == (code, "", [])
    assert "error" not in done.err


async def test_it_misbehaves_as_the_file_says(tmp_path: Path) -> None:
    played = [{"action": "status", "status": 404, "on": "download", "data_set": "Users"}]
    async with serving(tmp_path, "--faults", faults(tmp_path, played)):
        done = await pull(tmp_path, "--report", tmp_path / "run.json")
    failed = [each for each in json.loads((tmp_path / "run.json").read_text())["extracts"] if each["error"]]
    assert done.code == 3
    assert [each["data_set"] for each in failed] == ["Users"]
    assert "404" in failed[0]["error"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("[", "is not JSON, line 1: the file ends too early; a closing bracket is missing. The line: ["),
        ('{"client_secret": "hush" "x": 1}', 'The line: {"client_secret": "…"'),
        ('[{"action": "reset"},]', 'remove the comma before the closing bracket. The line: [{"action": "reset"},]'),
        ({"fault": []}, "'faults'"),
        ([{"action": "cut", "after": 1}, {"action": "explode"}], "faults[1].action"),
        ([{"action": "cut"}], "faults[0].after"),
        ({"faults": [{"action": "reset", "wherever": 1}]}, "faults[0].wherever"),
        ([{"action": "reset"}, {"action": "reset", "data_set": "Usres"}], "faults[1].data_set: no data set"),
    ],
)
async def test_a_malformed_file_is_exit_2_and_names_the_place(tmp_path: Path, content: object, place: str) -> None:
    done = await bds("sandbox", "--faults", faults(tmp_path, content))
    assert (done.code, done.out) == (2, "")
    assert place in done.err
    assert str(tmp_path / "faults.json") in done.err
    assert len(done.err.splitlines()) <= 2


@pytest.mark.parametrize("name", ["nothing.json", "."])
async def test_a_file_that_cannot_be_read_is_exit_2(tmp_path: Path, name: str) -> None:
    done = await bds("sandbox", "--faults", tmp_path / name)
    assert (done.code, done.complaints) == (2, [])


async def test_a_config_that_is_not_a_sandboxs_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"bspace_url": "https://myschool.brightspace.com"}')
    done = await bds("sandbox", "--write-config", tmp_path / "config.json")
    assert (done.code, done.out) == (2, "")
    assert "name another file" in done.err
    assert "myschool" in (tmp_path / "config.json").read_text()


async def test_a_port_that_is_taken_is_exit_2(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        done = await bds("sandbox", "--port", port)
    assert done.code == 2
    assert f"port {port}" in done.err
