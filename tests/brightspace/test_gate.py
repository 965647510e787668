"""The one gate in front of the tenant: all requests wait there, and do not rush through it afterwards."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async.brightspace.catalogue.catalogue import read_catalogue
from bds_async.brightspace.catalogue.listing import list_extracts
from bds_async.brightspace.gate import Gate
from bds_async.brightspace.retry import RETRY_AFTER_CEILING
from bds_async.errors import ConnectionFailed, UnreachableError
from bds_async.events import OutageBegan, OutageEnded
from bds_async.report import HoldKind

REFUSED = ConnectionFailed("Could not connect to school.example: refused.")


def unheard(why: str, seconds: float) -> None:
    """Ignore what the gate reports."""


def budget(remaining: object, *, reset: object = 60, cost: object = 10) -> dict[str, str]:
    return {
        "X-Rate-Limit-Remaining": str(remaining),
        "X-Rate-Limit-Reset": str(reset),
        "X-Request-Cost": str(cost),
    }


class Requests:
    """Requests that pass the gate and stay in flight until they are answered."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.under_way: list[asyncio.Future[dict[str, str]]] = []
        self.passed_at: list[float] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.passing = asyncio.Event()

    def start(self, number: int) -> None:
        self.tasks += [asyncio.create_task(self._one()) for _ in range(number)]

    async def _one(self) -> None:
        async with self.gate.passage():
            self.passed_at.append(time.monotonic())
            answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
            self.under_way.append(answer)
            self.passing.set()
            try:
                headers = await answer
            finally:
                self.under_way.remove(answer)
            self.gate.answered(headers)

    async def settled(self) -> int:
        """The number in flight after all that may pass have passed."""
        for _ in range(4):
            await asyncio.sleep(0)
        return len(self.under_way)

    async def some(self) -> int:
        """The same number, as soon as it is not zero."""
        while not self.under_way:
            self.passing.clear()
            await self.passing.wait()
        return await self.settled()

    def answer(self, headers: dict[str, str] | None = None, number: int = 1) -> None:
        for answer in self.under_way[:number]:
            answer.set_result(headers or {})

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def requests():
    """Requests at a gate that no request has passed yet."""
    made = Requests(Gate(unheard))
    yield made
    await made.end()


@pytest.fixture
async def flowing(requests):
    """Requests at a gate after an answer of the tenant."""
    requests.start(1)
    await requests.some()
    requests.answer()
    await requests.settled()
    requests.passed_at.clear()
    return requests


class TestProbe:
    async def test_the_first_request_of_a_run_goes_alone_and_the_others_once_it_is_answered(self, requests):
        requests.start(10)
        assert await requests.settled() == 1
        requests.answer()
        assert await requests.settled() == 9

    async def test_one_that_fails_makes_room_for_the_next_one_alone(self, requests):
        requests.start(10)
        await requests.some()
        requests.tasks[0].cancel()
        assert await requests.settled() == 1
        requests.answer()
        assert await requests.settled() == 8

    async def test_after_it_all_go_at_once(self, flowing):
        flowing.start(64)
        assert await flowing.settled() == 64


