"""A partial file never claims a byte that was not written, no matter what broke off and where."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async.errors import DestinationError, Superseded
from bds_async.models import BdsType, Identity
from bds_async.transfer.partial import Partial, clear_away, key_of, sweep
from bds_async.transfer.ranges import Range, gaps, merged
from bds_async.transfer.writer import _RecordedFile
from bds_async.workspace import Workspace, workspace_of
from tests.support.places import prepared

MOMENT = datetime(2026, 11, 22, 4, 9, 22, tzinfo=UTC)
ONE = Identity("plugin-1", BdsType.FULL, MOMENT, MOMENT, "9.4")
OTHER = Identity("plugin-2", BdsType.FULL, MOMENT, MOMENT, "9.4")
TOTAL = 400
#: Bytes of a block that is written in a thread.
LARGE = 300_000
CONTENT = bytes(number % 251 for number in range(TOTAL))
STRONG = '"abc"'
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes and limits are POSIX")

some_ranges = st.lists(st.tuples(st.integers(0, TOTAL), st.integers(0, TOTAL)), max_size=12)
blocks = st.tuples(st.integers(0, TOTAL - 1), st.integers(1, 60))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return prepared(tmp_path)


@contextlib.contextmanager
def fresh_workspace() -> Iterator[Workspace]:
    """A workspace for each example of a property test."""
    with tempfile.TemporaryDirectory() as name:
        yield prepared(Path(name))


async def write(partial: Partial, start: int, length: int) -> None:
    async with await partial.open_writer(start) as writer:
        await writer.write(CONTENT[start : start + length])


def covered(ranges: list[Range]) -> set[int]:
    return {place for start, stop in ranges for place in range(start, stop)}


def record_of(partial: Partial) -> Path:
    return partial.path.with_suffix(".ranges")


def csv_of(partial: Partial) -> Path:
    return partial.path.with_suffix(".csv")


def assert_truthful(partial: Partial, written: set[int]) -> None:
    """Check that all held bytes were written, and are in the file as written."""
    held = partial.held()
    assert covered(held) <= written
    content = partial.path.read_bytes() if held else b""
    for start, stop in held:
        assert content[start:stop] == CONTENT[start:stop]


# Ranges


@given(some_ranges)
def test_merging_keeps_every_byte_and_leaves_no_seam(ranges: list[Range]) -> None:
    result = merged(ranges)
    assert covered(result) == covered(ranges)
    assert all(one[1] < two[0] for one, two in itertools.pairwise(result))
    assert all(start < stop for start, stop in result)


@given(some_ranges, st.integers(0, TOTAL + 50))
def test_gaps_and_held_ranges_tile_the_whole(ranges: list[Range], total: int) -> None:
    held = merged(ranges)
    missing = gaps(held, total)
    assert covered(missing) == set(range(total)) - covered(held)
    assert merged(missing) == missing


# One run


async def test_pieces_become_a_whole_file(workspace: Workspace) -> None:
    """In any order, with several writers at a time."""
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    assert partial.gaps(TOTAL) == [(0, TOTAL)]
    await asyncio.gather(*(write(partial, start, 50) for start in range(350, -1, -50)))
    assert partial.held() == [(0, TOTAL)]
    assert partial.held_bytes == TOTAL
    assert partial.is_whole
    assert partial.path.read_bytes() == CONTENT


async def test_a_writer_goes_on_where_its_last_block_ended(workspace: Workspace) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    buffer = bytearray(100)
    async with await partial.open_writer(100) as writer:
        for start in (100, 200):
            buffer[:] = CONTENT[start : start + 100]
            await writer.write(bytes(buffer))
        assert writer.position == 300
    assert partial.held() == [(100, 300)]
    assert partial.path.read_bytes()[100:] == CONTENT[100:300]


async def test_a_body_without_a_length_is_whole_once_its_end_is_known(workspace: Workspace) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(None, None)
    await write(partial, 0, 30)
    assert not partial.is_whole
    partial.total = 30
    assert partial.is_whole


async def test_beginning_anew_forgets_and_turns_former_writers_away(workspace: Workspace) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    generation = partial.generation
    stale = await partial.open_writer(0)
    await stale.write(CONTENT[:50])
    partial.begin('"def"', 300)
    assert partial.generation > generation
    with pytest.raises(Superseded):
        await stale.write(CONTENT[50:100])
    await stale.close()
    assert (partial.validator, partial.total, partial.held()) == ('"def"', 300, [])
    assert partial.path.read_bytes() == b""
    assert Partial.load(workspace, ONE).held() == []


@posix_only
@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_a_block_that_was_on_its_way_when_all_began_anew_does_no_harm(workspace: Workspace, steps: int) -> None:
    """Neither to the new file nor to its record."""
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, LARGE)
    stale = await partial.open_writer(0)
    writing = asyncio.create_task(stale.write(bytes(LARGE)))
    for _ in range(steps):
        await asyncio.sleep(0)
    partial.begin(STRONG, TOTAL)
    await write(partial, 0, 10)
    with pytest.raises(Superseded):
        await writing
    await stale.close()
    assert partial.path.read_bytes() == CONTENT[:10]
    assert partial.held() == Partial.load(workspace, ONE).held() == [(0, 10)]


async def test_a_cancelled_write_is_finished_and_recorded_first(workspace: Workspace) -> None:
    """So that no thread writes during the next steps, and the block is not lost."""
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, LARGE)
    writer = await partial.open_writer(0)
    writing = asyncio.create_task(writer.write(bytes(LARGE)))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await writer.close()
    assert partial.held() == Partial.load(workspace, ONE).held() == [(0, LARGE)]


async def test_a_cancelled_close_closes_the_file_all_the_same(workspace: Workspace) -> None:
    """Even one that is still waiting for a thread."""
    partial, free = Partial.load(workspace, ONE), threading.Event()
    partial.begin(STRONG, TOTAL)
    writer = await partial.open_writer(0)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    busy = asyncio.create_task(asyncio.to_thread(free.wait))
    await asyncio.sleep(0)
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.sleep(0)
    free.set()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await busy
    assert writer._file.closed


async def test_large_blocks_of_many_pieces_end_where_they_belong(workspace: Workspace) -> None:
    """With sixteen writers at a time, and blocks of odd lengths."""
    content = random.Random(3).randbytes(3_000_017)
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, len(content))

    async def fetch(start: int, stop: int) -> None:
        async with await partial.open_writer(start) as writer:
            while writer.position < stop:
                await writer.write(content[writer.position : min(writer.position + 65_537, stop)])

    edges = [*range(0, len(content), 190_001), len(content)]
    await asyncio.gather(*(fetch(start, stop) for start, stop in itertools.pairwise(edges)))
    assert partial.is_whole
    assert partial.path.read_bytes() == content
    assert Partial.load(workspace, ONE).is_whole


async def test_a_file_that_cannot_be_removed_is_emptied(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where another program may have it open."""
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    await write(partial, 0, 50)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "in use", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    partial.begin('"def"', TOTAL)
    assert partial.path.read_bytes() == b""
    await write(partial, 100, 50)
    assert Partial.load(workspace, ONE).held() == [(100, 150)]


