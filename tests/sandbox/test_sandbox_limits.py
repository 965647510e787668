"""The budget of credits and the signed links, with a clock that the tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.sandbox.api.rate_limit import RateLimit
from bds_async.sandbox.clock import Clock
from bds_async.sandbox.links import LinkSigner, packed, unpacked
from bds_async.sandbox.settings import SandboxSettings, todays_midnight

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def budget_of(**settings):
    clock = Clock(MOMENT)
    return clock, RateLimit(SandboxSettings(**settings), clock)


def query_of(text):
    return {name: values[0] for name, values in parse_qs(text).items()}


def test_a_window_holds_so_many_calls_and_no_more():
    clock, budget = budget_of(rate_credits=600, rate_window=10)
    assert sum(budget.charge() for _ in range(100)) == 60
    clock.advance(timedelta(seconds=9))
    assert not budget.charge()
    clock.advance(timedelta(seconds=1))
    assert budget.charge()
    assert budget.headers()["X-Rate-Limit-Remaining"] == "590"


def test_the_reset_counts_down_in_whole_seconds():
    clock, budget = budget_of(rate_window=60)
    budget.charge()
    assert budget.headers()["X-Rate-Limit-Reset"] == "60"
    clock.advance(timedelta(seconds=20))
    assert budget.headers()["X-Rate-Limit-Reset"] == "40"
    clock.advance(timedelta(seconds=60))
    assert budget.headers()["X-Rate-Limit-Reset"] == "0"


def test_waiting_as_long_as_retry_after_says_is_enough():
    for form in ("seconds", "date"):
        clock, budget = budget_of(rate_credits=10, rate_window=7, retry_after_form=form)
        assert budget.charge()
        assert not budget.charge()
        text = budget.retry_after()
        seconds = parsedate_to_datetime(text).timestamp() - clock.wall() if form == "date" else float(text)
        assert 0 < seconds <= 8
        clock.advance(timedelta(seconds=seconds))
        assert budget.charge()


@given(st.integers(1, 50), st.integers(0, 1000))
def test_credits_never_go_below_nothing(cost, credit):
    _, budget = budget_of(rate_credits=credit, request_cost=cost)
    passed = sum(budget.charge() for _ in range(40))
    assert passed == min(40, credit // cost)
    assert int(budget.headers()["X-Rate-Limit-Remaining"]) == credit - passed * cost


@given(st.from_regex(r"[0-9]{1,20}", fullmatch=True))
def test_link_ids_are_packed_and_read_back(link_id):
    assert unpacked(packed(link_id)) == link_id
    assert "=" not in packed(link_id)


@given(st.text(max_size=30))
def test_nonsense_for_a_link_id_is_read_as_text_or_nothing(text):
    assert isinstance(unpacked(text), str)


def test_the_link_id_of_the_documented_example():
    assert packed("1763782602") == "MTc2Mzc4MjYwMg"


def test_a_signature_is_good_for_its_path_and_its_time():
    clock = Clock(MOMENT)
    signer = LinkSigner(clock)
    query = query_of(signer.sign("/a", 60))
    assert signer.refusal("/a", query) is None
    assert signer.refusal("/b", query) == "SignatureDoesNotMatch"
    assert signer.refusal("/a", {**query, "Expires": "99999999999"}) == "SignatureDoesNotMatch"
    assert signer.refusal("/a", {}) == "SignatureDoesNotMatch"
    clock.advance(timedelta(seconds=61))
    assert signer.refusal("/a", query) == "AccessDenied"


def test_a_signature_of_another_sandbox_opens_nothing():
    clock = Clock(MOMENT)
    assert LinkSigner(clock).refusal("/a", query_of(LinkSigner(clock).sign("/a", 60))) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("uses", [0, 1, 3])
def test_a_link_for_so_many_uses(uses):
    signer = LinkSigner(Clock(MOMENT))
    query = query_of(signer.sign_for_uses("/a", 60, uses))
    outcomes = [signer.refusal("/a", query) for _ in range(uses + 2)]
    assert outcomes == [None] * uses + ["AccessDenied"] * 2


def test_the_clock_starts_at_the_last_midnight_unless_told():
    midnight = todays_midnight()
    assert (midnight.hour, midnight.minute, midnight.second, midnight.microsecond) == (0, 0, 0, 0)
    assert midnight.tzinfo is UTC
    assert timedelta() <= datetime.now(UTC) - midnight < timedelta(days=1, seconds=5)


def test_the_moment_is_in_utc_and_stands_still():
    from datetime import timezone

    clock = Clock(datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=5))))
    assert clock.moment() == clock.moment() == datetime(2026, 11, 22, 7, tzinfo=UTC)
    seconds, wall = clock.seconds(), clock.wall()
    clock.advance(timedelta(days=1))
    assert clock.seconds() - seconds >= 86_400
    assert clock.wall() - wall >= 86_400
