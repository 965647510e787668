"""Verification of a large zip while its pieces arrive."""

from __future__ import annotations

import asyncio
import io
import random
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bds_async.formats import Staged
from bds_async.formats.reading import Watch, unwatched
from bds_async.formats.zip import ZipFormat, check
from bds_async.options import Verify
from bds_async.planning import Step
from bds_async.runs.following import Following
from bds_async.support.prefix import Prefix
from bds_async.support.threads import ZipThreads
from bds_async.transfer import Download, Partial
from tests.support.builders import a_step, an_extract
from tests.support.commands import until
from tests.support.places import prepared

MEBIBYTE = 1024 * 1024


class SlowlyRead(ZipFormat):
    """Zips, and how many bytes of one were read."""

    read = 0

    def stage(self, step: Step, zipped: Path, prefix: Prefix, verify: Verify, watch: Watch = unwatched) -> Staged:
        def count(size: int) -> None:
            self.read += size
            watch(size)

        return super().stage(step, zipped, prefix, verify, count)


def a_large_zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Users.csv", b"UserId,Name\r\n" + random.Random(1).randbytes(6 * MEBIBYTE))
    return target.getvalue()


CONTENT = a_large_zip()
#: The offset of the first member's compressed bytes.
BEGINNING = 30 + len("Users.csv")
ENDS = ((0, 2 * MEBIBYTE), (5 * MEBIBYTE, len(CONTENT)))
MIDDLE = (2 * MEBIBYTE, 5 * MEBIBYTE)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[ZipThreads]:
    """Lower the threshold of large extracts to 4 MiB."""
    monkeypatch.setattr("bds_async.runs.following.LARGE", 4 * MEBIBYTE)
    with ZipThreads() as made:
        yield made


def a_download(folder: Path, **changes: Any) -> Download:
    extract = an_extract(**changes)
    download = Download(a_step(extract), Partial.load(prepared(folder), extract.identity), 3)
    download.begin_object('"one"', len(CONTENT))
    return download


async def arrive(download: Download, *ranges: tuple[int, int], content: bytes = CONTENT) -> None:
    for start, stop in ranges:
        async with await download.partial.open_writer(start) as writer:
            await writer.write(content[start:stop])


async def test_a_large_zip_is_read_while_its_middle_is_missing(tmp_path: Path, threads: ZipThreads) -> None:
    download, form, following = a_download(tmp_path), SlowlyRead(), Following(Verify.FULL, threads)
    async with asyncio.TaskGroup() as tasks:
        await arrive(download, *ENDS)
        following.begin(download, form, tasks)
        await until(lambda: form.read >= MEBIBYTE)
        assert form.read <= MIDDLE[0], "no byte is read that has not arrived"
        await arrive(download, MIDDLE)
        staged = await following.staged(download)
    assert staged is not None
    assert staged.checked == check(download.partial.path, Verify.FULL)