# The next run


async def test_the_next_run_holds_what_was_written(workspace: Workspace) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    await write(partial, 0, 50)
    await write(partial, 100, 50)
    again = Partial.load(workspace, ONE)
    assert (again.validator, again.total) == (STRONG, TOTAL)
    assert again.held() == [(0, 50), (100, 150)]
    await write(again, 50, 50)
    assert Partial.load(workspace, ONE).held() == [(0, 150)]
    assert Partial.load(workspace, OTHER).held() == []


@pytest.mark.parametrize("validator", [None, 'W/"abc"'])
async def test_without_a_strong_validator_nothing_is_resumed(workspace: Workspace, validator: str | None) -> None:
    """It would be unknown whether the rest belongs to the same bytes."""
    partial = Partial.load(workspace, ONE)
    partial.begin(validator, TOTAL)
    await write(partial, 0, 50)
    assert partial.held() == [(0, 50)]
    again = Partial.load(workspace, ONE)
    assert (again.validator, again.total, again.held()) == (None, None, [])


async def test_a_file_shorter_than_its_record_is_not_believed(workspace: Workspace) -> None:
    """A power cut may keep the record and lose the bytes."""
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    await write(partial, 0, 50)
    os.truncate(partial.path, 49)
    assert Partial.load(workspace, ONE).held() == []
    partial.path.unlink()
    assert Partial.load(workspace, ONE).validator is None


async def test_a_record_beyond_its_total_is_not_believed(workspace: Workspace) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, 40)
    await write(partial, 0, 50)
    assert Partial.load(workspace, ONE).held() == []


