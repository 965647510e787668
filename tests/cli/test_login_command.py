"""`bds-async login`, the real command, from the consent page to the first refresh token."""

import asyncio
import json
import os
import signal
import socket
import sys
from tempfile import TemporaryFile

import pytest
from yarl import URL

from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from tests.cli.consenting import begin, config_file, consent, follow, login, secrets_of, stored_token
from tests.support.commands import ENVIRON
from tests.support.given_streams import fork_onto

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals are those of POSIX")


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.01)) as running:
        yield running


@pytest.fixture
def config(sandbox, tmp_path):
    return config_file(sandbox, tmp_path)


@pytest.fixture
def here():
    """A redirect address on this machine on which a listener can listen."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/callback"


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_a_pasted_address_signs_in(sandbox, config, log_format):
    """stdin is not a terminal here: one line is read. No output contains a secret, not even with -v."""
    async with login("--config", config, "-v", "--log-format", log_format) as command:
        address = await consent(command.page)
        code, out, err = await command.ends(f"{address}\n".encode())
    assert (code, out) == (0, "")
    assert f"Signed in to {sandbox.tenant_url}: 3 data sets are visible." in err
    assert sandbox.is_live(stored_token(config))
    assert not [secret for secret in secrets_of(sandbox, address) if secret in f"{command.page}{out}{err}"]
    assert log_format == "text" or all(json.loads(line)["message"] for line in err.splitlines())


async def test_the_default_redirect_address_is_https_and_the_scope_that_of_the_new_routes(config):
    async with login("--config", config) as command:
        assert command.page.query["redirect_uri"] == "https://localhost:8765/callback"
        assert command.page.query["scope"] == "datasets:bds:read"


async def test_the_scope_of_the_config_is_asked_for(sandbox, tmp_path):
    path = config_file(sandbox, tmp_path, scope="datahub:dataexports:read datahub:dataexports:download")
    async with login("--config", path) as command:
        assert command.page.query["scope"] == "datahub:dataexports:read datahub:dataexports:download"
        code, _, err = await command.ends(f"{await consent(command.page)}\n".encode())
    assert (code, "3 data sets are visible" in err) == (0, True)


async def test_the_browser_brings_the_code_to_a_loopback_address(sandbox, config, here):
    async with login("--config", config, "--redirect-uri", here) as command:
        address = await consent(command.page)
        page = await follow(address)
        await asyncio.wait_for(command.process.wait(), 60)
        code, out, err = await command.ends()
    assert code == 0
    assert "go back to the terminal" in page
    assert sandbox.is_live(stored_token(config))
    assert not [secret for secret in secrets_of(sandbox, address) if secret in f"{page}{out}{err}"]


async def test_the_paste_works_while_the_listener_waits(sandbox, config, here):
    """The browser may be on another machine, where nothing listens on the loopback address."""
    async with login("--config", config, "--redirect-uri", here) as command:
        code, _, _ = await command.ends(f"{await consent(command.page)}\n".encode())
    assert code == 0
    assert sandbox.is_live(stored_token(config))


async def test_the_listener_works_without_any_stdin(sandbox, config, here):
    async with login("--config", config, "--redirect-uri", here) as command:
        command.process.stdin.close()
        await follow(await consent(command.page))
        assert await asyncio.wait_for(command.process.wait(), 60) == 0
    assert sandbox.is_live(stored_token(config))


async def test_a_port_that_is_taken_leaves_the_paste(sandbox, config, here):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", URL(here).port))
        taken.listen()
        async with login("--config", config, "--redirect-uri", here) as command:
            code, _, err = await command.ends(f"{await consent(command.page)}\n".encode())
    assert (code, "paste the address instead" in err) == (0, True)


async def test_without_a_paste_it_says_what_was_wanted(config):
    async with login("--config", config) as command:
        code, _, err = await command.ends()
    assert (code, "line of stdin" in err) == (2, True)


async def test_a_consent_that_is_refused_is_exit_4(config):
    before = config.read_bytes()
    async with login("--config", config) as command:
        code, _, err = await command.ends(f"{await consent(command.page, 'deny')}\n".encode())
    assert (code, "consent was refused" in err) == (4, True)
    assert config.read_bytes() == before


async def test_a_refusal_reaches_the_listener_too(config, here):
    async with login("--config", config, "--redirect-uri", here) as command:
        page = await follow(await consent(command.page, "deny"))
        code, _, err = await command.ends()
    assert (code, "consent was refused" in err, "consent was refused" in page) == (4, True, True)


async def test_a_scope_that_the_application_lacks_is_exit_4(config):
    async with login("--config", config, "--scope", "core:users:write") as command:
        code, _, err = await command.ends(f"{await consent(command.page)}\n".encode())
    assert (code, "--scope" in err) == (4, True)


async def test_the_answer_to_another_consent_is_refused(sandbox, config):
    """The state is verified: no one can inject their own code."""
    async with login("--config", config) as other, login("--config", config) as command:
        foreign = await consent(other.page)
        code, _, err = await command.ends(f"{foreign}\n".encode())
    assert (code, "state differs" in err) == (2, True)
    assert foreign.query["code"] not in err
    assert not sandbox.counters.exchanges


async def test_a_code_is_bound_to_the_process_that_asked(sandbox, config):
    """PKCE: an intercepted code is useless to another process."""
    async with login("--config", config) as other, login("--config", config) as command:
        overheard = (await consent(other.page)).update_query(state=command.page.query["state"])
        code, _, err = await command.ends(f"{overheard}\n".encode())
    assert (code, "invalid_grant" in err) == (4, True)


async def test_a_wrong_client_secret_is_exit_4(sandbox, tmp_path):
    path = config_file(sandbox, tmp_path, client_secret="wrong-secret")
    async with login("--config", path) as command:
        code, _, err = await command.ends(f"{await consent(command.page)}\n".encode())
    assert (code, "invalid_client" in err, "wrong-secret" in err) == (4, True, False)


async def test_a_token_that_may_see_nothing_says_what_is_missing(sandbox, config):
    sandbox.play(Fault.of("status", on="catalogue", status=403))
    async with login("--config", config) as command:
        code, _, err = await command.ends(f"{await consent(command.page)}\n".encode())
    assert (code, "Can access Brightspace Data Sets" in err) == (4, True)
    assert sandbox.is_live(stored_token(config))


async def refused(*arguments, environ=None):
    """Check that the command ends by itself, without showing an address."""
    async with begin(*arguments, environ=environ) as process:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert out == b""
    return process.returncode, err.decode()


async def test_a_home_that_can_not_be_written_is_told_before_anybody_consents(sandbox, tmp_path):
    path = config_file(sandbox, tmp_path, token_file=str(tmp_path / "nowhere" / "token"))
    code, err = await refused("--config", path)
    assert (code, "token_file" in err) == (2, True)
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--redirect-uri", "http://school.example/"], "must be the https address"),
        (["--config", "nowhere.json"], "nowhere.json"),
        (["--nonsense"], "--nonsense"),
    ],
)
async def test_what_can_not_work_is_exit_2(config, arguments, words):
    code, err = await refused("--config", config, *arguments)
    assert (code, words in err) == (2, True)


class TestBrowser:
    """`BROWSER` names a program that records which page it should open."""

    @pytest.fixture
    def environ(self, tmp_path):
        script = tmp_path / "browser.py"
        script.write_text(f"import sys, pathlib; pathlib.Path({str(tmp_path / 'opened')!r}).write_text(sys.argv[1])")
        return {"BROWSER": f"{sys.executable} {script} %s"}

    @posix_only
    async def test_it_opens_the_page_where_there_is_one(self, config, environ, tmp_path):
        async with login("--config", config, environ=environ) as command:
            for _ in range(600):
                if (tmp_path / "opened").exists() and (tmp_path / "opened").read_text():
                    break
                await asyncio.sleep(0.05)
            assert (tmp_path / "opened").read_text() == str(command.page)

    async def test_no_browser_only_prints(self, config, environ, tmp_path):
        async with login("--config", config, "--no-browser", environ=environ) as command:
            code, _, _ = await command.ends(f"{await consent(command.page)}\n".encode())
        assert code == 0
        assert not (tmp_path / "opened").exists()

    async def test_a_browser_that_can_not_be_started_stops_nothing(self, config):
        async with login("--config", config, environ={"BROWSER": "/nowhere/browser"}) as command:
            code, _, _ = await command.ends(f"{await consent(command.page)}\n".encode())
        assert code == 0


@posix_only
class TestTerminal:
    """stdin is a terminal: the person has more than one try."""

    async def run_at_terminal(self, config, *pastes):
        controller, terminal = os.openpty()
        reads, writes = os.pipe()
        command = ["login", "--no-browser", "--config", str(config)]
        with TemporaryFile() as err, os.fdopen(reads) as shown:
            process = await fork_onto(command, config.parent, ENVIRON, [terminal, writes, err.fileno()])
            for descriptor in (terminal, writes):
                os.close(descriptor)
            page = URL((await asyncio.to_thread(shown.readline)).strip(), encoded=True)
            for paste in pastes:
                os.write(controller, f"{await paste(page)}\n".encode())
            code = await asyncio.wait_for(process.wait(), 60)
            os.close(controller)
            return code, os.pread(err.fileno(), 1 << 20, 0).decode()

    async def test_a_wrong_paste_is_followed_by_another_try(self, config):
        async def wrong(page):
            return "https://localhost:8765/callback?code=abc"

        async def blank(page):
            return ""

        code, err = await self.run_at_terminal(config, wrong, blank, consent)
        assert (code, err.count("state differs")) == (0, 1)

    async def test_a_refusal_ends_it_at_once(self, config):
        async def deny(page):
            return await consent(page, "deny")

        code, err = await self.run_at_terminal(config, deny)
        assert (code, "consent was refused" in err) == (4, True)


@posix_only
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_the_wait_for_the_person(config, number, code):
    before = config.read_bytes()
    async with login("--config", config) as command:
        command.process.send_signal(number)
        assert await asyncio.wait_for(command.process.wait(), 30) == code
    assert config.read_bytes() == before
