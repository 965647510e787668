"""Signing in against the sandbox: prove that the token can be stored, store it, and make one call with it."""

import json
import logging
import re
import sys
from html import unescape
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from bds_async.brightspace.auth import TokenRefresher, grant_for
from bds_async.brightspace.login import REDIRECT_URI, prove_home, scope_to_ask_for, sign_in
from bds_async.brightspace.login.consent import Consent
from bds_async.config import Config
from bds_async.errors import AuthorisationError, CatalogueError, ConfigError, UnreachableError
from bds_async.sandbox import Fault, Sandbox, SandboxSettings

KEYS = {"bspace_url": "https://school.example", "client_id": "x", "client_secret": "hush"}


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.01)) as running:
        yield running


def config_of(sandbox: Sandbox, folder: Path, **keys: object) -> Config:
    """A config whose refresh token is still the sample's placeholder."""
    path = folder / "config.json"
    path.write_text(json.dumps({**sandbox.config(), "refresh_token": "<written by login>", **keys}, indent=2))
    path.chmod(0o600)
    return Config.load_for_login(path, {})


async def allowed(consent: Consent) -> SecretStr:
    """The code that a person's browser gets from the consent page."""
    async with aiohttp.ClientSession() as browser:
        async with browser.get(consent.page) as response:
            page = await response.text()
        form = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}
        where = consent.page.with_query(None)
        async with browser.post(where, data={**form, "decision": "allow"}, allow_redirects=False) as response:
            return consent.code_in(response.headers["Location"])


async def signed_in(config: Config, scope: str | None = None) -> int:
    consent = Consent.ask(config, REDIRECT_URI, scope_to_ask_for(config, scope))
    return await sign_in(config, consent, await allowed(consent))


async def test_a_consent_becomes_the_first_refresh_token_in_the_config(sandbox, tmp_path):
    config = config_of(sandbox, tmp_path, mine={"kept": [1, 2]})
    assert await signed_in(config) == 3
    path = tmp_path / "config.json"
    stored = json.loads(path.read_text())
    assert sandbox.is_live(stored["refresh_token"])
    assert list(stored) == [*sandbox.config(), "mine"]
    assert stored["mine"] == {"kept": [1, 2]}
    assert sys.platform == "win32" or path.stat().st_mode & 0o777 == 0o600


async def test_the_stored_token_is_good_for_the_runs_that_follow(sandbox, tmp_path):
    await signed_in(config_of(sandbox, tmp_path))
    token = await grant_for(Config.load(tmp_path / "config.json", {})).exchange()
    assert token.scope == "datasets:bds:read"


async def test_signing_in_spends_no_refresh_token(sandbox, tmp_path):
    """There is one exchange, that of the code: the refresh token just stored stays unspent."""
    await signed_in(config_of(sandbox, tmp_path))
    assert sandbox.counters.exchanges == 1


async def test_a_token_file_takes_the_token_and_the_config_stays_as_it_is(sandbox, tmp_path):
    config = config_of(sandbox, tmp_path, token_file="token")
    before = (tmp_path / "config.json").read_bytes()
    await signed_in(config)
    assert sandbox.is_live((tmp_path / "token").read_text().strip())
    assert (tmp_path / "config.json").read_bytes() == before


async def test_the_old_scopes_sign_in_by_the_old_routes(sandbox, tmp_path):
    scope = "datahub:dataexports:read datahub:dataexports:download"
    assert await signed_in(config_of(sandbox, tmp_path), scope) == 3


async def test_a_token_that_may_see_nothing_is_stored_and_says_what_is_missing(tmp_path):
    async with Sandbox(SandboxSettings(data_sets=1, scopes=frozenset({"core:users:read"}))) as sandbox:
        config = config_of(sandbox, tmp_path)
        with pytest.raises(AuthorisationError, match=r"datasets:bds:read.*Can access Brightspace Data Sets"):
            await signed_in(config, "core:users:read")
        assert sandbox.is_live(json.loads((tmp_path / "config.json").read_text())["refresh_token"])