async def test_what_arrives_after_its_neighbour_was_read_is_read_as_it_is(tmp_path: Path, threads: ZipThreads) -> None:
    """The file has a hole until the bytes arrive: a buffer that reads ahead would keep its zeros."""
    download, following = a_download(tmp_path), Following(Verify.FULL, threads)
    first = BEGINNING + MEBIBYTE
    async with asyncio.TaskGroup() as tasks:
        await arrive(download, (0, first), ENDS[1])
        form = SlowlyRead()
        following.begin(download, form, tasks)
        await until(lambda: form.read >= MEBIBYTE // 2)
        await arrive(download, (first, ENDS[1][0]))
        assert await following.staged(download) is not None


async def test_it_takes_no_thread_from_those_that_write(tmp_path: Path, threads: ZipThreads) -> None:
    """Many runs of one process may each follow a download; a writer needs a thread for the bytes that they wait for."""
    download, following = a_download(tmp_path), Following(Verify.FULL, threads)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        await arrive(download, *ENDS)
        following.begin(download, ZipFormat(), tasks)
        await arrive(download, MIDDLE)
        assert await following.staged(download) is not None


@pytest.mark.parametrize("held", [ENDS[:1], ENDS[1:], (*ENDS, MIDDLE)])
async def test_it_begins_with_both_ends_and_not_with_the_whole(
    tmp_path: Path, threads: ZipThreads, held: tuple[tuple[int, int], ...]
) -> None:
    download, following = a_download(tmp_path), Following(Verify.FULL, threads)
    async with asyncio.TaskGroup() as tasks:
        await arrive(download, *held)
        following.begin(download, ZipFormat(), tasks)
        assert await following.staged(download) is None


async def test_a_download_that_starts_over_is_let_go_and_the_next_is_followed(
    tmp_path: Path, threads: ZipThreads
) -> None:
    first, second = a_download(tmp_path), a_download(tmp_path, version="9.9")
    following = Following(Verify.FULL, threads)
    async with asyncio.TaskGroup() as tasks:
        await arrive(first, *ENDS)
        await arrive(second, *ENDS)
        following.begin(first, ZipFormat(), tasks)
        first.begin_object('"two"', len(CONTENT))
        assert await following.staged(first) is None
        following.begin(second, ZipFormat(), tasks)
        await arrive(second, MIDDLE)
        assert await following.staged(second) is not None


async def test_a_run_that_finds_the_thread_busy_verifies_its_download_once_it_is_whole(
    tmp_path: Path, threads: ZipThreads
) -> None:
    """Runs with one extract each share the thread: none waits for the transfer of another."""
    first, second = a_download(tmp_path), a_download(tmp_path, version="9.9")
    one, other = Following(Verify.FULL, threads), Following(Verify.FULL, threads)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        await arrive(first, *ENDS)
        await arrive(second, *ENDS)
        one.begin(first, ZipFormat(), tasks)
        other.begin(second, ZipFormat(), tasks)
        await arrive(second, MIDDLE)
        assert await other.staged(second) is None
        await arrive(first, MIDDLE)
        assert await one.staged(first) is not None


async def test_damage_is_left_to_the_verification_of_the_whole(tmp_path: Path, threads: ZipThreads) -> None:
    download, following = a_download(tmp_path), Following(Verify.FULL, threads)
    damaged = bytearray(CONTENT)
    damaged[3 * MEBIBYTE] ^= 0xFF
    async with asyncio.TaskGroup() as tasks:
        await arrive(download, *ENDS)
        following.begin(download, ZipFormat(), tasks)
        await arrive(download, MIDDLE, content=bytes(damaged))
        assert await following.staged(download) is None


async def test_damage_is_not_read_again_with_each_piece(tmp_path: Path, threads: ZipThreads) -> None:
    download, form, following = a_download(tmp_path), SlowlyRead(), Following(Verify.FULL, threads)
    no_block = bytearray(CONTENT)
    no_block[BEGINNING] = 0xFF
    async with asyncio.TaskGroup() as tasks:
        await arrive(download, (0, 4 * MEBIBYTE), ENDS[1], content=bytes(no_block))
        following.begin(download, form, tasks)
        assert await following.staged(download) is None
        once = form.read
        following.begin(download, form, tasks)
        assert await following.staged(download) is None
    assert form.read == once > 0


async def test_the_end_of_a_run_ends_it(tmp_path: Path, threads: ZipThreads) -> None:
    download, form, following = a_download(tmp_path), SlowlyRead(), Following(Verify.FULL, threads)
    async with asyncio.TaskGroup() as tasks:
        await arrive(download, *ENDS)
        following.begin(download, form, tasks)
        await until(lambda: form.read >= MEBIBYTE)
        threads.__exit__()
        async with asyncio.timeout(30):
            assert await following.staged(download) is None


async def test_fast_verification_follows_nothing(tmp_path: Path, threads: ZipThreads) -> None:
    download, following = a_download(tmp_path), Following(Verify.FAST, threads)
    async with asyncio.TaskGroup() as tasks:
        await arrive(download, *ENDS)
        following.begin(download, ZipFormat(), tasks)
        assert await following.staged(download) is None
