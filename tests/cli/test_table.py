"""Tables: whole in a pipe; on a narrow terminal moments become ages, and names are shortened last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bds_async.cli.output.table import age_text
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.builders import QUEUED
from tests.support.commands import bds
from tests.support.terminal import on_terminal


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    async with Sandbox(SandboxSettings(data_sets=8, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        yield tmp_path


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=-5), "0 s"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=47), "1 d"),
        (timedelta(hours=23), "23 h"),
    ],
)
def test_an_age_has_its_largest_unit(age: timedelta, text: str) -> None:
    assert age_text(QUEUED, QUEUED + age) == text


@pytest.mark.parametrize(
    ("width", "moments", "name"), [(120, True, "User Enrollments "), (80, False, "User Enrollments "), (64, False, "…")]
)
async def test_no_row_of_a_listing_wraps(folder: Path, width: int, moments: bool, name: str) -> None:
    terminal = await on_terminal("list", width=width, cwd=folder)
    assert await terminal.ends() == 0
    head, *rows, total = terminal.screen.lines
    assert (len(rows), total) == (8, "8 data sets.")
    assert ("full age" in head) is not moments
    assert any(name in row for row in rows)
    assert [line for line in (head, *rows) if len(line) > width] == []


async def test_a_pipe_gets_the_whole_table_in_the_wanted_order(folder: Path) -> None:
    rows = (await bds("list", "--sort", "name", cwd=folder)).out.splitlines()[1:-1]
    assert [row.partition("  ")[0] for row in rows] == sorted(row.partition("  ")[0] for row in rows)
    assert all("Z" in row for row in rows if "none yet" not in row)
    first = (await bds("list", "--sort", "size", cwd=folder)).out.splitlines()[1]
    largest = (await bds("list", "--sort", "size", "--json", cwd=folder)).out.splitlines()[0]
    assert first.partition("  ")[0] in largest
    assert (await bds("list", "--sort", "age", cwd=folder)).code == 0
