"""The real command, and its messages as a person reads them in a mail: one clear line for what matters."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from tests.support.commands import Done, bds
from tests.support.given_streams import FULL, bds_onto, full_device, without_a_reader


class Tenant:
    """A small running sandbox, its config, and a folder."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self.home = home
        self.to = home / "to"
        sandbox.write_config(home / "config.json")

    async def bds(self, *arguments: object, **environ: str) -> Done:
        """Run a command against it, in a folder with nothing except its config."""
        return await bds(*arguments, cwd=self.home, **environ)

    async def pull(self, *arguments: object, command: str = "pull") -> Done:
        """Run a pull into the folder."""
        return await self.bds(command, "--to", self.to, *arguments)


@pytest.fixture
async def tenant(tmp_path: Path) -> AsyncIterator[Tenant]:
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.01)) as sandbox:
        yield Tenant(sandbox, tmp_path)


async def test_the_summary_names_the_folder_and_a_second_pull_says_that_all_is_there(tenant: Tenant) -> None:
    first = await tenant.bds("pull")
    assert f"{tenant.home / 'bds-data'}: 3 downloaded; " in first.err
    again = await tenant.bds("pull")
    assert again.err.splitlines()[0] == "Nothing to fetch; 3 extracts already there."


@pytest.mark.parametrize(
    ("command", "arguments", "why"),
    [
        ("pull", ("--exclude", "*"), "--exclude leaves no data set"),
        ("sync", ("--exclude", "*"), "--exclude leaves no data set"),
        ("pull", ("--since", "2999-01-01"), "no full was queued since 2999-01-01T00:00:00Z; the newest is of 20"),
    ],
)
async def test_an_empty_choice_says_why(tenant: Tenant, command: str, arguments: tuple[Any, ...], why: str) -> None:
    done = await tenant.pull(*arguments, command=command)
    assert done.code == 0
    assert f"Nothing to fetch: {why}" in done.err
    preview = await tenant.pull(*arguments, "--dry-run", command=command)
    assert f"Nothing to fetch: {why}" in preview.out
    warned = (
        "bds-async: warning: --exclude ('*') leaves out every data set that the tenant lists: change the patterns.\n"
    )
    assert preview.err == (warned if "--exclude" in arguments else "")
    assert (warned in done.err) == ("--exclude" in arguments)


async def test_a_sync_with_nothing_new_says_so(tenant: Tenant) -> None:
    await tenant.pull(command="sync")
    done = await tenant.pull(command="sync")
    assert done.err.splitlines()[0] == "Nothing to fetch: nothing new since the last sync."


@pytest.mark.parametrize("is_left", [False, True])
async def test_a_dry_run_names_only_the_gaps_that_the_sync_would_leave(tenant: Tenant, is_left: bool) -> None:
    """Differentials of 40 days have expired; the newest full, which covers them, may not be listed yet."""
    await tenant.pull(command="sync")
    tenant.sandbox.advance(timedelta(days=40))
    if is_left:
        fields = ("DownloadLink", "CreatedDate")
        tenant.sandbox.play(
            *(Fault.of("set_field", on="extracts", bds_type="Full", field=field, value=None) for field in fields)
        )
    preview = await tenant.pull("--dry-run", command="sync")
    done = await tenant.pull(command="sync")
    assert ("may have been missed" in preview.err, "may have been missed" in done.err) == (is_left, is_left)
    assert done.code == (3 if is_left else 0)


async def test_one_is_singular(tenant: Tenant) -> None:
    one = ("--data-set", "Users")
    assert (await tenant.bds("list", *one)).out.splitlines()[-1] == "1 data set."
    assert (await tenant.pull(*one)).err.startswith("1 extract to fetch, about ")
    assert (await tenant.bds("verify", "--to", tenant.to)).out == "1 file in the ledger: 1 right.\n"
    assert (await tenant.bds("ledger", "unmark", "--to", tenant.to, *one)).err == "1 extract marked as not delivered.\n"


