"""Bodies that break, stall, trickle, lie about their length or are something else."""

import itertools
import random

import pytest

from bds_async.sandbox import Fault
from tests.faults.playing import VICTIM

FRAMINGS = ["length", "chunked", "close"]
ENDINGS = ["reset", "close", "silent"]
#: Cuts that only the zip itself can distinguish from the end of a body.
LIKE_THE_END = [
    (framing, ending) for framing in FRAMINGS for ending in ENDINGS if framing == "close" or ending == "silent"
]


class TestCut:
    async def test_at_any_byte_and_in_whatever_way_it_comes_whole_in_the_end(self, player):
        """Nine data sets at a time: with a length, in chunks or neither; reset, closed, or ended as if complete."""
        player = await player(data_sets=9)
        truth = [(true.name, true.newest_full.size) for true in player.sandbox.catalogue()]
        for seed in range(5):
            chance = random.Random(seed)
            faults = [
                Fault.of(
                    "cut",
                    data_set=name,
                    after=chance.choice([0, 1, size - 1, chance.randrange(size)]),
                    framing=way[0],
                    ending=way[1],
                    first=1 if way in LIKE_THE_END else 2,
                )
                for (name, size), way in zip(truth, itertools.product(FRAMINGS, ENDINGS), strict=True)
            ]
            print(f"seed {seed}")
            (await player.pull_anew(*faults)).check_right()

    async def test_with_every_try_it_fails_after_as_many_as_allowed_and_goes_on_another_time(self, player):
        player = await player()
        cut = Fault.of("cut", data_set=VICTIM, after=1000, ending="close")
        first = await player.pull(cut, attempts=3)
        first.check_honest(reason="broke off")
        assert len(first.requests("storage")) == first.outcome().attempts == 3
        second = await player.pull()
        second.check_right()
        assert first.body_bytes() + second.body_bytes() == second.outcome().bytes

    @pytest.mark.parametrize("framing", ["chunked", "close"])
    async def test_a_cut_that_looks_like_the_end_is_permanent_when_it_comes_twice(self, play, framing):
        """Twice the same validator and length, and no valid zip: the client concludes that the server has no other."""
        played = await play(Fault.of("cut", data_set=VICTIM, after=1000, framing=framing, ending="silent"), attempts=6)
        played.check_honest(reason="truncated")
        assert len(played.requests("storage")) == 2

    async def test_a_reset_in_place_of_an_answer(self, play):
        (await play(Fault.of("reset", data_set=VICTIM, first=3))).check_right()
        played = await play(Fault.of("reset", data_set=VICTIM), attempts=2)
        played.check_honest(reason="The connection to 127.0.0.1 broke off")
        assert played.outcome().attempts == 2


class TestTooSlow:
    async def test_a_body_that_stalls_is_dropped_and_goes_on_where_it_was(self, play):
        played = await play(Fault.of("stall", data_set=VICTIM, after=1000, first=1), stall_timeout=0.3)
        played.check_right()
        assert [seen.range for seen in played.requests("storage")] == [None, f"bytes=1000-{played.body_bytes() - 1}"]

    async def test_a_body_that_never_gets_on_fails(self, play):
        played = await play(Fault.of("stall", data_set=VICTIM, after=1000), stall_timeout=0.2, attempts=2)
        played.check_honest(reason=r"127\.0\.0\.1 sent (only 1000 bytes in|nothing for too long)")

    @pytest.mark.parametrize("kind", ["download", "storage"])
    async def test_an_answer_that_does_not_begin(self, play, kind):
        hang = {"data_set": VICTIM, "on": kind}
        (await play(Fault.of("hang", **hang, first=1), stall_timeout=0.3)).check_right()
        played = await play(Fault.of("hang", **hang), stall_timeout=0.2, attempts=2)
        played.check_honest(reason="sent nothing for too long")

    async def test_a_trickle_is_dropped_though_bytes_arrive(self, play):
        trickle = {"data_set": VICTIM, "rate": 300}
        (await play(Fault.of("trickle", **trickle, first=1), stall_timeout=0.3)).check_right()
        played = await play(Fault.of("trickle", **trickle), stall_timeout=0.3, attempts=2)
        played.check_honest(reason=r"sent only \d+ bytes")

    async def test_what_is_slow_and_yet_of_use_is_left_alone(self, play):
        """It takes several windows of the stall timeout."""
        (await play(Fault.of("trickle", rate=4_000), stall_timeout=0.7, attempts=1)).check_right()


class TestLengths:
    @pytest.mark.parametrize("declared", ["chunked", "close"])
    async def test_without_a_content_length_the_zip_decides(self, play, declared):
        (await play(Fault.of("length", declared=declared), attempts=1)).check_right()

    @pytest.mark.parametrize(
        ("declared", "reason"), [("longer", "never served one object|broke off"), ("shorter", "truncated|directory")]
    )
    async def test_with_a_wrong_one_it_comes_another_time_or_fails(self, play, declared, reason):
        wrong = {"data_set": VICTIM, "declared": declared}
        (await play(Fault.of("length", **wrong, first=1))).check_right()
        (await play(Fault.of("length", **wrong))).check_honest(reason=reason)

    @pytest.mark.parametrize("factor", [0, 1e-3, 0.5, 2, 1e4, 1e15, 1e300])
    async def test_a_listing_that_names_another_size_harms_nothing(self, play, factor):
        (await play(Fault.of("wrong_size", on="extracts", factor=factor), attempts=1)).check_right()

    @pytest.mark.parametrize("size", [None, -1, 1234.5, 2**70])
    async def test_nor_does_one_that_names_none_or_nonsense(self, play, size):
        fault = Fault.of("set_field", on="extracts", field="DownloadSize", value=size)
        (await play(fault, attempts=1)).check_right()


class TestSomethingElse:
    async def test_a_coding_that_a_proxy_forces_on_it_is_undone(self, play):
        (await play(Fault.of("gzip"), attempts=1)).check_right()

    @pytest.mark.parametrize(("action", "reason"), [("html", "an HTML page"), ("json", "JSON")])
    @pytest.mark.parametrize("kind", ["storage", "download"])
    async def test_a_page_in_place_of_the_zip(self, play, action, reason, kind):
        """This is how a session problem looks, with status 200."""
        (await play(Fault.of(action, on=kind, data_set=VICTIM, first=2))).check_right()
        played = await play(Fault.of(action, on=kind, data_set=VICTIM))
        played.check_honest(reason=f"sent {reason} in place of a zip")
        assert len(played.requests(kind)) == played.outcome().attempts == 3

    async def test_nothing_at_all(self, play):
        nothing = {"status": 200, "on": "storage", "data_set": VICTIM}
        (await play(Fault.of("status", **nothing, first=1))).check_right()
        played = await play(Fault.of("status", **nothing))
        played.check_honest(reason="nothing in place of a zip")
        assert len(played.requests("storage")) == 3

    async def test_nothing_twice_of_one_validator_is_permanent(self, play):
        empty = {"status": 200, "on": "storage", "data_set": VICTIM, "headers": {"ETag": '"empty"'}}
        played = await play(Fault.of("status", **empty), attempts=6)
        played.check_honest(reason="nothing in place of a zip")
        assert len(played.requests("storage")) == 2
