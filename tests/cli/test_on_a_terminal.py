"""The real command on a real terminal: what the screen shows during and after the run."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from tests.support.commands import bds
from tests.support.terminal import OnTerminal, on_controlling_terminal, on_terminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no pty")
#: A unit, a rate or a time alone on a line was wrapped.
WRAPPED = re.compile(r"^\s*([kMG]?B(/s)?|\d+:\d+)\s*$")


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_sets=8, scale=0.05)) as found:
        found.write_config(tmp_path / "config.json")
        yield found


def rows(terminal: OnTerminal) -> set[str]:
    """Every row that was ever on the screen."""
    return {line for frame in terminal.shown for line in frame}


@pytest.mark.parametrize("width", [40, 80, 200])
async def test_no_row_wraps_at_any_width_and_the_end_leaves_the_plan_and_the_summary(
    sandbox: Sandbox, tmp_path: Path, width: int
) -> None:
    terminal = await on_terminal("pull", "--workers", "2", width=width, cwd=tmp_path)
    assert await terminal.ends() == 0
    assert [row for row in rows(terminal) if WRAPPED.match(row)] == []
    last = "".join(terminal.screen.lines)
    assert last.startswith("8 extracts to fetch, about ")
    assert re.search(r"/bds-data: ?8 downloaded; [\d.]+ .B in [\d.]+ ?s\.$", last)


async def test_a_transfer_that_is_retried_says_so_and_verbose_lines_stand_above_the_rows(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.play(Fault.of("status", status=503, data_set="Users", first=2))
    terminal = await on_terminal("pull", "-v", width=120, cwd=tmp_path)
    assert await terminal.ends() == 0
    shown = terminal.screen.lines
    assert any(re.fullmatch(r"Users \(full, .*\): try 1 of 6 failed: .* answered 503\..*", line) for line in shown)
    assert sum(": published, " in line for line in shown) == 8
    assert not any(re.match(r"  \w.*\(full\) ", line) for line in shown), "no row is left behind"


async def test_ctrl_c_leaves_its_message_and_no_dead_row(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.play(Fault.of("trickle", rate=10))
    terminal = await on_controlling_terminal("pull", width=200, cwd=tmp_path)
    await terminal.until(lambda lines: any(re.match(r"  \w.*\(full\) ", line) for line in lines))
    terminal.press(b"\x03")
    assert await terminal.ends() == 130
    plan, stopping, summary, error = (line.removeprefix("^C") for line in terminal.screen.lines)
    assert plan.startswith("8 extracts to fetch")
    assert stopping == "Stopping; send SIGINT once more to end at once."
    assert "0 downloaded, 8 pending" in summary
    assert error == "bds-async: error: Stopped by SIGINT; run again to continue."


@pytest.mark.parametrize("command", [("list",), ("pull", "--dry-run"), ("sync", "--dry-run")])
async def test_the_reading_of_the_lists_is_shown_and_then_gone(
    sandbox: Sandbox, tmp_path: Path, command: tuple[str, ...]
) -> None:
    sandbox.play(Fault.of("status", status=429, retry_after=1, on="extracts", data_set="Users", first=1))
    terminal = await on_terminal(*command, width=80, cwd=tmp_path)
    assert await terminal.ends() == 0
    assert any(re.fullmatch(r"Reading extract lists: \d of 8", row) for row in rows(terminal))
    assert any(row.startswith("Waiting for the rate limit until ") for row in rows(terminal))
    assert not any("Reading" in line for line in terminal.screen.lines)


async def test_a_dumb_terminal_gets_lines(sandbox: Sandbox, tmp_path: Path) -> None:
    terminal = await on_terminal("pull", width=120, cwd=tmp_path, term="dumb")
    assert await terminal.ends() == 0
    plan, summary = terminal.screen.lines
    assert plan.startswith("8 extracts to fetch")
    assert "8 downloaded" in summary


async def test_elsewhere_there_are_lines_with_the_time_if_asked_and_none_with_quiet(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    done = await bds("pull", "--log-timestamps", cwd=tmp_path)
    assert [re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", "", line)[:8] for line in done.err.splitlines()] == [
        "8 extrac",
        f"{tmp_path}"[:8],
    ]
    again = await bds("pull", "-q", "--force", cwd=tmp_path)
    assert (again.code, again.out, again.err) == (0, "", "")