@pytest.mark.parametrize("command", ["pull", "sync"])
async def test_csv_where_zips_were_delivered_is_said_to_stay_away(tenant: Tenant, command: str) -> None:
    await tenant.pull()
    done = await tenant.pull("--as", "csv", command=command)
    (said,) = [line for line in done.err.splitlines() if "delivered as zip" in line]
    assert said.startswith("bds-async: warning: 3 extracts delivered as zip before will not come again as csv: ")
    assert "folder of its own" in said
    (command,) = re.findall(r"`bds-async ([^`]*)`", said)
    assert done.code == 0
    preview = await tenant.pull("--as", "csv", "--dry-run", command="pull")
    assert "3 extracts delivered as zip" in preview.err
    forced = await tenant.bds(*shlex.split(command))
    assert "delivered as" not in forced.err
    assert "3 downloaded" in forced.err
    verified = await tenant.bds("verify", "--to", tenant.to)
    assert len(re.findall(r"\.zip: the ledger has this extract as \S+\.csv; remove this file if", verified.out)) == 3


async def test_verbose_tells_each_failed_try_and_the_summary_counts_the_retries(tenant: Tenant) -> None:
    tenant.sandbox.play(
        Fault.of("status", status=503, on="extracts", data_set="Users", first=1),
        Fault.of("status", status=503, data_set="Users", first=2),
        Fault.of("status", status=429, retry_after=0, on="download", data_set="User Enrollments", first=1),
        Fault.of("corrupt", data_set="User Enrollments", first=1),
    )
    done = await tenant.pull("-v")
    assert done.code == 0
    for told in (
        r"^The extract list of Users: try 1 of 6 failed: \S+ answered 503\. Next try in \d+\.\d s\.$",
        r"^Users \(full, \S+\): try 1 of 6 failed: 127\.0\.0\.1 answered 503\. Next try in \d+\.\d s\.$",
        r"^Users \(full, \S+\): try 2 of 6 failed: 127\.0\.0\.1 answered 503\. Next try in \d+\.\d s\.$",
        r"^User Enrollments \(full, \S+\): asked to wait: \S+ answered 429 .* Next try in \d+\.\d s\.$",
        r"^User Enrollments \(full, \S+\): the received file is no whole zip: .*$",
        r"^Waiting 0 s: 127\.0\.0\.1 asked to wait \(429\)$",
    ):
        assert re.search(told, done.err, re.MULTILINE), told
    assert ": 3 downloaded, 5 retries; " in done.err.splitlines()[-1]


async def test_without_it_they_are_counted_alone(tenant: Tenant) -> None:
    tenant.sandbox.play(Fault.of("status", status=503, data_set="Users", first=1))
    done = await tenant.pull()
    assert len(done.err.splitlines()) == 2
    assert ": 3 downloaded, 1 retry; " in done.err


@pytest.mark.parametrize("command", [("verify",), ("verify", "--repair"), ("ledger", "show"), ("schema",)])
async def test_a_folder_that_nothing_was_delivered_to_is_a_wrong_one(tenant: Tenant, command: tuple[str, ...]) -> None:
    (tenant.home / "other").mkdir()
    (tenant.home / "other" / "notes.txt").touch()
    done = await tenant.bds(*command, "--to", "other")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("bds-async: error: other is no folder of bds-async")
    assert [path.name for path in (tenant.home / "other").iterdir()] == ["notes.txt"]


async def test_a_folder_whose_ledger_holds_no_delivery_says_so(tenant: Tenant) -> None:
    assert (await tenant.pull("--data-set", "Userz")).code == 2
    done = await tenant.bds("ledger", "show", "--to", tenant.to)
    assert (done.code, done.out, done.err) == (0, "Nothing was delivered yet.\n", "")
    assert (await tenant.bds("ledger", "show", "--to", tenant.to, "--json")).out == ""


async def test_a_pattern_without_a_delivery_is_said_to_match_nothing_delivered(tenant: Tenant) -> None:
    await tenant.pull("--data-set", "Users")
    for command in (["schema"], ["schema", "--ddl", "duckdb"], ["mirror"], ["mirror", "--dry-run"]):
        done = await tenant.bds(*command, "--to", tenant.to, "--data-set", "Nope")
        assert done.code == 2
        assert done.err.startswith("bds-async: error: Nothing that was delivered matches 'Nope'; `bds-async ledger")


def closed(state: Path) -> None:
    state.chmod(0)


def circular(state: Path) -> None:
    state.rename(state.with_name("moved"))
    state.symlink_to(state)


@pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(closed, marks=pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may")),
        circular,
    ],
)
async def test_a_state_folder_that_cannot_be_read_is_not_said_to_be_missing(
    tenant: Tenant, change: Callable[[Path], None]
) -> None:
    await tenant.pull("--data-set", "Users")
    change(tenant.to / ".bds-async")
    for command in (["verify"], ["ledger", "show"], ["schema"], ["verify", "--state", "other"]):
        done = await tenant.bds(*command, "--to", tenant.to)
        assert (done.code, done.out) == (6, "")
        assert "ledger.sqlite3 cannot be used (" in done.err


async def test_a_folder_that_is_not_there_is_said_not_to_be(tenant: Tenant) -> None:
    done = await tenant.bds("verify", "--to", "nowhere")
    assert (done.code, done.out) == (6, "")
    assert done.err.startswith("bds-async: error: There is no folder nowhere")


async def test_mark_and_unmark_say_how_many_and_with_json_which(tenant: Tenant) -> None:
    await tenant.pull()
    (delivered, *_) = (await tenant.bds("ledger", "export", "--to", tenant.to)).out.splitlines()
    queued = json.loads(delivered)["queued_for_processing_date"]
    ledger = ("--to", tenant.to, "--since", queued, "--until", queued)
    for correction, words in (("unmark", "not delivered"), ("mark", "delivered")):
        plain = await tenant.bds("ledger", correction, *ledger)
        assert (plain.out, plain.err) == ("", f"1 extract marked as {words}.\n")
    for correction in ("unmark", "mark"):
        (line,) = (await tenant.bds("ledger", correction, *ledger, "--json")).out.splitlines()
        assert json.loads(line)["queued_for_processing_date"] == queued


@pytest.mark.parametrize("command", [(), ("ledger",)])
async def test_help_lists_each_command_with_a_whole_sentence(command: tuple[str, ...]) -> None:
    done = await bds(*command, "--help")
    lines = done.out.partition("Commands:\n")[2].splitlines()
    assert len(lines) >= 7
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []


async def test_tables_have_whole_seconds_and_no_trailing_blanks(tenant: Tenant) -> None:
    await tenant.pull("--type", "all")
    for command in (("list",), ("pull", "--dry-run"), ("ledger", "show"), ("schema",)):
        folder = () if command == ("list",) else ("--to", tenant.to)
        out = (await tenant.bds(*command, *folder)).out
        assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", out)
        assert ".000Z" not in out
        assert [line for line in out.splitlines() if line != line.rstrip()] == []


async def through_shell(tenant: Tenant, command: str, tail: str) -> tuple[int, str]:
    """Exit code and stderr of a command whose stdout a shell redirects."""
    line = f"{sys.executable} -m bds_async {command} {tail}; exit ${{PIPESTATUS[0]}}"
    process = await asyncio.create_subprocess_exec(
        "/bin/bash", "-c", line, cwd=tenant.home, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, err.decode()


#: Commands that write to stdout in different ways.
COMMANDS = ["list", "--version", "list --json", "pull --help", "doctor -q"]


def is_said_to_be_full(code: int, err: str) -> bool:
    return (code, err.count("\n")) == (6, 1) and "Standard output can't be written: No space left on device" in err


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
async def test_a_full_disk_under_stdout_is_exit_code_6_and_one_line(tenant: Tenant) -> None:
    assert is_said_to_be_full(*await through_shell(tenant, "list", f"> {FULL}"))
    for command in COMMANDS:
        with full_device() as stdout:
            done = await bds_onto(*command.split(), cwd=tenant.home, stdout=stdout)
        assert is_said_to_be_full(done.code, done.err), command


@pytest.mark.skipif(os.name != "posix", reason="a shell")
async def test_a_closed_stdout_is_nothing_to_speak_of(tenant: Tenant) -> None:
    """It is closed before the start, and so becomes the null device, or by its reader."""
    for tail in (">&-", "| true"):
        assert await through_shell(tenant, "list", tail) == (0, ""), tail
    for command in COMMANDS:
        with without_a_reader() as stdout:
            done = await bds_onto(*command.split(), cwd=tenant.home, stdout=stdout)
        assert (done.code, done.err) == (0, ""), command
