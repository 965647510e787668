"""Received bytes stay: within a run and in a later one, only the gaps are fetched, and only of the same object."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from bds_async import PullOptions, Stop, Stopped, pull
from bds_async.events import Event, Received, Restarted
from bds_async.sandbox import Fault
from bds_async.transfer.partial import Partial
from bds_async.workspace import workspace_of
from tests.faults.playing import config_of

HUGE = "Sandbox Huge"
LARGE, PIECE, SIZE = 256 * 1024, 64 * 1024, 1_000_000
MEGABYTE = 1024 * 1024
ALONE = {"data_set": (HUGE,)}


@pytest.fixture
def small_pieces(monkeypatch):
    """Lower the threshold of large extracts, and the size of pieces."""
    monkeypatch.setattr("bds_async.transfer.download.LARGE", LARGE)
    monkeypatch.setattr("bds_async.transfer.download.PIECE", PIECE)


@pytest.fixture
async def large(player, small_pieces):
    """Pulls of one extract in pieces."""
    return await player(huge_bytes=SIZE, data_sets=0)


@pytest.fixture
async def plain(player):
    """Pulls of one extract as a whole."""
    return await player(huge_bytes=SIZE, data_sets=0)


@pytest.fixture(params=["large", "plain"])
def either(request):
    """Pulls in pieces, and pulls as a whole."""
    return request.getfixturevalue(request.param)


def cut_off(**keys) -> Fault:
    """Cut off the third piece, which is the fourth request, or cut the plain body after two pieces."""
    return Fault.of("cut", ending="close", **keys)


async def begun(player) -> int:
    """Do a first run that ends too early; return how many bytes it received."""
    pieces, plain = cut_off(after=1000, ranged=True, at=[4]), cut_off(after=150_000, ranged=False)
    first = await player.pull(pieces, plain, attempts=1, workers=1)
    first.check_honest((HUGE,), reason="broke off")
    assert 100_000 < first.body_bytes(HUGE) < SIZE
    return first.body_bytes(HUGE)


def partial_of(player, played) -> Partial:
    return Partial.load(workspace_of(player.folder), played.outcome(HUGE).extract.identity)


class TestWithinARun:
    async def test_a_body_goes_on_from_break_to_break_while_it_gets_anywhere(self, player):
        """20 MB, cut after each 1.5 MB: thirteen breaks, although two in a row without progress would be too many."""
        player = await player(huge_bytes=20_000_000, data_sets=0)
        played = await player.pull(cut_off(after=3 * MEGABYTE // 2), attempts=2)
        played.check_right()
        assert played.outcome(HUGE).attempts == 13
        assert played.body_bytes(HUGE) == played.outcome(HUGE).bytes

    async def test_less_than_a_mebibyte_is_no_progress(self, player):
        player = await player(huge_bytes=4_000_000, data_sets=0)
        played = await player.pull(cut_off(after=MEGABYTE - 1), attempts=2)
        played.check_honest((HUGE,), reason="broke off")
        assert len(played.requests("storage", HUGE)) == 2

    async def test_what_cannot_be_resumed_makes_no_progress_by_coming_again(self, player):
        """Without a validator each try starts from zero, and gets no further than the one before."""
        player = await player(huge_bytes=4_000_000, data_sets=0, etags=False)
        played = await player.pull(cut_off(after=2 * MEGABYTE), attempts=3)
        played.check_honest((HUGE,), reason="broke off")
        assert len(played.requests("storage", HUGE)) == 3
        assert [event.lost_bytes for event in played.events if isinstance(event, Restarted)] == [2 * MEGABYTE] * 2

    async def test_progress_does_not_excuse_a_failed_verification(self, player):
        player = await player(huge_bytes=4_000_000, data_sets=0, etags=False)
        played = await player.pull(Fault.of("corrupt"), attempts=3)
        played.check_honest((HUGE,), reason="damaged")
        assert len(played.requests("storage", HUGE)) == 3

    async def test_nor_does_a_failed_verification_use_up_what_progress_allows(self, player):
        """After it the download starts again, and so does the count of new bytes."""
        player = await player(huge_bytes=6_000_000, data_sets=0)
        faults = [Fault.of("corrupt", first=1), cut_off(after=3 * MEGABYTE // 2, ranged=True)]
        played = await player.pull(*faults, cut_off(after=3 * MEGABYTE // 2, ranged=False, at=[2]), attempts=3)
        played.check_right()


class TestInALaterRun:
    async def test_only_the_gaps_are_fetched(self, either):
        held = await begun(either)
        second = await either.pull()
        second.check_right()
        size = second.outcome(HUGE).bytes
        assert (second.outcome(HUGE).resumed_bytes, second.body_bytes(HUGE)) == (held, size - held)
        assert len(second.requests("download", HUGE)) == 1

    async def test_again_and_again(self, either):
        """Five runs that end too early, then one that does not."""
        total = 0
        for _ in range(5):
            played = await either.pull(cut_off(after=50_000), attempts=1, workers=1)
            played.check_honest((HUGE,), reason="broke off")
            total += played.body_bytes(HUGE)
        last = await either.pull()
        last.check_right()
        assert total + last.body_bytes(HUGE) == last.outcome(HUGE).bytes

    async def test_a_body_whose_length_nobody_knew_goes_on_too(self, plain):
        cut = Fault.of("cut", after=150_000, framing="chunked", ending="close")
        (await plain.pull(cut, attempts=1)).check_honest((HUGE,), reason="broke off")
        second = await plain.pull()
        second.check_right()
        assert second.outcome(HUGE).resumed_bytes == 150_000
        assert second.requests("storage", HUGE)[0].range == "bytes=150000-"

    async def test_another_validator_brings_the_whole_in_that_very_answer(self, either):
        await begun(either)
        second = await either.pull(Fault.of("etag", value="changes", first=1))
        second.check_right()
        assert (second.outcome(HUGE).resumed_bytes, second.outcome(HUGE).attempts) == (0, 1)
        assert second.body_bytes(HUGE) == second.outcome(HUGE).bytes
        assert len(second.requests("storage", HUGE)) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            Fault.of("etag", value="swapped"),
            Fault.of("etag", value="none"),
            Fault.of("etag", value="weak"),
            Fault.of("ranges", how="ignored"),
            Fault.of("ranges", how="refused"),
            Fault.of("ranges", how="wrong_start", by=7),
            Fault.of("ranges", how="wrong_total", by=7),
            Fault.of("gzip"),
        ],
        ids=lambda fault: f"{fault.action}-{next(iter(fault.parameters.values()), '')}",
    )
    async def test_whatever_does_not_continue_it_starts_over(self, either, fault):
        await begun(either)
        second = await either.pull(fault, attempts=2)
        second.check_right()
        assert second.outcome(HUGE).resumed_bytes == 0
        assert any(isinstance(event, Restarted) for event in second.events)

    @pytest.mark.parametrize("value", ["none", "weak"])
    async def test_what_came_without_a_strong_validator_is_no_beginning(self, plain, value):
        first = await plain.pull(cut_off(after=150_000), Fault.of("etag", value=value), attempts=1)
        first.check_honest((HUGE,), reason="broke off")
        second = await plain.pull()
        second.check_right()
        assert [seen.range for seen in second.requests("storage", HUGE)] == [None]
        assert second.outcome(HUGE).resumed_bytes == 0

    async def test_bytes_that_were_spoilt_meanwhile_are_found_and_fetched_from_nothing(self, either):
        """As after a power cut: the length is right, the record says written, but the blocks are not."""
        held = await begun(either)
        (part,) = (either.folder / ".bds-async" / "partial").glob("*.part")
        with part.open("r+b") as file:
            file.seek(held // 2)
            file.write(b"\0" * 1000)
        second = await either.pull(attempts=2)
        second.check_right()
        size = second.outcome(HUGE).bytes
        assert second.body_bytes(HUGE) == size - held + size
        assert (second.outcome(HUGE).resumed_bytes, second.outcome(HUGE).attempts) == (0, 2)

    async def test_one_that_was_begun_and_holds_nothing_yet(self, either, monkeypatch):
        """As left by a run that was killed between an answer and its first block."""
        first = await either.pull(cut_off(after=0), attempts=1)
        first.check_honest((HUGE,), reason="broke off")
        partial = partial_of(either, first)
        assert (partial.path.exists(), partial.held_bytes) == (True, 0)
        second = await either.pull()
        second.check_right()
        assert second.body_bytes(HUGE) == second.outcome(HUGE).bytes

    async def test_a_storage_that_is_slow_to_come_round_leaves_what_is_there(self, either):
        held = await begun(either)
        down = Fault.of("status", status=503, on="storage")
        (await either.pull(down, attempts=2)).check_honest((HUGE,), reason="503")
        third = await either.pull()
        third.check_right()
        assert third.outcome(HUGE).resumed_bytes == held


class TestAfterAnEndInTheMiddle:
    """The bodies are so slow that none is complete before the run is ended."""

    @pytest.fixture
    async def slow(self, player, small_pieces):
        return await player(huge_bytes=SIZE, data_sets=0, bandwidth=400_000)

    async def check_goes_on(self, slow, at_least: int) -> None:
        """Check that a run at full speed fetches the rest, and nothing twice."""
        (record,) = (slow.folder / ".bds-async" / "partial").glob("*.ranges")
        held = sum(int(stop) - int(start) for start, stop in map(_bounds, record.read_bytes().split(b"\n")[1:]))
        assert at_least <= held < SIZE
        second = await slow.pull()
        second.check_right()
        size = second.outcome(HUGE).bytes
        assert (second.outcome(HUGE).resumed_bytes, second.body_bytes(HUGE)) == (held, size - held)

    async def test_that_was_asked_for(self, slow, monkeypatch):
        monkeypatch.setattr("bds_async.transfer.fetch.BLOCK", 1000)
        stop, received = Stop(), 0

        def watch(event: Event) -> None:
            nonlocal received
            received += event.new_bytes if isinstance(event, Received) else 0
            if received > 200_000:
                stop.request(Stopped("enough", 130))

        config = config_of(slow.sandbox, slow.home)
        with pytest.raises(Stopped):
            await pull(config, slow.folder, PullOptions(workers=3), observer=watch, stop=stop)
        await self.check_goes_on(slow, 200_000)

    async def test_by_sigkill(self, slow):
        """All recorded blocks are there; blocks that were being written are fetched again."""
        config = slow.home / "killed.json"
        slow.sandbox.write_config(config)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", _SCRIPT, str(config), str(slow.folder))
        try:
            while not await asyncio.to_thread(_recorded, slow.folder, 200_000):
                assert process.returncode is None
                await asyncio.sleep(0.02)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        await self.check_goes_on(slow, 200_000)


#: A pull with small pieces and blocks, in a separate process.
_SCRIPT = f"""
import asyncio, sys
from pathlib import Path
from bds_async import Config
from bds_async import PullOptions
from bds_async.transfer import download
from bds_async import pull
from bds_async.transfer import fetch
download.LARGE, download.PIECE, fetch.BLOCK = {LARGE}, {PIECE}, 1000
asyncio.run(pull(Config.load(Path(sys.argv[1]), {{}}), Path(sys.argv[2]), PullOptions(workers=3)))
"""


def _bounds(line: bytes) -> tuple[bytes, bytes]:
    start, stop, _ = line.split()
    return start, stop


def _recorded(folder: Path, at_least: int) -> bool:
    for record in (folder / ".bds-async" / "partial").glob("*.ranges"):
        first, *lines = record.read_bytes().split(b"\n")
        assert json.loads(first)["validator"]
        if sum(int(stop) - int(start) for start, stop in map(_bounds, lines[:-1])) >= at_least:
            return True
    return False
