"""Rate limits: one place has the budget, and every request waits when the tenant demands it."""

import pytest

from bds_async.brightspace.retry import WAITS_FOR_EACH_TRY
from bds_async.events import Ended, Held
from bds_async.sandbox import Fault
from tests.faults.playing import VICTIM

HUGE = "Sandbox Huge"


def reasons(played) -> list[str]:
    return [event.why for event in played.events if isinstance(event, Held)]


class TestBudget:
    async def test_with_thirty_calls_at_a_time_fewer_than_five_are_refused(self, player):
        """60 lists, 60 downloads and the pages of the catalogue."""
        player = await player(data_sets=60, rate_credits=300, rate_window=1.0)
        played = await player.pull(workers=16, attempts=1)
        played.check_right()
        assert player.sandbox.counters.throttled < 5

    async def test_what_somebody_else_uses_up_is_waited_for(self, player):
        """By another application of the same client: the answers are 429, and every extract is delivered."""
        player = await player(data_sets=6, rate_credits=100, rate_window=1.0)
        await player.pull_anew()
        played = await player.pull_anew(Fault.of("status", status=429, on="download", retry_after=0.3, every=2))
        played.check_right()

    async def test_bodies_that_are_flowing_go_on(self, player):
        """For half a second the tenant gets no new request; the body from the storage continues."""
        player = await player(huge_bytes=1_000_000, data_sets=1, bandwidth=1_000_000)
        moved = {}

        def watch(event):
            if isinstance(event, Held):
                moved["at the hold"] = player.sandbox.counters.body_bytes
            elif isinstance(event, Ended) and event.outcome.extract.data_set == VICTIM:
                moved["after it"] = player.sandbox.counters.body_bytes

        later = Fault.of("status", status=429, on="download", data_set=VICTIM, retry_after=0.5, first=1)
        (await player.pull(later, workers=2, observer=watch)).check_right()
        assert moved["after it"] - moved["at the hold"] > 200_000


class TestAskedToWait:
    @pytest.mark.parametrize("kind", ["download", "storage"])
    @pytest.mark.parametrize("wait", [{}, {"retry_after": 0.02}, {"retry_after": 0}])
    async def test_whoever_is_put_off_for_ever_fails_in_the_end(self, play, kind, wait):
        played = await play(Fault.of("status", status=429, on=kind, data_set=VICTIM, **wait), attempts=2)
        played.check_honest(reason="answered 429 and asked to wait")
        assert len(played.requests(kind)) == 2 * WAITS_FOR_EACH_TRY

    @pytest.mark.parametrize("status", [403, 429])
    @pytest.mark.parametrize("kind", ["catalogue", "extracts"])
    async def test_a_listing_that_is_put_off_comes_later(self, play, kind, status):
        """A 403 that names a moment is a quota, and no reason to use the old routes."""
        played = await play(Fault.of("status", status=status, on=kind, retry_after=0.1, first=1), attempts=1)
        played.check_right()
        assert all("dataexport" not in seen.path.lower() for seen in played.seen)
        assert {f"127.0.0.1 asked to wait ({status})"} == set(reasons(played))

    async def test_the_whole_pool_waits_where_one_is_put_off(self, play):
        """The limit is per application, not per extract."""
        played = await play(Fault.of("status", status=429, on="download", retry_after=0.3, first=1, counted="together"))
        played.check_right()
        downloads = [seen.status for seen in played.requests("download", None)]
        assert downloads == [429, *[302] * 2]
