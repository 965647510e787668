"""`bds-async ledger` and `bds-async schema`, the real commands: lines, JSON, exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bds_async import Config, sync
from bds_async.ledger import Ledger
from bds_async.sandbox import Sandbox, SandboxSettings, SchemaChange
from tests.support.commands import Done, bds
from tests.support.places import ledger_path

NOW = datetime(2026, 3, 4, tzinfo=UTC)
CHANGES = (
    SchemaChange(NOW - timedelta(days=2), "9.5", "Users", append=("Nickname:nvarchar?",)),
    SchemaChange(NOW - timedelta(days=1), "10.0", "Users", remove=("Nickname",)),
)


def a_changing_tenant() -> SandboxSettings:
    """Two data sets with differentials; the columns of Users change twice."""
    return SandboxSettings(data_sets=2, scale=0.01, now=NOW, schema_changes=CHANGES)


@pytest.fixture
async def to(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder filled by a sync, with its config beside it and the sandbox running."""
    async with Sandbox(a_changing_tenant()) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        await sync(Config.load(tmp_path / "config.json", {}), tmp_path / "to")
        yield tmp_path / "to"


async def run(to: Path, *arguments: object) -> Done:
    done = await bds(*arguments, "--to", to, cwd=to.parent)
    assert done.complaints == []
    return done


def lines(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


async def test_show_is_a_table_with_a_line_for_each_data_set(to: Path) -> None:
    done = await run(to, "ledger", "show")
    heading, *rows = done.out.splitlines()
    assert heading.split()[:2] == ["data", "set"]
    assert [row.split("  ")[0] for row in rows] == ["User Enrollments", "Users"]
    assert "2026-03-03T04:" in rows[0]


async def test_show_json_says_how_complete_each_data_set_is(to: Path) -> None:
    (users,) = lines(await run(to, "ledger", "show", "--json", "--data-set", "users"))
    assert (users["data_set"], users["folder"], users["delivered"]) == ("Users", "Users", 4)
    assert users["complete_through"] == users["newest"]
    assert (users["owed"], users["open_gaps"]) == (0, 0)


async def test_export_is_a_line_for_each_delivery_and_needs_no_config(to: Path) -> None:
    (to.parent / "config.json").unlink()
    found = lines(await run(to, "ledger", "export"))
    assert len(found) == 8
    assert all((to / each["path"]).stat().st_size == each["bytes"] for each in found)
    assert {each["data_set"] for each in found} == {"Users", "User Enrollments"}
    assert all(each["delivered_at"].endswith("Z") for each in found)


async def test_unmark_then_mark_and_the_plan_follows(to: Path) -> None:
    done = await run(to, "ledger", "unmark", "--data-set", "Users", "--since", "2026-03-03")
    assert (done.code, "1 extract marked as not delivered" in done.err) == (0, True)
    (due,) = lines(await run(to, "sync", "--dry-run", "--json"))
    assert (due["data_set"], due["action"], due["arrival"]) == ("Users", "fetch", "new")
    (marked,) = lines(await run(to, "ledger", "mark", "--json", "--path", due["path"]))
    assert (marked["queued_for_processing_date"], marked["path"]) == (due["queued_for_processing_date"], None)
    assert (await run(to, "sync", "--dry-run", "--json")).out == ""


async def test_what_is_unmarked_is_printed_as_it_was_exported(to: Path) -> None:
    before = lines(await run(to, "ledger", "export"))
    done = await run(to, "ledger", "unmark", "--data-set", "*", "--json")
    assert lines(done) == before
    assert "8 extracts marked as not delivered" in done.err
    assert lines(await run(to, "ledger", "export")) == []


async def test_rebuild_says_what_it_found(to: Path) -> None:
    ledger = to / ".bds-async" / "ledger.sqlite3"
    ledger.unlink()
    (to / "Users" / "full" / "stray.txt").write_text("x")
    done = await run(to, "ledger", "rebuild")
    assert done.code == 0
    assert "8 files in the ledger as delivered" in done.err
    assert "Users/full/stray.txt is left out" in done.err
    assert len(lines(await run(to, "ledger", "export"))) == 8


async def test_an_emptied_ledger_delivers_nothing_again_and_is_made_anew_as_the_message_says(to: Path) -> None:
    ledger = to / ".bds-async" / "ledger.sqlite3"
    ledger.write_bytes(b"")
    done = await run(to, "sync")
    assert (done.code, "move it away and run `bds-async ledger rebuild --to " in done.err) == (6, True)
    ledger.rename(to.parent / "damaged.sqlite3")
    assert (await run(to, "ledger", "rebuild")).code == 0
    assert (await run(to, "sync", "--dry-run", "--json")).out == ""


async def test_unpin_and_accept_say_what_they_did(to: Path) -> None:
    assert "Users: the columns" in (await run(to, "ledger", "unpin", "--data-set", "Users")).err
    assert "0 gaps accepted" in (await run(to, "ledger", "accept", "--data-set", "*")).err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("unmark",), "--data-set '*' for all"),
        (("mark",), "--data-set '*' for all"),
        (("unmark", "--data-set", "Usres"), "Nothing that was delivered matches 'Usres'; did you mean 'Users'?"),
        (("show", "--data-set", "Nope"), "matches 'Nope'; `bds-async ledger show"),
        (("accept",), "--data-set"),
        (("unmark", "--since", "yesterday"), "ISO 8601"),
        (("unmark", "--path", "\udcff*"), "is not text"),
        (("mark", "--path", "\udcff*"), "is not text"),
        (("rebuild", "--report", "x.json"), "no run report"),
    ],
)
async def test_wrong_usage_is_exit_2_and_changes_nothing(to: Path, arguments: tuple[str, ...], said: str) -> None:
    done = await run(to, "ledger", *arguments)
    assert done.code == 2
    assert said in done.err
    with Ledger.read(ledger_path(to)) as ledger:
        assert len(list(ledger.deliveries.all())) == 8


