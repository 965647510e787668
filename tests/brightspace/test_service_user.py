"""Service users sign in with a private key: nothing rotates."""

import sys

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bds_async.brightspace.auth import TokenRefresher, grant_for
from bds_async.brightspace.auth.service_user import ASSERTION_LIFE, ASSERTION_TYPE, client_assertion_grant
from bds_async.config import Config
from bds_async.errors import AuthorisationError, ConfigError, TransientError
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.scripted_auth import ScriptedAuth, grants, says

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
ENCODINGS = (Encoding.PEM, PrivateFormat.PKCS8)


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key.pem"
    path.write_bytes(KEY.private_bytes(*ENCODINGS, NoEncryption()))
    return path


def service_user(auth: ScriptedAuth, key_file, **more) -> Config:
    return auth.config(
        **{"client_secret": None, "refresh_token": None, "private_key_file": key_file, "key_id": "key-1", **more}
    )


class TestSandbox:
    """The sandbox verifies signature, key id, audience, expiry and single use."""

    @pytest.fixture
    async def sandbox(self):
        async with Sandbox(SandboxSettings(data_sets=0)) as running:
            running.register_key(KEY.public_key().public_bytes(*PUBLIC), "key-1")
            yield running

    def config(self, sandbox, key_file, **more) -> Config:
        keys = {"bspace_url": sandbox.tenant_url, "auth_service": sandbox.auth_url, "client_id": sandbox.client_id}
        return Config(**{**keys, "private_key_file": key_file, "key_id": "key-1", **more})

    async def test_the_refresher_renews_without_a_refresh_token(self, sandbox, key_file):
        async with TokenRefresher(grant_for(self.config(sandbox, key_file))) as refresher:
            await refresher.renew(await refresher.token())
        assert (sandbox.counters.exchanges, refresher.refreshes) == (2, 2)

    async def test_the_scope_of_the_config_is_what_is_granted(self, sandbox, key_file):
        token = await grant_for(self.config(sandbox, key_file, scope="datasets:bds:read")).exchange()
        assert token.scope == "datasets:bds:read"

    @pytest.mark.parametrize("wrong", [{"key_id": "key-2"}, {"client_id": "somebody else"}])
    async def test_a_wrong_key_or_client_is_refused_with_what_to_check(self, sandbox, key_file, wrong):
        with pytest.raises(AuthorisationError, match="check client_id, key_id and private_key_file"):
            await grant_for(self.config(sandbox, key_file, **wrong)).exchange()


class TestAssertion:
    async def test_it_says_who_to_whom_for_how_long_and_with_which_key(self, key_file):
        async with ScriptedAuth(grants("access")) as auth:
            token = await grant_for(service_user(auth, key_file)).exchange()
            form, url = auth.forms[0], f"{auth.url}/core/connect/token"
        assert token.value.get_secret_value() == "access"
        assert jwt.get_unverified_header(form["client_assertion"])["kid"] == "key-1"
        claims = jwt.decode(form["client_assertion"], KEY.public_key(), ["RS256"], audience=url)
        assert (claims["iss"], claims["sub"], claims["exp"] - claims["iat"]) == ("id", "id", ASSERTION_LIFE)

    async def test_the_form_is_client_credentials_without_basic(self, key_file):
        async with ScriptedAuth(grants()) as auth:
            await grant_for(service_user(auth, key_file)).exchange()
            assert auth.forms[0].keys() == {"grant_type", "client_assertion_type", "client_assertion"}
            assert auth.forms[0]["grant_type"] == "client_credentials"
            assert auth.forms[0]["client_assertion_type"] == ASSERTION_TYPE
            assert "Authorization" not in auth.headers[0]

    async def test_each_request_has_an_assertion_of_its_own(self, key_file):
        async with ScriptedAuth(grants()) as auth:
            grant = grant_for(service_user(auth, key_file, scope="datasets:bds:read"))
            await grant.exchange()
            await grant.exchange()
            ids = {jwt.decode(f["client_assertion"], options={"verify_signature": False})["jti"] for f in auth.forms}
            assert len(ids) == 2
            assert {form["scope"] for form in auth.forms} == {"datasets:bds:read"}

    async def test_no_file_but_the_key_is_needed_or_written(self, key_file):
        """Service users are meant for containers with read-only secrets."""
        async with ScriptedAuth(grants(refresh_token="ignored")) as auth:
            await grant_for(service_user(auth, key_file)).exchange()
        assert [path.name for path in key_file.parent.iterdir()] == ["key.pem"]


