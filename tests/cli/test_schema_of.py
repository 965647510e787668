"""`bds-async schema-of`, and the real output of each command against it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bds_async import Config, sync
from bds_async.cli.schema_of import FORMATS
from bds_async.report import json_schema_of
from bds_async.sandbox import Fault, Sandbox
from tests.cli.test_ledger_command import a_changing_tenant
from tests.support.commands import Done, bds
from tests.support.machine import checked, checked_lines, checked_output


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(a_changing_tenant()) as running:
        yield running


@pytest.fixture
async def to(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A folder filled by a sync, with its config beside it."""
    sandbox.write_config(tmp_path / "config.json")
    await sync(Config.load(tmp_path / "config.json", {}), tmp_path / "to")
    return tmp_path / "to"


async def run(to: Path, *arguments: object, code: int = 0) -> Done:
    done = await bds(*arguments, "--to", to, cwd=to.parent)
    assert done.code == code, done.err
    return done


async def test_without_a_name_it_prints_the_names() -> None:
    done = await bds("schema-of")
    assert (done.code, done.out.split()) == (0, list(FORMATS))


async def test_another_name_is_exit_2_and_shows_the_names() -> None:
    done = await bds("schema-of", "reports")
    assert (done.code, done.out) == (2, "")
    assert "'run-report'" in done.err


@pytest.mark.parametrize("name", FORMATS)
async def test_what_is_printed_is_the_schema_of_the_class(name: str) -> None:
    done = await bds("schema-of", name)
    assert done.document() == json_schema_of(FORMATS[name])


@pytest.mark.parametrize("name", FORMATS)
def test_each_schema_is_one_and_says_what_it_describes(name: str) -> None:
    schema = json_schema_of(FORMATS[name])
    Draft202012Validator.check_schema(schema)
    assert schema["description"].endswith(".")
    assert set(schema["required"]) == set(schema["properties"])


def parts(schema: Any) -> list[dict[str, Any]]:
    return [schema, *schema.get("$defs", {}).values()]


@pytest.mark.parametrize("name", FORMATS)
def test_a_reader_of_today_s_schema_accepts_keys_that_come_later(name: str) -> None:
    assert all(part.get("additionalProperties", True) is not False for part in parts(json_schema_of(FORMATS[name])))


async def test_list(to: Path) -> None:
    done = await bds("list", "--json", cwd=to.parent)
    assert all(entry["extracts"] for entry in checked_lines("list", done.out))


@pytest.mark.parametrize(("command", "arrivals"), [("pull", {None}), ("sync", {"baseline", "new"})])
async def test_dry_run(to: Path, tmp_path: Path, command: str, arrivals: set[str | None]) -> None:
    done = await run(tmp_path / "new", command, "--dry-run", "--json", "--config", tmp_path / "config.json")
    assert {entry["arrival"] for entry in checked_lines("dry-run", done.out)} == arrivals


async def test_ledger(to: Path) -> None:
    assert len(checked_lines("ledger-export", (await run(to, "ledger", "export")).out)) == 8
    assert len(checked_lines("ledger-show", (await run(to, "ledger", "show", "--json")).out)) == 2
    unmarked = (await run(to, "ledger", "unmark", "--data-set", "*", "--json")).out
    assert len(checked_lines("ledger-export", unmarked)) == 8
    marked = checked_lines("ledger-export", (await run(to, "ledger", "mark", "--data-set", "*", "--json")).out)
    assert {entry["path"] for entry in marked} == {None}


async def test_schema(to: Path) -> None:
    changes = [
        entry["change"]
        for data_set in checked_lines("schema", (await run(to, "schema", "--json")).out)
        for entry in data_set["history"]
    ]
    assert {change and change["kind"] for change in changes} == {None, "additive", "breaking"}


async def test_mirror(to: Path) -> None:
    planned = checked_lines("mirror-dry-run", (await run(to, "mirror", "--dry-run", "--json")).out)
    applied = checked_output("mirror", await run(to, "mirror", "--json"))
    assert len(planned) == sum(table["applied"] for table in applied["tables"]) > 0


async def test_run_report(sandbox: Sandbox, to: Path, tmp_path: Path) -> None:
    sandbox.play(
        Fault.of("status", on="extracts", data_set="Users", status=404),
        Fault.of("status", on="download", data_set="User Enrollments", bds_type="Full", status=404),
    )
    config = ("--config", tmp_path / "config.json", "--report", tmp_path / "run.json")
    await run(tmp_path / "new", "sync", *config, code=3)
    report = checked("run-report", json.loads((tmp_path / "run.json").read_text("utf-8")))
    assert report["failed_lists"]
    assert {entry["status"] for entry in report["extracts"]} == {"failed", "downloaded"}
    assert report["started"] <= report["finished"]


async def test_doctor(to: Path) -> None:
    document = checked_output("doctor", await run(to, "doctor", "--json"))
    assert {check["status"] for check in document["checks"]} == {"ok"}


def fulls(to: Path) -> list[Path]:
    return sorted(to.glob("*/full/*.zip"))


async def test_verify(to: Path) -> None:
    bad, gone, *_ = fulls(to)
    bad.write_bytes(bad.read_bytes()[:-1])
    gone.unlink()
    (to / "notes.txt").touch()
    document = checked_output("verify", await run(to, "verify", "--json", code=3))
    assert [entry["fault"] for entry in document["files"]] == ["corrupt", "missing", "unknown"]
    repaired = checked_output("verify", await run(to, "verify", "--json", "--repair"))
    assert repaired["totals"]["repaired"] == 2
