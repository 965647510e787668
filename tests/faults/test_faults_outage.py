"""An unreachable tenant: an outage holds the pool and costs no tries; an outage without an end is a clear failure."""

import asyncio
import functools
from contextlib import asynccontextmanager, suppress

import pytest

from bds_async import Status, UnreachableError
from bds_async.brightspace.auth import TokenRefresher
from bds_async.brightspace.gate import Gate
from bds_async.events import Ended, OutageBegan, OutageEnded, Waiting
from bds_async.sandbox import Fault
from bds_async.sandbox.tenant import API, AUTH, STORAGE
from tests.faults.playing import VICTIM, published

HUGE = "Sandbox Huge"
NOT_FOR_LONG = 0.3


@pytest.fixture
def small_pieces(monkeypatch):
    """Lower the threshold of large extracts, and the size of pieces."""
    monkeypatch.setattr("bds_async.transfer.download.LARGE", 256 * 1024)
    monkeypatch.setattr("bds_async.transfer.download.PIECE", 64 * 1024)


@pytest.fixture
def impatient(monkeypatch):
    """Give up a tenant soon, even if it has answered before."""
    gate = functools.partial(Gate, patience=NOT_FOR_LONG, first_patience=NOT_FOR_LONG)
    monkeypatch.setattr("bds_async.brightspace.connection.Gate", gate)


@asynccontextmanager
async def meanwhile(work):
    """Let something happen to the sandbox during the run."""
    task = asyncio.create_task(work)
    try:
        yield
        await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def reached(sandbox, happened) -> None:
    """Wait until something has happened; this polls, since the sandbox sends no events."""
    while not happened(sandbox):  # noqa: ASYNC110
        await asyncio.sleep(0.002)


async def away(sandbox, happened, seconds=None):
    """Take the whole sandbox down once something has happened, for some seconds or for good."""
    await reached(sandbox, happened)
    await sandbox.go_away(seconds)


async def gone(sandbox, happened, *origins):
    """Take some of its origins down for good."""
    await reached(sandbox, happened)
    for name in origins:
        await sandbox._origins[name].refuse()


def requests(number: int):
    return lambda sandbox: sandbox.counters.requests >= number


def body_bytes(number: int):
    return lambda sandbox: sandbox.counters.body_bytes >= number


def reasons(played) -> list[str]:
    return [event.why for event in played.events if isinstance(event, OutageBegan)]


class TestForAWhile:
    @pytest.mark.parametrize("number", [3, 4, 6, 9, 11, 14, 17, 20])
    async def test_nothing_fails_whenever_it_comes(self, player, number):
        """Six lists, downloads and bodies, one try for each."""
        player = await player(data_sets=6, latency=0.01, bandwidth=200_000)
        async with meanwhile(away(player.sandbox, requests(number), NOT_FOR_LONG)):
            played = await player.pull(attempts=1)
        played.check_right()
        assert {outcome.attempts for outcome in played.report.outcomes} == {1}
        assert reasons(played)

    @pytest.mark.parametrize("number", [1, 200_000, 600_000, 900_000])
    async def test_bodies_in_flight_go_on_where_they_were(self, player, small_pieces, number):
        player = await player(huge_bytes=1_000_000, bandwidth=500_000)
        async with meanwhile(away(player.sandbox, body_bytes(number), NOT_FOR_LONG)):
            played = await player.pull(attempts=1)
        played.check_right()
        lost = sum(seen.body_bytes for seen in played.seen) - sum(outcome.bytes for outcome in played.report.outcomes)
        assert lost < 4 * 64 * 1024

    async def test_so_do_bodies_from_the_tenant_itself(self, player, small_pieces):
        player = await player(huge_bytes=1_000_000, bandwidth=500_000, direct=True)
        async with meanwhile(away(player.sandbox, body_bytes(400_000), NOT_FOR_LONG)):
            played = await player.pull(attempts=1)
        played.check_right()

    async def test_it_comes_twice_and_still_nothing_fails(self, player):
        player = await player(data_sets=6, latency=0.01, bandwidth=200_000)

        async def twice(sandbox):
            await away(sandbox, requests(10), NOT_FOR_LONG)
            await reached(sandbox, requests(16))
            await sandbox.go_away(NOT_FOR_LONG)

        async with meanwhile(twice(player.sandbox)):
            played = await player.pull(attempts=1)
        played.check_right()

    async def test_those_who_watch_are_told_why_nothing_moves(self, player):
        player = await player(data_sets=6, latency=0.01, bandwidth=200_000)
        async with meanwhile(away(player.sandbox, requests(10), NOT_FOR_LONG)):
            played = await player.pull()
        (why,) = reasons(played)
        assert "Could not connect to 127.0.0.1" in why
        assert [type(event) for event in played.events if isinstance(event, Waiting)] == [OutageBegan, OutageEnded]
        assert played.report.counters.rate_limit_waits == 0

    async def test_a_break_that_is_no_outage_counts(self, play):
        """The tenant is reachable, so it is a fault of the body."""
        played = await play(Fault.of("cut", data_set=VICTIM, after=100), attempts=1)
        played.check_honest(reason="broke off")

    async def test_the_auth_service_comes_back_as_well(self, player):
        """Access tokens live shorter than the outage, so that later requests need a new one."""
        player = await player(data_sets=6, latency=0.02, access_token_life=0.5, bandwidth=100_000)
        exchanged = asyncio.get_running_loop().create_future()

        async def away_and_counted(sandbox):
            await away(sandbox, requests(13), 1.0)
            exchanged.set_result(sandbox.counters.exchanges)

        async with meanwhile(away_and_counted(player.sandbox)):
            played = await player.pull(attempts=1)
        played.check_right()
        assert player.sandbox.counters.exchanges > await exchanged