class TestRefused:
    @pytest.mark.parametrize(
        ("code", "text"),
        [
            ("invalid_client", "key_id and private_key_file.*JWKS.*clock"),
            ("invalid_grant", "key_id and private_key_file"),
            ("unauthorized_client", "service user; check it under Manage Extensibility"),
            ("invalid_scope", "the scope asks for more"),
            ("unheard_of", "key_id and private_key_file"),
        ],
    )
    async def test_every_refusal_says_which_it_was_and_what_to_do(self, key_file, code, text):
        async with ScriptedAuth(says(401, {"error": code})) as auth:
            with pytest.raises(AuthorisationError, match=rf"refused the service user \({code}\): .*{text}"):
                await grant_for(service_user(auth, key_file)).exchange()

    async def test_what_may_pass_is_transient(self, key_file):
        async with ScriptedAuth(says(503, b"")) as auth:
            with pytest.raises(TransientError):
                await grant_for(service_user(auth, key_file)).exchange()


class TestKey:
    async def refusal(self, key_file) -> str:
        async with ScriptedAuth(grants()) as auth:
            with pytest.raises(ConfigError) as caught:
                await grant_for(service_user(auth, key_file)).exchange()
            assert not auth.forms
        assert "PRIVATE" not in str(caught.value)
        return str(caught.value)

    async def test_a_file_that_is_not_there_is_named(self, tmp_path):
        assert "none.pem can't be read: No such file" in await self.refusal(tmp_path / "none.pem")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"not a key",
            b"-----BEGIN PRIVATE KEY-----\nMIIhush\n-----END PRIVATE KEY-----\n",
            KEY.private_bytes(*ENCODINGS, BestAvailableEncryption(b"passphrase")),
            KEY.public_key().public_bytes(*PUBLIC),
            ec.generate_private_key(ec.SECP256R1()).private_bytes(*ENCODINGS, NoEncryption()),
        ],
        ids=["empty", "text", "broken", "passphrase", "public", "elliptic"],
    )
    async def test_a_file_that_is_no_usable_key_is_named(self, key_file, content):
        key_file.write_bytes(content)
        assert "key.pem is not an RSA private key in PEM without a passphrase" in await self.refusal(key_file)

    async def test_a_key_that_was_replaced_is_read_again(self, key_file):
        async with ScriptedAuth(grants()) as auth:
            grant = grant_for(service_user(auth, key_file))
            await grant.exchange()
            other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            key_file.write_bytes(other.private_bytes(*ENCODINGS, NoEncryption()))
            await grant.exchange()
            url = f"{auth.url}/core/connect/token"
            jwt.decode(auth.forms[1]["client_assertion"], other.public_key(), ["RS256"], audience=url)

    @pytest.mark.parametrize("absent", ["private_key_file", "key_id"])
    def test_both_keys_of_the_config_are_needed(self, key_file, absent):
        keys = {"bspace_url": "https://school.example", "client_id": "x", "private_key_file": key_file, "key_id": "k"}
        with pytest.raises(ConfigError, match="needs both private_key_file and key_id"):
            client_assertion_grant(Config(**{**keys, absent: None}))


@pytest.mark.parametrize("module", ["jwt", "cryptography"])
def test_without_the_extra_the_error_says_how_to_install_it(key_file, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    config = Config(bspace_url="https://school.example", client_id="x", private_key_file=key_file, key_id="k")
    with pytest.raises(ConfigError, match=r"pip install 'bds-async\[service-user\]'"):
        grant_for(config)
