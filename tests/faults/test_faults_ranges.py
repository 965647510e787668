"""A large extract in ranges of one validated object, and storages that handle ranges badly or not at all."""

import re

import pytest

from bds_async.events import Started
from bds_async.sandbox import Fault

HUGE = "Sandbox Huge"
#: Ten pieces.
LARGE, PIECE, SIZE = 256 * 1024, 64 * 1024, 600_000
ALONE = {"data_set": (HUGE,)}


@pytest.fixture
def small_pieces(monkeypatch):
    """Lower the threshold of large extracts, and the size of pieces."""
    monkeypatch.setattr("bds_async.transfer.download.LARGE", LARGE)
    monkeypatch.setattr("bds_async.transfer.download.PIECE", PIECE)


@pytest.fixture
async def large(player, small_pieces):
    """Pulls from a sandbox with a large extract and a small one."""
    return await player(huge_bytes=SIZE, data_sets=1)


def ranges_of(played) -> list[tuple[int, int]]:
    """The requested ranges of the large extract, sorted: start, and stop (exclusive)."""
    asked = [re.fullmatch(r"bytes=(\d+)-(\d+)", str(seen.range)) for seen in played.requests("storage", HUGE)]
    return sorted((int(match[1]), int(match[2]) + 1) for match in asked if match)


def restarts_of(played) -> int:
    return sum(seen.range is None for seen in played.requests("storage", HUGE))


