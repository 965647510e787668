"""`bds-async verify`, the real command: lines, JSON, exit codes, repair."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.commands import Done, bds
from tests.support.page_reader import read_page


@pytest.fixture
async def to(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder filled by a pull, with its config beside it and the sandbox running."""
    async with Sandbox(SandboxSettings(data_sets=5, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        await bds("pull", "--config", tmp_path / "config.json", "--to", tmp_path / "to", "-q")
        yield tmp_path / "to"


def files(to: Path) -> list[Path]:
    return sorted(to.glob("*/full/*.zip"))


async def verify(to: Path, *more: object) -> Done:
    return await bds("verify", "--to", to, *more, cwd=to.parent)


async def test_files_that_are_right_are_one_line_and_exit_code_0(to: Path) -> None:
    (to.parent / "config.json").unlink()
    done = await verify(to)
    assert (done.code, done.out) == (0, "5 files in the ledger: 5 right.\n")
    assert "5 files to verify" in done.err


async def test_quiet_leaves_stdout_alone(to: Path) -> None:
    done = await verify(to, "-q")
    assert (done.out, done.err) == ("5 files in the ledger: 5 right.\n", "")


async def test_each_bad_file_is_a_line_with_its_fault_and_exit_code_3(to: Path) -> None:
    gone, cut, swapped, *_ = files(to)
    swapped.write_bytes(cut.read_bytes())
    cut.write_bytes(cut.read_bytes()[:-1])
    gone.unlink()
    (to / "notes.txt").write_bytes(b"")
    done = await verify(to)
    lines = [line.split(": ")[0].split() for line in done.out.splitlines()]
    expected = [("missing", gone), ("corrupt", cut), ("changed", swapped), ("unknown", to / "notes.txt")]
    assert lines[:-2] == [[fault, path.relative_to(to).as_posix()] for fault, path in expected]
    assert done.out.splitlines()[-2:] == [
        "5 files in the ledger: 2 right, 1 missing, 1 changed, 1 corrupt.",
        "1 file in the folder that the ledger does not know.",
    ]
    assert done.code == 3


async def test_missing_and_unknown_files_alone_are_exit_code_0(to: Path) -> None:
    files(to)[0].unlink()
    (to / "notes.txt").write_bytes(b"")
    assert (await verify(to)).code == 0


async def test_json_is_one_document_with_what_was_delivered(to: Path) -> None:
    cut = files(to)[0]
    size = cut.stat().st_size
    cut.write_bytes(cut.read_bytes()[:-1])
    done = await verify(to, "--json")
    document = done.document()
    assert document["exit_code"] == done.code == 3
    assert document["totals"] == {
        **dict.fromkeys(("missing", "changed", "unknown", "repaired", "failed", "unlisted"), 0),
        "files": 5,
        "right": 4,
        "corrupt": 1,
    }
    (entry,) = document["files"]
    assert (entry["path"], entry["fault"]) == (cut.relative_to(to).as_posix(), "corrupt")
    assert entry["delivered"]["bytes"] == size
    assert entry["delivered"]["bds_type"] == "Full"
    assert entry["remedy"] is None


async def test_a_name_that_could_steer_a_terminal_is_shown_harmless(to: Path) -> None:
    (to / "x\x1b[31m.txt").write_bytes(b"")
    assert "\x1b" not in (await verify(to)).out
    assert "\x1b" not in (await verify(to, "--json")).out


async def test_repair_fetches_again_and_the_report_says_so(to: Path) -> None:
    cut, gone, *_ = files(to)
    right = cut.read_bytes()
    cut.write_bytes(right[:-1])
    gone.unlink()
    both = ("--report", to.parent / "run.json", "--html", to.parent / "run.html")
    done = await verify(to, "--repair", *both)
    assert done.code == 0
    assert done.out.count("[repaired]") == 2
    assert done.out.endswith("5 files in the ledger: 5 right.\nRepair: 2 fetched again.\n")
    assert cut.read_bytes() == right
    report = json.loads((to.parent / "run.json").read_text("utf-8"))
    assert (report["command"], report["exit_code"], report["totals"]["downloaded"]) == ("verify", 0, 2)
    assert "bds-async verify" in read_page((to.parent / "run.html").read_text("utf-8")).text
    assert (await verify(to)).out == "5 files in the ledger: 5 right.\n"


async def test_repair_that_is_of_no_use_says_why_in_lines_and_in_json(to: Path) -> None:
    """The tenant no longer lists the extract: the ledger names another version of it."""
    import sqlite3

    cut = files(to)[0]
    cut.write_bytes(cut.read_bytes()[:-1])
    ledger = sqlite3.connect(to / ".bds-async" / "ledger.sqlite3")
    ledger.execute("UPDATE extracts SET version = '1.0' WHERE path = ?", [cut.relative_to(to).as_posix()])
    ledger.commit()
    ledger.close()
    lines, document = await verify(to, "--repair"), (await verify(to, "--repair", "--json")).document()
    assert "[unlisted: Brightspace does not list it any more.]" in lines.out
    assert (lines.code, document["exit_code"], document["totals"]["unlisted"]) == (3, 3, 1)
    assert document["files"][0]["error"]


async def test_repair_needs_a_config(to: Path) -> None:
    (to.parent / "config.json").unlink()
    done = await verify(to, "--repair")
    assert (done.code, done.out) == (2, "")


async def test_a_report_without_repair_is_a_usage_error(to: Path) -> None:
    done = await verify(to, "--report", to.parent / "run.json")
    assert done.code == 2
    assert "--repair" in done.err


async def test_a_folder_that_is_not_there_is_exit_code_6(tmp_path: Path) -> None:
    done = await bds("verify", "--to", tmp_path / "to")
    assert (done.code, done.out) == (6, "")
    assert "mount" in done.err


async def test_max_time_ends_it_with_exit_code_3(to: Path) -> None:
    done = await verify(to, "--max-time", "0.000001")
    assert (done.code, done.out) == (3, "")
    assert "--max-time" in done.err
