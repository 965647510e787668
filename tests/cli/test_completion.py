"""Completion: each shell's script, and the program's answers to it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.commands import Done, bds


async def completed(words: str, cwd: Path, shell: str = "zsh") -> Done:
    """Ask for completions as the script of a shell does, with the last word unfinished."""
    count = len(words.split(" ")) - 1
    asked = {"_BDS_ASYNC_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    return await bds(cwd=cwd, **asked)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
async def test_a_script_names_the_program_and_its_variable(shell: str) -> None:
    done = await bds("completion", shell)
    assert done.code == 0
    assert "bds-async" in done.out
    assert f"_BDS_ASYNC_COMPLETE={shell}_complete" in done.out


async def test_an_unknown_shell_is_a_usage_error() -> None:
    done = await bds("completion", "tcsh")
    assert (done.code, "'bash', 'zsh', 'fish'" in done.err) == (2, True)


async def test_commands_and_options_are_completed(tmp_path: Path) -> None:
    assert "pull" in (await completed("bds-async pu", tmp_path)).out.split()
    assert "--workers" in (await completed("bds-async pull --wor", tmp_path)).out


async def test_data_sets_are_completed_where_a_ledger_knows_them(tmp_path: Path) -> None:
    assert (await completed("bds-async pull --data-set U", tmp_path)).out.strip() == ""
    async with Sandbox(SandboxSettings(data_sets=2, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        assert (await bds("pull", "--to", tmp_path / "to", cwd=tmp_path)).code == 0
    found = (await completed(f"bds-async pull --to {tmp_path / 'to'} --data-set user", tmp_path)).out.splitlines()
    assert [name for name in found if name.startswith("User")] == ["User Enrollments", "Users"]
    script = (await bds("completion", "bash")).out
    assert in_bash(script, "bds-async", "pull", "--to", str(tmp_path / "to"), "--data-set", "user") == [
        "User\\ Enrollments",
        "Users",
    ]


def in_bash(script: str, *words: str) -> list[str]:
    """What bash itself would insert for the last word, with the completion script loaded."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    program = Path(sys.executable).with_name("bds-async")
    asking = f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}"
    lines = (
        f"complete() {{ :; }}\n{script}\n{asking}\n_bds_async_completion {program}\n"
        + 'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return subprocess.run([bash, "-c", lines], check=True, capture_output=True, text=True).stdout.splitlines()