async def test_lines_of_another_generation_are_not_believed(workspace: Workspace) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    await write(partial, 0, 50)
    former = record_of(partial).read_bytes().partition(b"\n")[2]
    partial.begin(STRONG, TOTAL)
    await write(partial, 100, 50)
    with record_of(partial).open("ab") as record:
        record.write(b"\n" + former)
    assert Partial.load(workspace, ONE).held() == [(100, 150)]


@settings(deadline=None, max_examples=60)
@given(written=st.lists(blocks, min_size=1, max_size=6), data=st.data())
def test_any_damage_to_the_record_leaves_a_part_of_what_was_written(written: list[Range], data: st.DataObject) -> None:
    """Torn anywhere, overwritten anywhere, or with rubbish at its end, and then continued."""
    with fresh_workspace() as workspace:
        partial = Partial.load(workspace, ONE)
        partial.begin(STRONG, TOTAL)
        for start, length in written:
            asyncio.run(write(partial, start, length))
        record = bytearray(record_of(partial).read_bytes())
        rubbish = data.draw(st.binary(max_size=12) | st.sampled_from([b"0 400", b"\n0 400 00000000", b"null", b"{}"]))
        place = data.draw(st.integers(0, len(record)))
        record[place : data.draw(st.integers(place, len(record)))] = rubbish
        record_of(partial).write_bytes(record)

        again = Partial.load(workspace, ONE)
        assert_truthful(again, covered(partial.held()))
        if again.validator is not None:
            asyncio.run(write(again, 7, 20))
            assert_truthful(Partial.load(workspace, ONE), covered(partial.held()) | set(range(7, 27)))
            assert covered([(7, 27)]) <= covered(Partial.load(workspace, ONE).held())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(blocks, st.sampled_from(["crash", "begin"])), max_size=12))
def test_any_run_of_writes_and_crashes_is_told_truthfully(steps: list[Range | str]) -> None:
    """Held ranges and gaps always tile the whole, and held ranges contain what was written since the last start."""
    with fresh_workspace() as workspace:
        partial = Partial.load(workspace, ONE)
        partial.begin(STRONG, TOTAL)
        written: set[int] = set()
        for step in steps:
            if step == "crash":
                partial = Partial.load(workspace, ONE)
                if not written:
                    partial.begin(STRONG, TOTAL)
            elif step == "begin":
                partial.begin(STRONG, TOTAL)
                written = set()
            elif not isinstance(step, str):
                start, length = step
                asyncio.run(write(partial, start, length))
                written |= set(range(start, min(start + length, TOTAL)))
            assert covered(partial.held()) == written
            assert covered(partial.gaps(TOTAL)) == set(range(TOTAL)) - written
            assert partial.held_bytes == len(written)
            assert_truthful(partial, written)


@pytest.mark.parametrize(
    "first_line", [b"", b"\xff\xfe", b"[]", b'{"validator": 5, "total": 1, "nonce": "x"}', b"{", b"[" * 100_000]
)
async def test_a_record_without_its_first_line_is_not_believed(workspace: Workspace, first_line: bytes) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    await write(partial, 0, 50)
    lines = record_of(partial).read_bytes().partition(b"\n")[2]
    record_of(partial).write_bytes(first_line + b"\n" + lines)
    assert (Partial.load(workspace, ONE).validator, Partial.load(workspace, ONE).held()) == (None, [])


# Cleaning up


async def test_discarding_leaves_nothing(workspace: Workspace) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    await write(partial, 0, 50)
    csv_of(partial).write_bytes(b"x")
    partial.discard()
    partial.discard()
    assert list(workspace.partials.iterdir()) == []
    assert partial.held() == []


async def test_sweeping_takes_the_programs_own_strays_alone(workspace: Workspace) -> None:
    for identity in (ONE, OTHER):
        partial = Partial.load(workspace, identity)
        partial.begin(STRONG, TOTAL)
        await write(partial, 0, 1)
        csv_of(partial).write_bytes(b"x")
    (workspace.partials / "somebody's.part").write_bytes(b"x")
    assert sweep(workspace, {ONE}) == 3
    left = sorted(path.name for path in workspace.partials.iterdir())
    assert left == sorted([*(f"{key_of(ONE)}{suffix}" for suffix in (".part", ".ranges", ".csv")), "somebody's.part"])


def test_sweeping_a_folder_that_was_never_used_finds_nothing(tmp_path: Path) -> None:
    assert sweep(workspace_of(tmp_path), set()) == 0


# The disk


