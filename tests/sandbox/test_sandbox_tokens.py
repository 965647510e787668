"""The token store of the auth service, without the network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from bds_async.sandbox.auth.codes import CodeStore, Consent
from bds_async.sandbox.auth.scopes import covers, resolved
from bds_async.sandbox.auth.tokens import GrantRefused, TokenStore
from bds_async.sandbox.clock import Clock

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SCOPES = ["datasets:bds:read", "datahub:dataexports:read", "datahub:dataexports:download", "datahub:dataexports:*"]


class Books(RuleBasedStateMachine):
    """After any actions in any order, a refresh token is valid for one exchange, an access token for its lifetime."""

    live = Bundle("live")
    spent = Bundle("spent")
    access = Bundle("access")

    def __init__(self):
        super().__init__()
        self.clock = Clock(MOMENT)
        self.office = TokenStore(self.clock, 3600)
        self.expected = 0

    @rule(target=live)
    def consent(self):
        """A person consents."""
        self.expected += 1
        return self.office.new_refresh_token(SCOPES[0])

    @rule(token=consumes(live), target=spent)
    def exchange(self, token):
        """A live token is exchanged, and its successor can be exchanged in turn."""
        answer = self.office.exchange(token, None)
        assert answer["refresh_token"] != token
        self.office.exchange(answer["refresh_token"], SCOPES[0])
        return token

    @rule(token=spent)
    def exchange_again(self, token):
        """A spent token is refused."""
        assert not self.office.is_live(token)
        with pytest.raises(GrantRefused) as refused:
            self.office.exchange(token, None)
        assert refused.value.code == "invalid_grant"

    @rule(token=live)
    def ask_for_too_much(self, token):
        """A scope that was not granted is refused, and costs nothing."""
        with pytest.raises(GrantRefused) as refused:
            self.office.exchange(token, SCOPES[1])
        assert refused.value.code == "invalid_scope"
        assert self.office.is_live(token)

    @rule(target=access)
    def grant(self):
        """An access token is granted."""
        return self.office.grant_access(SCOPES[0])["access_token"], self.clock.seconds() + 3600

    @rule(token=access)
    def use(self, token):
        """An access token is valid until its expiry, and not longer."""
        found = self.office.access(token[0])
        if self.clock.seconds() < token[1] - 60:
            assert found.scope == SCOPES[0]
        elif self.clock.seconds() > token[1] + 60:
            assert found is None

    @rule(minutes=st.integers(1, 50))
    def wait(self, minutes):
        """Time passes."""
        self.clock.advance(timedelta(minutes=minutes))

    @invariant()
    def nothing_is_unknown_twice(self):
        """A token that was never issued is never accepted."""
        assert self.office.access("nonsense") is None
        assert not self.office.is_live("nonsense")


TestBooks = Books.TestCase


def test_expired_access_tokens_are_forgotten():
    clock = Clock(MOMENT)
    office = TokenStore(clock, 10)
    for _ in range(50):
        office.grant_access(SCOPES[0])
        clock.advance(timedelta(seconds=11))
    assert len(office._access) == 1


PLAIN = ["datasets:bds:read", "datahub:dataexports:read", "datahub:dataexports:download", "reporting:job:fetch"]
WILDCARDS = {
    "datahub:dataexports:*": PLAIN[1:3],
    "datahub:*:*": PLAIN[1:3],
    "datasets:*:*": PLAIN[:1],
    "*:*:*": PLAIN,
    "core:*:*": PLAIN,
}
SETS = st.sets(st.sampled_from(PLAIN))


@given(SETS, st.sets(st.sampled_from(list(WILDCARDS))), SETS)
def test_a_granted_wildcard_covers_the_scopes_that_it_names(plain, wildcards, wanted):
    held = plain.union(*(WILDCARDS[wildcard] for wildcard in wildcards))
    assert covers(" ".join({*plain, *wildcards}), " ".join(wanted)) is wanted.issubset(held)


@given(SETS, SETS, st.sets(st.sampled_from(list(WILDCARDS))))
def test_a_requested_wildcard_is_granted_as_far_as_the_application_goes(granted, wanted, wildcards):
    """A plain scope that was not granted is refused; a wildcard yields only what was granted."""
    found = resolved(" ".join(granted), " ".join({*wanted, *wildcards}))
    named = wanted.union(*(WILDCARDS[wildcard] for wildcard in wildcards)) & granted
    assert found == (" ".join(sorted(named)) if named and wanted <= granted else None)


def test_a_wildcard_within_a_granted_one_is_granted_as_it_is():
    assert resolved("datahub:*:*", "datahub:dataexports:*") == "datahub:dataexports:*"
    assert resolved("datahub:dataexports:*", "datahub:*:*") == "datahub:dataexports:*"


@pytest.mark.parametrize("life", [0, -1])
def test_a_code_without_life_is_never_good(life):
    office = CodeStore(Clock(MOMENT), life)
    code = office.issue(Consent("s", "https://x.example/", None))
    with pytest.raises(GrantRefused, match="expired"):
        office.redeem(code, "https://x.example/", None)


def test_old_codes_are_forgotten():
    clock = Clock(MOMENT)
    office = CodeStore(clock, 10)
    for _ in range(20):
        office.issue(Consent("s", "https://x.example/", None))
        clock.advance(timedelta(seconds=11))
    assert len(office._codes) == 1


@given(st.text(max_size=20))
def test_no_other_text_redeems_a_code(text):
    office = CodeStore(Clock(MOMENT), 100)
    code = office.issue(Consent("s", "https://x.example/", None))
    if text != code:
        with pytest.raises(GrantRefused):
            office.redeem(text, "https://x.example/", None)
    assert office.redeem(code, "https://x.example/", None) == "s"
