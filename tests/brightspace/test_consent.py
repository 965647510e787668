"""One consent: the address of its page, and which redirects count as its answer."""

from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bds_async.brightspace.login.consent import Consent, ForeignRedirect, challenge, redirect_address
from bds_async.config import Config
from bds_async.errors import AuthorisationError, ConfigError

REDIRECT = "https://localhost:8765/callback"
CONFIG = Config(bspace_url="https://school.example", client_id="the client", client_secret="hush", refresh_token="old")


def asked(redirect_uri: str = REDIRECT) -> Consent:
    return Consent.ask(CONFIG, redirect_uri, "datasets:bds:read core:*:*")


def answered(consent: Consent, **query: str) -> str:
    return f"{REDIRECT}?{urlencode({'state': consent.state, **query})}"


def test_the_page_is_asked_as_rfc_6749_and_rfc_7636_say():
    consent = asked()
    parts = urlsplit(str(consent.page))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "auth.brightspace.com", "/oauth2/auth")
    assert parse_qs(parts.query) == {
        "response_type": ["code"],
        "client_id": ["the client"],
        "redirect_uri": [REDIRECT],
        "scope": ["datasets:bds:read core:*:*"],
        "state": [consent.state],
        "code_challenge": [challenge(consent.verifier.get_secret_value())],
        "code_challenge_method": ["S256"],
    }


def test_the_challenge_is_that_of_the_example_in_rfc_7636():
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_each_consent_has_a_state_and_a_verifier_of_its_own_and_long_enough():
    consents = [asked() for _ in range(20)]
    assert len({consent.state for consent in consents}) == 20
    assert len({consent.verifier.get_secret_value() for consent in consents}) == 20
    assert all(43 <= len(consent.verifier.get_secret_value()) <= 128 for consent in consents)


def test_the_verifier_is_neither_in_the_page_nor_in_the_repr():
    consent = asked()
    verifier = consent.verifier.get_secret_value()
    assert verifier not in str(consent.page)
    assert verifier not in repr(consent)


@pytest.mark.parametrize(
    "address",
    ["https://localhost:8765", "https://LOCALHOST:443/x%2fy/?tenant=1", "http://127.0.0.1:80/callback"],
)
def test_the_redirect_address_is_sent_letter_by_letter(address):
    """Auth services compare it with the registered one as text, so it must not be normalised."""
    assert parse_qs(urlsplit(str(asked(address).page)).query)["redirect_uri"] == [address]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost:8765",
        "callback",
        "http://school.example/callback",
        "https://",
        "https:///callback",
        "https://localhost:8765/callback#part",
        "https://localhost:notaport/",
        "https://[bad/",
        "urn:ietf:wg:oauth:2.0:oob",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_cannot_be_registered_is_refused(address):
    with pytest.raises(ConfigError, match="redirect-uri"):
        redirect_address(address)


@pytest.mark.parametrize("form", ["{}", "  {}\r", '"{}"', "'{}'", "<{}>", "{}#", "{}#_=_"])
def test_the_code_is_found_in_whatever_way_the_address_was_copied(form):
    consent = asked()
    assert consent.code_in(form.format(answered(consent, code="a+b/c=")) + "\n") == SecretStr("a+b/c=")


def test_the_query_alone_is_enough():
    consent = asked()
    assert consent.code_in(urlsplit(answered(consent, code="abc")).query) == SecretStr("abc")


@pytest.mark.parametrize("state", ["", "other", "ä", "\ud800"])
def test_another_state_is_not_the_answer_to_this_consent(state):
    """A code or an error that this process did not request does not count (RFC 6749 section 10.12)."""
    consent = asked()
    for what in ("code=abc", "error=access_denied"):
        with pytest.raises(ForeignRedirect, match="state differs"):
            consent.code_in(f"{REDIRECT}?{what}&state={quote(state, errors='replace')}")


def test_a_code_without_state_does_not_count():
    with pytest.raises(ForeignRedirect):
        asked().code_in(f"{REDIRECT}?code=abc")


@pytest.mark.parametrize("twice", ["code", "state"])
def test_a_parameter_that_comes_twice_makes_the_answer_void(twice):
    consent = asked()
    again = {"code": "other", "state": consent.state}[twice]
    with pytest.raises(ForeignRedirect):
        consent.code_in(f"{answered(consent, code='abc')}&{twice}={again}")


def test_an_answer_without_a_code_asks_for_the_whole_address():
    consent = asked()
    with pytest.raises(ForeignRedirect, match="holds no code"):
        consent.code_in(answered(consent))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("access_denied", "consent was refused"),
        ("invalid_scope", "not registered for this scope"),
        ("unauthorized_client", "Manage Extensibility"),
        ("unsupported_response_type", "auth_service"),
        ("invalid_request", "redirect-uri"),
        ("server_error", "later"),
        ("temporarily_unavailable", "later"),
        ("interaction_required", "interaction_required"),
        ("<script>", "script"),
    ],
)
def test_a_refusal_is_told_in_words(error, words):
    consent = asked()
    with pytest.raises(AuthorisationError, match=words) as caught:
        consent.code_in(answered(consent, error=error))
    assert "bds-async login" in str(caught.value) or "--scope" in str(caught.value)
    assert caught.value.exit_code == 4
    assert "<" not in str(caught.value)


def test_what_the_auth_service_adds_is_shown_bounded_and_without_control_characters():
    consent = asked()
    with pytest.raises(AuthorisationError) as caught:
        consent.code_in(answered(consent, error="server_error", error_description="a\x1b[31m\nb" + "x" * 1000))
    assert "a\\x1b[31m\\nb" in str(caught.value)
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


@given(st.text())
def test_no_text_is_an_answer_that_does_not_hold_the_state(text):
    """Any text that is pasted by mistake is refused in the same way."""
    with pytest.raises(ForeignRedirect):
        asked().code_in(text)


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_code_survives_the_way_through_an_address_and_no_message_quotes_it(code):
    consent = asked()
    assert consent.code_in(answered(consent, code=code)).get_secret_value() == code
    with pytest.raises(ForeignRedirect) as caught:
        asked().code_in(answered(consent, code=f"secret-{code}"))
    assert "secret-" not in str(caught.value)