class TestPieces:
    async def test_every_byte_is_asked_for_once_by_pieces(self, large):
        played = await large.pull()
        played.check_right()
        size = played.outcome(HUGE).bytes
        starts = list(range(0, size, PIECE))
        asked = ranges_of(played)
        assert [start for start, _ in asked] == starts
        assert [min(stop, size) for _, stop in asked] == [*starts[1:], size]
        assert played.body_bytes(HUGE) == size

    async def test_with_the_real_sizes(self, player):
        """68 MB in pieces of 16 MiB, with a pool of four."""
        player = await player(huge_bytes=68_000_000)
        played = await player.pull()
        played.check_right()
        assert {stop - start for start, stop in ranges_of(played)[:-1]} == {16 * 1024 * 1024}
        assert player.sandbox.counters.most_bodies_in_flight <= 4

    async def test_one_signed_link_serves_all_pieces(self, large):
        played = await large.pull()
        assert len(played.requests("download", HUGE)) == 1

    async def test_a_small_extract_is_one_plain_request(self, large):
        played = await large.pull()
        small = [seen for seen in played.requests("storage", None) if seen.data_set != HUGE]
        assert [seen.range for seen in small] == [None] * len(small)
        assert len(small) == len(played.report.outcomes) - 1

    async def test_the_whole_pool_works_on_the_last_large_extract(self, player, small_pieces):
        player = await player(huge_bytes=SIZE, bandwidth=1_000_000)
        (await player.pull(**ALONE, workers=5)).check_right()
        assert player.sandbox.counters.most_bodies_in_flight == 5

    @pytest.mark.parametrize("workers", [1, 3])
    async def test_never_more_bodies_than_workers(self, player, small_pieces, workers):
        player = await player(huge_bytes=SIZE, data_sets=4, bandwidth=2_000_000)
        (await player.pull(workers=workers)).check_right()
        assert player.sandbox.counters.most_bodies_in_flight == workers

    async def test_the_largest_is_begun_first(self, large):
        played = await large.pull(workers=2)
        begun = [event.extract for event in played.events if isinstance(event, Started)]
        sizes = [extract.download_size or 0 for extract in begun]
        assert (begun[0].data_set, sizes) == (HUGE, sorted(sizes, reverse=True))

    async def test_a_listing_that_calls_a_small_extract_large_costs_nothing(self, large):
        played = await large.pull(Fault.of("wrong_size", on="extracts", factor=1e6), attempts=1)
        played.check_right()
        assert len(played.requests("storage", "Users")) == 1

    async def test_one_that_calls_a_large_extract_small_makes_it_one_request(self, large):
        played = await large.pull(Fault.of("wrong_size", on="extracts", factor=0.01), attempts=1)
        played.check_right()
        assert len(played.requests("storage", HUGE)) == 1

    async def test_bytes_that_come_from_the_tenant_itself_come_by_ranges_too(self, player, small_pieces):
        player = await player(huge_bytes=SIZE, direct=True)
        played = await player.pull()
        played.check_right()
        assert played.body_bytes(HUGE) == played.outcome(HUGE).bytes
        assert len(played.requests("download", HUGE)) == -(-played.outcome(HUGE).bytes // PIECE)


class TestStorages:
    """With each of these storages one try is enough: none of this is a failure."""

    async def test_that_know_no_ranges_are_streamed_as_it_comes(self, player, small_pieces):
        player = await player(huge_bytes=SIZE, ranges=False)
        played = await player.pull(attempts=1)
        played.check_right()
        assert played.body_bytes(HUGE) == played.outcome(HUGE).bytes

    async def test_that_have_no_validators_are_asked_for_the_whole(self, player, small_pieces):
        player = await player(huge_bytes=SIZE, etags=False)
        played = await player.pull(attempts=1)
        played.check_right()
        assert (len(ranges_of(played)), restarts_of(played)) == (1, 1)

    async def test_that_have_weak_ones_alone(self, large):
        played = await large.pull(Fault.of("etag", value="weak"), attempts=1)
        played.check_right()
        assert restarts_of(played) == 1

    @pytest.mark.parametrize("how", ["ignored", "refused"])
    @pytest.mark.parametrize("occurrence", [{}, {"first": 1}, {"at": [3]}, {"every": 4}])
    async def test_that_ignore_or_refuse_ranges_always_or_now_and_then(self, large, how, occurrence):
        played = await large.pull(Fault.of("ranges", how=how, **occurrence), attempts=2)
        played.check_right()

    @pytest.mark.parametrize("how", ["wrong_start", "wrong_total"])
    @pytest.mark.parametrize("by", [1, 1000])
    @pytest.mark.parametrize("occurrence", [{}, {"first": 1}, {"at": [3]}, {"every": 4}])
    async def test_that_serve_another_range_or_name_another_total(self, large, how, by, occurrence):
        played = await large.pull(Fault.of("ranges", how=how, by=by, **occurrence), attempts=2)
        played.check_right()

    @pytest.mark.parametrize("value", ["changes", "swapped", "none", "weak"])
    @pytest.mark.parametrize("occurrence", [{}, {"first": 1}, {"at": [3]}, {"every": 4}])
    async def test_whose_validator_changes_vanishes_or_weakens(self, large, value, occurrence):
        played = await large.pull(Fault.of("etag", value=value, **occurrence), attempts=2)
        played.check_right()

    async def test_that_force_a_coding_on_the_body(self, large):
        (await large.pull(Fault.of("gzip"), attempts=1)).check_right()

    @pytest.mark.parametrize("declared", ["chunked", "close"])
    async def test_that_frame_pieces_without_a_length(self, large, declared):
        (await large.pull(Fault.of("length", declared=declared), attempts=1)).check_right()

    async def test_that_declare_a_piece_longer_than_it_is(self, large):
        """All of its bytes arrived, so it is right."""
        played = await large.pull(Fault.of("length", declared="longer", ranged=True), attempts=1)
        played.check_right()
        assert played.body_bytes(HUGE) == played.outcome(HUGE).bytes

    async def test_that_serve_less_than_was_asked_for(self, large):
        played = await large.pull(Fault.of("length", declared="shorter", by=1000, ranged=True, every=2), attempts=20)
        played.check_right()
        assert played.body_bytes(HUGE) == played.outcome(HUGE).bytes


class TestBrokenPieces:
    @pytest.mark.parametrize("ending", ["reset", "close"])
    @pytest.mark.parametrize("after", [0, 1, 30_000, PIECE - 1])
    async def test_go_on_where_they_stopped(self, large, ending, after):
        cut = Fault.of("cut", data_set=HUGE, after=after, ending=ending, every=3)
        played = await large.pull(cut, attempts=6)
        played.check_right()
        assert restarts_of(played) == 0
        if ending == "close":
            assert played.body_bytes(HUGE) == played.outcome(HUGE).bytes

    async def test_one_that_never_comes_fails_the_extract_and_the_next_run_fetches_the_rest_alone(self, large):
        lost = Fault.of("cut", data_set=HUGE, after=0, ending="close", ranged=True, at=[5])
        first = await large.pull(lost, attempts=1, workers=1)
        first.check_honest((HUGE,), reason="broke off")
        held = first.body_bytes(HUGE)
        second = await large.pull()
        second.check_right()
        size = second.outcome(HUGE).bytes
        assert (second.outcome(HUGE).resumed_bytes, second.body_bytes(HUGE)) == (held, size - held)

    @pytest.mark.parametrize("attempts", [3, 6])
    async def test_a_flipped_bit_costs_two_downloads_not_six(self, large, attempts):
        played = await large.pull(Fault.of("corrupt", data_set=HUGE), attempts=attempts)
        played.check_honest((HUGE,), reason="damaged")
        assert played.body_bytes(HUGE) == 2 * large.sandbox.catalogue()[-1].newest_full.size

    async def test_a_piece_that_was_damaged_on_its_way_costs_one_more(self, large):
        """The client cannot know which piece. The fault is in the fifth of ten pieces; the last piece comes second."""
        played = await large.pull(Fault.of("corrupt", data_set=HUGE, at=[6]), workers=1)
        played.check_right()
        assert played.body_bytes(HUGE) == 2 * played.outcome(HUGE).bytes


class TestLinks:
    @pytest.mark.parametrize("workers", [1, 4])
    async def test_one_that_expires_on_the_way_is_asked_for_anew(self, large, workers):
        wears_out = Fault.of("link_uses", data_set=HUGE, uses=3)
        played = await large.pull(wears_out, attempts=1, workers=workers)
        played.check_right()
        asked = len(played.requests("download", HUGE))
        assert 4 <= asked <= 4 * workers

    async def test_one_that_expires_while_bodies_flow_harms_none_of_them(self, player, small_pieces):
        player = await player(huge_bytes=SIZE, signed_link_life=0.4, bandwidth=300_000)
        played = await player.pull(**ALONE, attempts=1)
        played.check_right()
        assert played.body_bytes(HUGE) == played.outcome(HUGE).bytes

    async def test_one_that_expires_in_a_body_that_breaks(self, large):
        """After the break the download continues with a new link, from the same byte."""
        faults = [
            Fault.of("cut", data_set=HUGE, after=1000, ending="close", at=[3]),
            Fault.of("expired", data_set=HUGE, at=[4, 5]),
        ]
        played = await large.pull(*faults, attempts=2)
        played.check_right()
        assert played.body_bytes(HUGE) == played.outcome(HUGE).bytes