async def test_a_tenant_that_is_not_one_is_told_after_the_token_is_stored(sandbox, tmp_path):
    sandbox.play(Fault.of("status", on="catalogue", status=404))
    config = config_of(sandbox, tmp_path)
    with pytest.raises(CatalogueError, match="check bspace_url"):
        await signed_in(config)
    assert sandbox.is_live(json.loads((tmp_path / "config.json").read_text())["refresh_token"])


async def test_an_api_version_that_the_tenant_does_not_know_is_a_config_error(sandbox, tmp_path):
    with pytest.raises(ConfigError, match=r"api_version 1\.99"):
        await signed_in(config_of(sandbox, tmp_path, api_version="1.99"))


async def test_an_auth_service_that_has_gone_leaves_the_config_alone(sandbox, tmp_path, monkeypatch):
    monkeypatch.setattr(TokenRefresher.__init__, "__kwdefaults__", {"first_patience": 0, "patience": 0})
    config = config_of(sandbox, tmp_path)
    consent = Consent.ask(config, REDIRECT_URI, "datasets:bds:read")
    code = await allowed(consent)
    before = (tmp_path / "config.json").read_bytes()
    await sandbox.go_away()
    with pytest.raises(UnreachableError):
        await sign_in(config, consent, code)
    assert (tmp_path / "config.json").read_bytes() == before


class TestProveHome:
    async def test_it_names_the_home_and_leaves_it_as_it_was(self, sandbox, tmp_path):
        config = config_of(sandbox, tmp_path)
        before = (tmp_path / "config.json").read_bytes()
        assert await prove_home(config) == tmp_path / "config.json"
        assert (tmp_path / "config.json").read_bytes() == before

    async def test_a_token_file_needs_not_be_there_yet(self, sandbox, tmp_path):
        assert await prove_home(config_of(sandbox, tmp_path, token_file="token")) == tmp_path / "token"
        assert not (tmp_path / "token").exists()

    async def test_a_home_without_a_folder_is_refused(self, sandbox, tmp_path):
        with pytest.raises(ConfigError, match="folder doesn't exist"):
            await prove_home(config_of(sandbox, tmp_path, token_file="nowhere/token"))

    async def test_a_config_that_is_read_only_is_refused(self, sandbox, tmp_path):
        config = config_of(sandbox, tmp_path)
        (tmp_path / "config.json").chmod(0o400)
        with pytest.raises(ConfigError, match="token_file"):
            await prove_home(config)

    async def test_an_environment_without_token_file_has_no_home(self, tmp_path):
        environ = {f"BDS_{key.upper()}": value for key, value in KEYS.items()}
        config = Config.load_for_login(tmp_path / "none.json", environ)
        with pytest.raises(ConfigError, match="set token_file"):
            await prove_home(config)

    async def test_a_service_user_needs_no_login(self, tmp_path):
        config = Config.model_validate(
            {**KEYS, "client_secret": None, "private_key_file": tmp_path / "key.pem", "key_id": "k"}
        )
        with pytest.raises(ConfigError, match="service user"):
            await prove_home(config)


class TestScope:
    def test_what_is_asked_for_comes_from_the_option_the_config_or_the_new_routes(self):
        plain, scoped = Config(**KEYS, token_file="t"), Config(**KEYS, token_file="t", scope="core:*:*")
        assert scope_to_ask_for(plain, None) == "datasets:bds:read"
        assert scope_to_ask_for(scoped, None) == "core:*:*"
        assert scope_to_ask_for(scoped, "core:*:* datasets:bds:read") == "core:*:* datasets:bds:read"

    def test_a_config_that_asks_for_more_is_warned_about(self, caplog):
        with caplog.at_level(logging.WARNING, "bds_async"):
            scope_to_ask_for(Config(**KEYS, token_file="t", scope="core:*:*"), "datasets:bds:read")
        assert "core:*:*" in caplog.text
