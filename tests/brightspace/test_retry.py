"""The one retry policy: what it retries, how often, and how long it waits."""

import asyncio
import inspect
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import RetryCallState

from bds_async import errors
from bds_async.brightspace.retry import (
    BASE,
    CAP,
    PROGRESS,
    RETRY_AFTER_CEILING,
    TRANSIENT_STATUSES,
    WAITS_FOR_EACH_TRY,
    Tries,
    full_jitter,
    retry_after,
    retrying,
)
from bds_async.errors import ExtractError, Throttled, TransientError, VerificationError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def waits(monkeypatch):
    """The waits of the policy, each at its longest, recorded instead of slept."""
    waited = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("bds_async.brightspace.retry.asyncio.sleep", note)
    monkeypatch.setattr("bds_async.brightspace.retry.random.uniform", lambda low, high: high)
    return waited


class Server:
    """Fails with one error after another, then answers; `progress` are the new bytes before each failure."""

    def __init__(self, *failures: BaseException, progress: int = 0) -> None:
        self.failures, self.progress, self.asked = list(failures), progress, 0

    async def ask(self, tries: Tries) -> str:
        async for attempt in retrying(tries):
            with attempt:
                tries.progress(self.progress if self.failures else 0)
                return self.ask_once()
        raise AssertionError("unreachable")

    def ask_once(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def transient(number: int) -> list[BaseException]:
    return [TransientError(f"fault {index}") for index in range(number)]


class TestWhatIsRetried:
    async def test_a_transient_error_is(self, waits):
        assert await Server(*transient(5)).ask(Tries(6)) == "done"

    @pytest.mark.parametrize(
        "error",
        [
            ExtractError("permanent"),
            errors.AuthorisationError("no"),
            errors.DestinationError("full"),
            errors.UnreachableError("away"),
            ValueError("a defect"),
            OSError("disk"),
            TimeoutError(),
        ],
    )
    async def test_nothing_else_is(self, waits, error):
        server = Server(error)
        with pytest.raises(type(error)) as caught:
            await server.ask(Tries(6))
        assert caught.value is error
        assert server.asked == 1

    async def test_every_subclass_of_it_is(self, waits):
        kinds = [
            kind
            for kind in vars(errors).values()
            if inspect.isclass(kind) and issubclass(kind, TransientError) and kind is not Throttled
        ]
        assert await Server(*(kind("x") for kind in kinds)).ask(Tries(len(kinds) + 1)) == "done"

    async def test_a_cancellation_is_not_swallowed(self):
        begun = asyncio.Event()

        async def endless() -> None:
            async for attempt in retrying(Tries(6)):
                with attempt:
                    begun.set()
                    await asyncio.Event().wait()

        task = asyncio.create_task(endless())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_a_cancellation_ends_a_wait(self, monkeypatch):
        task = asyncio.create_task(Server(Throttled("wait", 300.0)).ask(Tries(6)))
        while not task.done() and not task.cancelling():
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def test_the_statuses_are_those_that_another_try_may_get_past(self):
        assert {408, 425, 429, 500, 502, 503, 504, 509, *range(520, 531)} == TRANSIENT_STATUSES


class TestHowOften:
    @pytest.mark.parametrize("limit", [1, 2, 6])
    async def test_as_many_tries_as_allowed_then_the_last_error_itself_is_raised(self, waits, limit):
        server = Server(*transient(9))
        with pytest.raises(TransientError, match=f"fault {limit - 1}"):
            await server.ask(Tries(limit))
        assert server.asked == limit
        assert len(waits) == limit - 1

    async def test_tries_that_were_used_before_count(self, waits):
        server = Server(*transient(9))
        with pytest.raises(TransientError):
            await server.ask(Tries(6, used=4))
        assert server.asked == 2

    async def test_a_mebibyte_of_new_bytes_starts_the_count_again(self, waits):
        assert await Server(*transient(20), progress=PROGRESS).ask(Tries(2)) == "done"

    async def test_less_than_that_does_not(self, waits):
        server = Server(*transient(20), progress=PROGRESS - 1)
        with pytest.raises(TransientError):
            await server.ask(Tries(2))
        assert server.asked == 2

    async def test_progress_of_several_tries_is_not_added_up(self, waits):
        server = Server(*transient(20), progress=PROGRESS // 2)
        with pytest.raises(TransientError):
            await server.ask(Tries(5))
        assert server.asked == 5

    async def test_a_failed_verification_counts_whatever_the_progress(self, waits):
        server = Server(*(VerificationError("bad") for _ in range(20)), progress=8 * PROGRESS)
        with pytest.raises(VerificationError):
            await server.ask(Tries(3))
        assert server.asked == 3

    async def test_a_server_that_names_its_moment_is_given_more_tries_yet_not_endless_ones(self, waits):
        server = Server(*(Throttled("wait", 1.0) for _ in range(99)))
        with pytest.raises(Throttled):
            await server.ask(Tries(3))
        assert server.asked == 3 * WAITS_FOR_EACH_TRY

    async def test_waits_are_no_failures(self, waits):
        mixed = [error for fault in transient(2) for error in (Throttled("wait", 1.0), fault)]
        assert await Server(*mixed).ask(Tries(3)) == "done"

    async def test_progress_before_a_wait_still_counts_at_the_next_failure(self, waits):
        class Slow(Server):
            async def ask(self, tries: Tries) -> str:
                tries.progress(PROGRESS)
                return await super().ask(tries)

        mixed = [TransientError("a"), Throttled("wait", 1.0), TransientError("b")]
        assert await Slow(*mixed).ask(Tries(3, used=1)) == "done"

    async def test_fifty_tasks_at_once_each_get_their_own_error(self, waits):
        """A policy shared between tasks would mix up their errors."""

        async def one(number: int) -> None:
            server = Server(*(TransientError(str(number)) for _ in range(9)))
            with pytest.raises(TransientError, match=f"^{number}$"):
                await server.ask(Tries(1 + number % 4))
            assert server.asked == 1 + number % 4

        await asyncio.gather(*(one(number) for number in range(50)))

    @given(st.lists(st.tuples(st.sampled_from([TransientError, VerificationError]), st.integers(0, 3 * PROGRESS))))
    def test_the_count_is_that_of_failures_in_a_row_without_progress(self, failures):
        tries, expected = Tries(10**6), 0
        for kind, new_bytes in failures:
            tries.progress(new_bytes)
            state = RetryCallState(retrying(tries), None, (), {})
            state.set_exception((kind, kind("x"), None))
            tries(state)
            expected = 1 if new_bytes >= PROGRESS and kind is TransientError else expected + 1
            assert tries.used == expected


class TestHowLong:
    async def test_the_first_wait_is_up_to_base_and_each_next_one_up_to_twice_as_long(self, waits):
        await Server(*transient(8)).ask(Tries(9))
        assert waits == [BASE, 2 * BASE, 4 * BASE, 8 * BASE, 16 * BASE, 32 * BASE, CAP, CAP]

    async def test_after_progress_the_waits_are_short_again(self, waits):
        await Server(*transient(4), progress=PROGRESS).ask(Tries(2))
        assert waits == [BASE] * 4

    async def test_a_named_wait_is_waited_whole_with_a_little_more_so_that_not_all_come_at_once(self, waits):
        await Server(Throttled("wait", 30.0), *transient(1)).ask(Tries(6))
        assert waits == [30.0 + BASE, BASE]

    @given(st.integers(-5, 10**6))
    def test_jitter_is_full(self, failures):
        assert 0 <= full_jitter(failures) <= min(CAP, BASE * 2.0 ** min(max(failures, 1) - 1, 30))


class TestWhatIsTold:
    async def test_each_retry_says_what_which_try_why_and_how_long_it_waits(self, waits, caplog):
        caplog.set_level("DEBUG", "bds_async.brightspace.retry")
        server, tries = Server(TransientError("Broken."), Throttled("Busy.", 30.0), TransientError("Cut.")), Tries(6)
        async for attempt in retrying(tries, "Users"):
            with attempt:
                server.ask_once()
        assert caplog.messages == [
            "Users: try 1 of 6 failed: Broken. Next try in 1.0 s.",
            "Users: asked to wait: Busy. Next try in 31.0 s.",
            "Users: try 2 of 6 failed: Cut. Next try in 2.0 s.",
        ]

    async def test_what_is_not_tried_again_is_left_to_who_asked(self, waits, caplog):
        caplog.set_level("DEBUG", "bds_async.brightspace.retry")
        with pytest.raises(TransientError):
            await Server(TransientError("Broken.")).ask(Tries(1))
        assert caplog.messages == []


def header(value: str) -> dict[str, str]:
    return {"Retry-After": value}


class TestRetryAfter:
    def test_without_it_there_is_none(self):
        assert retry_after({}) is None

    @pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("7", 7), (" 7 ", 7), ("1.5", 1.5), ("0007", 7)])
    def test_seconds(self, value, seconds):
        assert retry_after(header(value)) == seconds

    @pytest.mark.parametrize("value", ["301", "9" * 30, "9" * 5000])
    def test_it_is_held_to_a_ceiling(self, value):
        assert retry_after(header(value)) == RETRY_AFTER_CEILING

    @given(st.integers(-(10**6), 10**6))
    def test_a_date(self, seconds):
        value = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
        assert retry_after(header(value), NOW) == min(max(0, seconds), RETRY_AFTER_CEILING)

    @pytest.mark.parametrize("wrong_by", [timedelta(0), timedelta(hours=5), timedelta(days=-400)])
    def test_a_date_counts_from_the_answers_own_clock(self, wrong_by):
        """Independent of the clock of this machine."""
        there = datetime.now(UTC) + wrong_by
        dates = {
            "Date": format_datetime(there, usegmt=True),
            "Retry-After": format_datetime(there + timedelta(seconds=90), usegmt=True),
        }
        assert retry_after(dates) == 90

    @pytest.mark.parametrize("date", ["", "today", "٣"])
    def test_a_date_of_the_answer_that_makes_no_sense_is_passed_over(self, date):
        value = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
        seconds = retry_after({"Date": date, "Retry-After": value})
        assert seconds is not None
        assert 0 < seconds <= 90

    @pytest.mark.parametrize(
        "value",
        ["Sun, 22 Nov 2026 12:01:00 GMT", "Sunday, 22-Nov-26 12:01:00 GMT", "Sun Nov 22 12:01:00 2026"],
    )
    def test_all_three_forms_of_a_date_that_rfc_9110_knows(self, value):
        assert retry_after(header(value), NOW) == 60

    @pytest.mark.parametrize(
        "value", ["", "soon", "-1", "²", "1e3", "nan", "inf", "1.2.3", "٣", "Sun, 31 Feb 2026 12:00:00 GMT", "1 2"]
    )
    def test_nonsense_is_none(self, value):
        assert retry_after(header(value)) is None

    @given(st.text())
    def test_no_text_makes_it_raise_or_wait_for_too_long(self, text):
        seconds = retry_after(header(text))
        assert seconds is None or 0 <= seconds <= RETRY_AFTER_CEILING

    @given(
        st.builds(
            "{} {} {} {}:{}:{} {}".format,
            st.integers(),
            st.sampled_from(["Jan", "Feb", "Dec"]),
            st.integers(),
            st.integers(-1, 99),
            st.integers(-1, 99),
            st.integers(),
            st.sampled_from(["GMT", "EST", ""]) | st.builds("{:+}".format, st.integers()),
        )
    )
    def test_nor_does_what_resembles_a_date(self, text):
        seconds = retry_after(header(text))
        assert seconds is None or 0 <= seconds <= RETRY_AFTER_CEILING
