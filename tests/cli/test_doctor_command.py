"""`bds-async doctor`, the real command: its lines, its JSON, its exit codes, and no secret in either."""

import json

import pytest

from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from tests.cli.consenting import secrets_of
from tests.support.commands import bds


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxSettings(data_sets=4, scale=0.01)) as running:
        yield running


@pytest.fixture
def config(sandbox, tmp_path):
    path = tmp_path / "config.json"
    sandbox.write_config(path)
    return path


async def doctor(*arguments: object) -> tuple[int, str, str]:
    done = await bds("doctor", *arguments)
    return done.code, done.out, done.err


async def test_the_lines_say_what_was_found(config, tmp_path):
    code, out, err = await doctor("--config", config, "--to", tmp_path / "data")
    lines = out.splitlines()
    assert code == 0
    assert (
        lines[0] == f"ok       config         {config} is complete, for {json.loads(config.read_text())['bspace_url']}."
    )
    assert lines[-2] == "16 ok."
    assert err.startswith("The next check exchanges the refresh token")
    assert not (tmp_path / "data").exists()


async def test_a_failure_is_followed_by_what_to_do(sandbox, config, tmp_path):
    sandbox.revoke_refresh_tokens()
    code, out, _ = await doctor("--config", config, "--to", tmp_path / "data")
    lines = out.splitlines()
    failed = next(number for number, line in enumerate(lines) if line.startswith("failed"))
    assert code == 4
    assert "invalid_grant" in lines[failed]
    advice = lines[failed + 1].strip()
    assert "run `bds-async login --config " in lines[failed]
    assert advice == "-> Let no other program, and no copy of the config, use the same token."
    assert "8 ok, 1 failed, 7 skipped." in lines
    assert [line for line in lines if line.startswith("skipped")] == [
        "skipped  7 checks       Not checked after that: "
        "scope, permission, catalogue, extract lists, download, space, rate limit."
    ]


async def test_json_is_one_document(config, tmp_path):
    code, out, _ = await doctor("--json", "--config", config, "--to", tmp_path / "data")
    document = json.loads(out)
    assert (code, document["exit_code"], document["doctor_version"]) == (0, 0, 1)
    assert {tuple(check) for check in document["checks"]} == {("name", "status", "found", "to_do")}
    assert document["observations"]["full"]["range_is_honoured"] is True


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [Fault.of("status", on="catalogue", status=403)],
        [Fault.of("status", on="storage", status=403)],
        [Fault.of("foreign_links", on="extracts")],
        [Fault.of("status", on="token", status=400, body='{"error":"invalid_grant"}', content_type="application/json")],
    ],
)
@pytest.mark.parametrize("form", [["--json", "--log-format", "json"], []])
async def test_no_secret_is_in_any_output(sandbox, config, tmp_path, faults, form):
    """Neither tokens nor the client's secret nor signed links, even with -v, whichever check fails."""
    before = json.loads(config.read_text())["refresh_token"]
    sandbox.play(*faults)
    _, out, err = await doctor("-v", *form, "--config", config, "--to", tmp_path / "data")
    hush = [before, "Signature=", *secrets_of(sandbox)]
    assert not [secret for secret in hush if secret in out + err]


async def test_no_config_at_all_is_exit_2_and_still_a_document(tmp_path):
    code, out, _ = await doctor("--json", "--config", tmp_path / "none.json", "--to", tmp_path / "data")
    assert (code, json.loads(out)["tenant"]) == (2, None)


async def test_server_text_can_not_steer_the_terminal(sandbox, config, tmp_path):
    sandbox.play(Fault.of("rename", on="catalogue", name="Users\x1b[2J"), Fault.of("status", on="extracts", status=404))
    _, out, _ = await doctor("--config", config, "--to", tmp_path / "data")
    assert "\x1b" not in out


async def test_help_says_that_the_token_is_exchanged():
    code, out, _ = await doctor("--help")
    assert (code, "exchanges the refresh token once" in out) == (0, True)