class TestHold:
    async def test_nobody_passes_before_the_moment_that_was_named(self, flowing):
        flowing.gate.hold("429", 0.3)
        until = time.monotonic() + 0.3
        flowing.start(10)
        assert await flowing.settled() == 0
        await flowing.some()
        assert flowing.passed_at[0] >= until - 0.01

    async def test_then_a_single_probe_goes_then_the_others(self, flowing):
        flowing.gate.hold("429", 0.02)
        flowing.start(10)
        assert await flowing.some() == 1
        flowing.answer()
        assert await flowing.settled() == 9

    async def test_those_under_way_go_on_and_their_answers_open_nothing(self, flowing):
        flowing.start(3)
        assert await flowing.settled() == 3
        flowing.gate.hold("429", 0.05)
        flowing.start(5)
        flowing.answer(number=2)
        assert await flowing.settled() == 1

    async def test_the_longest_of_several_counts(self, flowing):
        flowing.gate.hold("429", 0.06)
        until = time.monotonic() + 0.06
        flowing.gate.hold("429", 0.0)
        flowing.start(2)
        await flowing.some()
        assert flowing.passed_at[0] >= until - 0.01

    async def test_one_that_comes_while_the_probe_is_under_way_holds_the_others(self, flowing):
        flowing.gate.hold("429", 0.0)
        flowing.start(5)
        assert await flowing.some() == 1
        flowing.gate.hold("429", 0.3)
        until = time.monotonic() + 0.3
        flowing.answer()
        assert await flowing.settled() == 0
        assert await flowing.some() == 1
        assert flowing.passed_at[-1] >= until - 0.01

    async def test_many_refusals_of_one_moment_are_one_wait(self):
        told = []
        gate = Gate(lambda why, seconds: told.append((why, seconds)))
        for _ in range(16):
            gate.hold("429", 30.0)
        assert gate.waits == 1
        assert told == [("429", 30.0)]

    async def test_a_wait_that_becomes_much_longer_is_told_anew_and_is_the_same_wait(self):
        told = []
        gate = Gate(lambda why, seconds: told.append(seconds))
        for seconds in (1.0, 30.0, 5.0):
            gate.hold("429", seconds)
        assert told == [1.0, 30.0]
        assert gate.waits == 1

    async def test_holds_are_known_with_their_times_those_that_overlap_as_one(self):
        gate, start = Gate(lambda why, seconds: None), time.monotonic()
        for seconds in (0.5, 30.0, 0.1):
            gate.hold("429", seconds)
        time.sleep(0.01)  # noqa: ASYNC251 - the clock has to go on, nothing else
        (hold,) = gate.holds_since(start)
        assert hold.kind is HoldKind.RATE_LIMIT
        assert 0 <= hold.began < hold.ended <= time.monotonic() - start, "what is to come does not count"
        assert gate.holds_since(time.monotonic() + 1) == []

    async def test_an_outage_is_known_while_it_lasts_and_after_it(self):
        gate, start = Gate(lambda why, seconds: None), time.monotonic()
        gate.unreachable(REFUSED, start)
        (under_way,) = gate.holds_since(start)
        gate.answered({})
        (ended,) = gate.holds_since(start)
        assert under_way.kind is ended.kind is HoldKind.OUTAGE
        assert 0 < under_way.seconds <= ended.seconds <= time.monotonic() - start

    async def test_one_who_gives_up_waiting_blocks_nobody(self, flowing):
        flowing.gate.hold("429", 0.02)
        flowing.start(3)
        await flowing.settled()
        flowing.tasks[-1].cancel()
        assert await flowing.some() == 1
        flowing.answer()
        assert await flowing.settled() == 1


class TestBudget:
    async def test_credits_of_requests_under_way_are_reserved(self, flowing):
        flowing.gate.answered(budget(45))
        flowing.start(10)
        assert await flowing.settled() == 4

    async def test_an_answer_makes_room_for_what_it_leaves(self, flowing):
        flowing.gate.answered(budget(20))
        flowing.start(10)
        assert await flowing.settled() == 2
        flowing.answer(budget(30))
        assert await flowing.settled() == 3

    async def test_a_request_that_costs_more_reserves_more(self, flowing):
        flowing.gate.answered(budget(100, cost=50))
        flowing.start(10)
        assert await flowing.settled() == 2

    async def test_a_budget_that_is_used_up_holds_until_it_is_full_again(self):
        told = []
        gate = Gate(lambda why, seconds: told.append((why, seconds)))
        gate.answered(budget(9, reset=7))
        assert told == [("the rate budget is used up", 7.0)]
        assert gate.waits == 1

    async def test_no_longer_than_the_ceiling(self):
        told = []
        Gate(lambda why, seconds: told.append(seconds)).answered(budget(0, reset=10**9))
        assert told == [RETRY_AFTER_CEILING]

    async def test_after_the_hold_the_probe_tells_what_there_is(self, flowing):
        flowing.gate.answered(budget(0, reset=0.02))
        flowing.start(10)
        assert await flowing.some() == 1
        flowing.answer(budget(30))
        assert await flowing.settled() == 3

    async def test_used_up_and_no_word_when_it_is_full_lets_one_go_at_a_time(self, flowing):
        flowing.gate.answered({"X-Rate-Limit-Remaining": "0"})
        flowing.start(3)
        assert await flowing.settled() == 1
        flowing.answer({"X-Rate-Limit-Remaining": "0"})
        assert await flowing.settled() == 1

    async def test_a_tenant_that_tells_no_budget_has_none(self, flowing):
        flowing.gate.answered({})
        flowing.start(64)
        assert await flowing.settled() == 64

    @pytest.mark.parametrize("nonsense", ["", "many", "nan", "inf", "-5", "1e999", "٣٠ "])
    async def test_nonsense_is_no_budget_and_no_cost(self, flowing, nonsense):
        flowing.gate.answered(budget(100, reset=nonsense, cost=nonsense))
        flowing.gate.answered(budget(nonsense))
        flowing.start(20)
        assert await flowing.settled() in (20, 3)

    @given(st.text(), st.text(), st.text())
    def test_no_headers_make_it_raise(self, remaining, reset, cost):
        Gate(unheard).answered(budget(remaining, reset=reset, cost=cost))

    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.integers(0, 12), min_size=1, max_size=12))
    async def test_whatever_the_answers_say_no_more_are_let_through_than_they_allow(self, remaining):
        requests = Requests(Gate(unheard))
        requests.start(1)
        await requests.some()
        requests.start(20)
        try:
            for left in remaining:
                before = len(requests.under_way)
                requests.answer(budget(10 * left, reset=0))
                assert await requests.settled() <= max(1, left, before - 1)
                await requests.some()
        finally:
            await requests.end()