@posix_only
async def test_the_file_follows_the_umask(workspace: Workspace) -> None:
    """It becomes the published file, which others may have to read."""
    umask = os.umask(0o027)
    try:
        partial = Partial.load(workspace, ONE)
        partial.begin(STRONG, TOTAL)
    finally:
        os.umask(umask)
    assert partial.path.stat().st_mode & 0o777 == 0o640


@posix_only
async def test_a_disk_that_takes_no_more_is_a_fault_of_the_destination(workspace: Workspace) -> None:
    """The bytes written before can be resumed."""
    import resource

    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, 10_000_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        async with await partial.open_writer(0) as writer:
            await writer.write(bytes(4000))
            with pytest.raises(DestinationError):
                await writer.write(bytes(1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert Partial.load(workspace, ONE).held() == [(0, 4000)]


async def test_a_folder_that_vanished_is_a_fault_of_the_destination(workspace: Workspace) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    shutil.rmtree(workspace.to)
    with pytest.raises(DestinationError, match="is gone") as caught:
        await partial.open_writer(0)
    assert workspace.to in str(caught.value)
    with pytest.raises(DestinationError, match="is gone"):
        partial.begin(STRONG, TOTAL)


@posix_only
async def test_a_record_whose_first_line_found_no_room_is_begun_again(workspace: Workspace) -> None:
    """Otherwise everything written later would be lost for the next run."""
    import resource

    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, before[1]))
    try:
        with pytest.raises(DestinationError):
            await write(partial, 0, 50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await write(partial, 0, 100)
    assert Partial.load(workspace, ONE).held() == [(0, 100)]


async def test_a_file_that_vanished_gets_no_hole(workspace: Workspace) -> None:
    """A writer creates no file, not even for a new download."""
    (partial,) = Partial.load_all(workspace, [ONE])
    partial.begin(STRONG, TOTAL)
    await write(partial, 0, 50)
    partial.path.unlink()
    with pytest.raises(DestinationError):
        await partial.open_writer(50)
    assert not partial.path.exists()


async def test_what_was_left_of_several_extracts_is_found_at_once(workspace: Workspace) -> None:
    partial = Partial.load(workspace, ONE)
    partial.begin(STRONG, TOTAL)
    await write(partial, 0, 50)
    known, new = Partial.load_all(workspace, [ONE, OTHER])
    assert (known.held(), known.validator, new.held(), new.validator) == ([(0, 50)], STRONG, [], None)
    for each in known, new:
        each.begin('"def"', 20)
        await write(each, 0, 20)
        assert each.path.read_bytes() == CONTENT[:20]
    again = Partial.load_all(workspace, [ONE, OTHER])
    assert [(each.held(), each.validator) for each in again] == [([(0, 20)], '"def"')] * 2
    assert Partial.load_all(workspace, []) == []


@pytest.mark.parametrize(
    ("blocks", "in_thread"), [([50], [False]), ([LARGE], [True]), ([50, 50], [True, True]), ([LARGE, 50], [True, True])]
)
async def test_only_a_piece_of_one_small_block_is_written_without_a_thread(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, blocks: list[int], in_thread: list[bool]
) -> None:
    """Nor is a large file closed on the event loop: closing may take long in a network folder."""
    partial, threads = Partial.load(workspace, ONE), list[int]()
    write_whole = _RecordedFile.writelines
    monkeypatch.setattr(
        _RecordedFile, "writelines", lambda *args: (threads.append(threading.get_ident()), write_whole(*args))[1]
    )
    partial.begin(STRONG, sum(blocks))
    async with await partial.open_writer(0) as writer:
        for number, size in enumerate(blocks, start=1):
            await writer.write(bytes(size), last=number == len(blocks))
    assert [thread != threading.get_ident() for thread in threads] == in_thread
    assert partial.is_whole


def test_the_files_of_published_extracts_are_removed_and_no_others(workspace: Workspace) -> None:
    one, other, third = (workspace.partials / f"{letter * 32}.part" for letter in "abc")
    ours = [path.with_suffix(suffix) for path in (one, other) for suffix in (".part", ".ranges", ".csv", ".plain")]
    others = [third, one.with_name(f"{one.stem}.old.part"), one.with_name(f"{one.stem}-x.part"), one.with_suffix("")]
    for path in (*ours, *others):
        path.write_bytes(b"")
    clear_away(one, other)
    assert sorted(workspace.partials.iterdir()) == sorted(others)
    shutil.rmtree(workspace.partials)
    clear_away(one)