class TestForGood:
    @pytest.mark.parametrize("number", [15, 18])
    async def test_after_the_plan_what_is_pending_fails_with_that_reason(self, player, impatient, number):
        player = await player(data_sets=6, latency=0.01, bandwidth=200_000)
        async with meanwhile(away(player.sandbox, requests(number))):
            played = await player.pull()
        failing = tuple(o.extract.data_set for o in played.report.outcomes if o.status is Status.FAILED)
        assert failing
        played.check_honest(failing, reason="Given up after .* check bspace_url and the network")

    async def test_what_storage_still_serves_is_delivered(self, player, impatient, small_pieces):
        """Only the tenant is down: the large extract has its signed link, and survives breaks of its body."""
        player = await player(huge_bytes=1_000_000, bandwidth=300_000, data_sets=6)
        broken = Fault.of("cut", data_set=HUGE, after=1000, every=5)
        async with meanwhile(gone(player.sandbox, body_bytes(100_000), API)):
            played = await player.pull(broken, workers=2)
        failing = {o.extract.data_set for o in played.report.outcomes if o.status is Status.FAILED}
        assert failing
        played.check_honest(tuple(failing), reason="Given up after")
        assert HUGE not in failing

    async def test_a_storage_that_is_gone_alone_fails_each_extract_by_its_own_tries(self, player):
        player = await player(latency=0.01, data_sets=6)
        async with meanwhile(gone(player.sandbox, requests(16), STORAGE)):
            played = await player.pull()
        failing = tuple(o.extract.data_set for o in played.report.outcomes if o.status is Status.FAILED)
        played.check_honest(failing, reason="127.0.0.1")

    async def test_before_the_plan_the_tenant_is_unreachable(self, player, impatient):
        player = await player(data_sets=6, latency=0.01)
        async with meanwhile(away(player.sandbox, requests(5))):
            with pytest.raises(UnreachableError, match="Given up after"):
                await player.pull()
        assert not published(player.folder)

    async def test_from_the_beginning(self, player, impatient):
        player = await player()
        await gone(player.sandbox, lambda sandbox: True, API)
        with pytest.raises(UnreachableError, match=r"Could not connect to 127\.0\.0\.1"):
            await player.pull()

    async def test_the_auth_service_alone_after_the_plan(self, player, monkeypatch):
        """What needs no new token is still delivered."""
        refresher = functools.partial(TokenRefresher, patience=NOT_FOR_LONG, first_patience=NOT_FOR_LONG)
        monkeypatch.setattr("bds_async.brightspace.connection.TokenRefresher", refresher)
        player = await player(data_sets=6, latency=0.02, access_token_life=0.5, bandwidth=20_000)
        async with meanwhile(gone(player.sandbox, body_bytes(1), AUTH)):
            played = await player.pull(workers=2)
        outcomes = played.report.outcomes
        failing = tuple(outcome.extract.data_set for outcome in outcomes if outcome.status is Status.FAILED)
        assert 0 < len(failing) < len(outcomes)
        played.check_honest(failing, reason="No access token was obtained")

    async def test_the_next_run_finishes(self, player, impatient, small_pieces):
        player = await player(huge_bytes=1_000_000, bandwidth=500_000)
        async with meanwhile(away(player.sandbox, body_bytes(300_000))):
            first = await player.pull()
        assert first.report.exit_code == 3
        await player.sandbox.come_back()
        second = await player.pull()
        second.check_right()
        assert second.outcome(HUGE).resumed_bytes > 100_000
        assert [event.outcome.status for event in second.events if isinstance(event, Ended)]


class TestStorageLinks:
    async def test_a_storage_that_cannot_be_reached_is_left_for_a_new_link(self, player, monkeypatch, small_pieces):
        """The link is dropped at once, so that the signer of links can name another host."""
        monkeypatch.setattr("bds_async.brightspace.retry.BASE", 0.2)
        monkeypatch.setattr("bds_async.brightspace.retry.CAP", 0.4)
        player = await player(huge_bytes=1_000_000, bandwidth=500_000, data_sets=0)

        async def away_for_a_while(sandbox):
            await gone(sandbox, body_bytes(200_000), STORAGE)
            await asyncio.sleep(NOT_FOR_LONG)
            await sandbox.come_back()

        async with meanwhile(away_for_a_while(player.sandbox)):
            played = await player.pull(attempts=20)
        played.check_right()
        assert len(played.requests("download", HUGE)) > 1
        assert not reasons(played)