class Clock:
    """The clock of the gate, advanced by attempts and pauses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr("bds_async.brightspace.gate.time.monotonic", lambda: self.seconds)

    def outage(self, gate: Gate, attempt: float = 0.0) -> None:
        """Attempts that fail after `attempt` seconds, or as soon as they may, and the pauses between them."""
        while True:
            began = self.seconds
            self.seconds += min(attempt, gate.connect_timeout)
            gate.unreachable(REFUSED, began)
            self.seconds = max(self.seconds, gate._held_until)


class TestOutage:
    async def test_it_holds_the_others_and_lets_one_at_a_time_try(self):
        held, told = [], []
        gate = Gate(lambda why, seconds: held.append(why), on_outage=told.append, patience=300.0)
        gate.answered({})
        gate.unreachable(REFUSED, time.monotonic())
        assert told == [OutageBegan(str(REFUSED), 300.0)]
        assert (gate.waits, held) == (0, []), "a wait that the tenant did not ask for"

    async def test_it_is_told_at_its_beginning_and_at_its_end_and_no_oftener(self, monkeypatch):
        monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", lambda count: 0.0)
        told = []
        gate = Gate(unheard, on_outage=told.append)
        for _ in range(2):
            for _ in range(9):
                gate.unreachable(REFUSED, time.monotonic())
            for _ in range(3):
                gate.answered({})
        assert [type(event) for event in told] == [OutageBegan, OutageEnded] * 2
        assert told[1].seconds >= 0

    async def test_sixteen_failures_at_once_are_one_outage(self, monkeypatch):
        failures = []
        monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", lambda count: failures.append(count) or 60.0)
        gate = Gate(unheard)
        for _ in range(16):
            gate.unreachable(REFUSED, time.monotonic())
        assert failures == [1]

    async def test_each_probe_that_fails_waits_longer_up_to_a_measure(self, monkeypatch):
        failures = []
        monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", lambda count: failures.append(count) or 0.0)
        gate = Gate(unheard)
        for _ in range(9):
            gate.unreachable(REFUSED, time.monotonic())
        assert failures == [1, 2, 3, 4, 5, 5, 5, 5, 5]

    async def test_an_answer_ends_it(self, monkeypatch):
        failures = []
        monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", lambda count: failures.append(count) or 0.0)
        gate = Gate(unheard, patience=0.05)
        gate.unreachable(REFUSED, time.monotonic())
        await asyncio.sleep(0.03)
        gate.answered({})
        await asyncio.sleep(0.03)
        gate.unreachable(REFUSED, time.monotonic())
        assert failures == [1, 1]

    async def test_when_patience_is_up_everybody_hears_of_it(self, monkeypatch):
        monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", lambda count: 0.005)
        requests = Requests(Gate(unheard, first_patience=0.03))

        async def one() -> None:
            while True:
                try:
                    async with requests.gate.passage():
                        raise REFUSED
                except ConnectionFailed as error:
                    requests.gate.unreachable(error, time.monotonic())

        ended = await asyncio.gather(*(one() for _ in range(10)), return_exceptions=True)
        assert {type(error) for error in ended} == {UnreachableError}
        assert len({id(error) for error in ended}) == 1
        assert "Could not connect to school.example" in str(ended[0])
        with pytest.raises(UnreachableError):
            async with requests.gate.passage():
                pytest.fail("the gate is closed")

    async def test_a_tenant_that_has_answered_before_is_waited_for_longer(self, monkeypatch):
        monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", lambda count: 0.0)
        gate = Gate(unheard, first_patience=0.0, patience=60.0)
        gate.answered({})
        gate.unreachable(REFUSED, time.monotonic())
        with pytest.raises(UnreachableError):
            Gate(unheard, first_patience=0.0, patience=60.0).unreachable(REFUSED, time.monotonic())

    @pytest.mark.parametrize(
        ("is_reached", "words"),
        [
            (False, "Given up after 30 seconds, the limit for the first contact of a run; check bspace_url"),
            (True, "Given up after 300 seconds, the limit for an outage during a run; check bspace_url"),
        ],
    )
    async def test_the_message_says_which_limit_it_was(self, monkeypatch, is_reached, words):
        clock = Clock(monkeypatch)
        gate = Gate(unheard)
        if is_reached:
            gate.answered({})
        with pytest.raises(UnreachableError, match=words):
            clock.outage(gate)

    @pytest.mark.parametrize(("is_reached", "limit"), [(False, 30), (True, 300)])
    @pytest.mark.parametrize("attempt", [0.0, 0.4, 7.0, 60.0], ids=["refused", "soon", "late", "black hole"])
    async def test_attempts_and_pauses_end_within_the_limit(self, monkeypatch, is_reached, limit, attempt):
        """Attempts to connect count for the limit, so none of them may take longer than the rest."""
        clock = Clock(monkeypatch)
        gate = Gate(unheard)
        if is_reached:
            gate.answered({})
        with pytest.raises(UnreachableError):
            clock.outage(gate, attempt)
        assert limit - 1.5 <= clock.seconds - 1000 <= limit

    async def test_an_outage_counts_from_the_attempt_that_failed_first(self, monkeypatch):
        clock = Clock(monkeypatch)
        gate = Gate(unheard, first_patience=10)
        clock.seconds += 500
        began = clock.seconds
        clock.seconds += 9.5
        with pytest.raises(UnreachableError):
            gate.unreachable(REFUSED, began)

    async def test_closing_it_ends_all_waits(self, flowing):
        flowing.gate.hold("429", 60.0)
        flowing.start(3)
        await flowing.settled()
        flowing.gate.close(UnreachableError("the auth service is away"))
        ended = await asyncio.gather(*flowing.tasks[-3:], return_exceptions=True)
        assert [str(error) for error in ended] == ["the auth service is away"] * 3


class TestOverRealSockets:
    async def test_a_small_bucket_is_hardly_ever_overdrawn(self, start_sandbox, connect):
        """60 calls per second for 139 lists and the catalogue, by 16 workers."""
        sandbox = await start_sandbox(data_sets=139, rate_credits=600, rate_window=1.0, latency=0.005)
        gate = Gate(unheard)
        tenant = await connect(sandbox, gate=gate, attempts=6)
        catalogue = await read_catalogue(tenant, None)
        listing = await list_extracts(catalogue, catalogue.data_sets, 16)
        assert (len(listing.extracts), listing.failed) == (139, [])
        assert sandbox.counters.throttled < 5
        assert gate.waits <= 5

    @pytest.mark.parametrize("form", ["seconds", "date"])
    async def test_a_bucket_that_somebody_else_empties_is_waited_for(self, start_sandbox, connect, form, monkeypatch):
        """The tenant then answers with refusals, which hold the gate; no list is lost."""
        monkeypatch.setattr("bds_async.brightspace.retry.BASE", 0.01)
        sandbox = await start_sandbox(data_sets=8, rate_credits=100, rate_window=1.0, retry_after_form=form)
        ours, theirs = [await connect(sandbox, attempts=6) for _ in range(2)]
        catalogue = await read_catalogue(ours, "1.43")
        others = await read_catalogue(theirs, "1.43")
        both = await asyncio.gather(
            list_extracts(catalogue, catalogue.data_sets, 8), list_extracts(others, others.data_sets, 8)
        )
        assert [(len(listing.extracts), listing.failed) for listing in both] == [(8, []), (8, [])]

    async def test_an_outage_is_waited_out_and_costs_no_tries(self, start_sandbox, connect, monkeypatch):
        back, told = asyncio.Event(), []

        def pause(count: int) -> float:
            back.set()
            return 0.02

        monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", pause)
        sandbox = await start_sandbox(data_sets=12)
        tenant = await connect(sandbox, gate=Gate(unheard, on_outage=told.append), attempts=1)
        catalogue = await read_catalogue(tenant, None)
        await sandbox.go_away()
        listing = asyncio.create_task(list_extracts(catalogue, catalogue.data_sets, 8))
        await back.wait()
        for _ in range(5):
            back.clear()
            await back.wait()
        await sandbox.come_back()
        assert (len((await listing).extracts), (await listing).failed) == (12, [])
        assert [type(event) for event in told] == [OutageBegan, OutageEnded]

    async def test_an_outage_without_end_is_reported_by_every_request(self, start_sandbox, connect, monkeypatch):
        monkeypatch.setattr("bds_async.brightspace.gate.full_jitter", lambda count: 0.01)
        sandbox = await start_sandbox()
        tenant = await connect(sandbox, gate=Gate(unheard, patience=0.05), attempts=6)
        catalogue = await read_catalogue(tenant, None)
        await sandbox.go_away()
        ended = await asyncio.gather(
            *(catalogue.extracts(data_set) for data_set in catalogue.data_sets), return_exceptions=True
        )
        assert {type(error) for error in ended} == {UnreachableError}
        assert "Given up after" in str(ended[0])