@pytest.mark.parametrize("command", [("ledger", "show"), ("ledger", "export"), ("schema",)])
async def test_a_folder_that_is_not_there_is_exit_6(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = await bds(*command, "--to", tmp_path / "nothing")
    assert (done.code, done.out) == (6, "")


async def test_another_tenant_s_folder_is_exit_2(to: Path) -> None:
    async with Sandbox(SandboxSettings(data_sets=1, scale=0.01)) as other:
        other.write_config(to.parent / "config.json")
        assert (await run(to, "ledger", "mark", "--data-set", "*")).code == 2
        assert (await run(to, "sync")).code == 2


class TestSchema:
    async def test_it_shows_the_columns_and_each_change(self, to):
        done = await run(to, "schema", "--data-set", "Users")
        first, columns, *history = done.out.splitlines()
        assert first.startswith("Users: ")
        assert first.endswith("version 10.0")
        assert "UserId" in columns
        assert [line.split("  ")[3] for line in history] == [
            "first seen",
            "additive: added Nickname",
            "breaking: removed Nickname",
        ]

    async def test_as_json(self, to):
        users = next(each for each in lines(await run(to, "schema", "--json")) if each["data_set"] == "Users")
        assert (users["version"], users["pinned"]) == ("10.0", None)
        assert users["columns"] == users["history"][-1]["columns"]
        assert [entry["change"] and entry["change"]["kind"] for entry in users["history"]] == [
            None,
            "additive",
            "breaking",
        ]
        assert users["history"][1]["change"] == {"kind": "additive", "added": ["Nickname"], "removed": []}


class TestSync:
    async def test_dry_run_shows_what_would_come_and_how(self, to, tmp_path):
        done = await bds("sync", "--dry-run", "--to", tmp_path / "new", cwd=to.parent)
        assert done.code == 0
        assert "fetch (baseline)" in done.out
        assert "8 to fetch" in done.out
        assert not (tmp_path / "new").exists()

    async def test_again_it_has_nothing_to_do_and_quiet_says_nothing(self, to):
        done = await run(to, "sync", "-q", "--report", "run.json")
        assert (done.code, done.out, done.err) == (0, "", "")
        report = json.loads((to.parent / "run.json").read_text("utf-8"))
        assert (report["command"], report["extracts"], report["gaps"]) == ("sync", [], [])
        assert [each["data_set"] for each in report["data_sets"]] == ["Users", "User Enrollments"]
        assert all(each["complete_through"].startswith("2026-03-03T04:") for each in report["data_sets"])

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
    async def test_a_folder_whose_name_is_no_text_is_filled_as_any_other(self, to, tmp_path):
        odd = tmp_path / os.fsdecode(b"d\xff")
        done = await run(odd, "sync", "--report", "run.json")
        assert (done.code, len(list(odd.glob("[!.]*/*/*.zip")))) == (0, 8)
        assert (await run(odd, "verify")).code == 0

    async def test_strict_about_columns(self, to, tmp_path):
        done = await bds("sync", "--strict-schema", "--to", tmp_path / "new", cwd=to.parent)
        assert done.code == 3
        assert "breaks with the columns before it: removed Nickname" in done.err
        assert "exit code 3, by --strict-schema" in done.err.splitlines()[-1]

    @pytest.mark.parametrize("arguments", [("--pin-columns",), ("--json",), ("--since", "2026-01-01")])
    async def test_wrong_usage_is_exit_2(self, to, arguments):
        assert (await run(to, "sync", *arguments)).code == 2
