"""The command line of the mirror: exit codes, errors of a line or two, no passwords, and JSON."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from bds_async.cli.output.documents import MirrorDocument
from bds_async.errors import ConfigError
from bds_async.mirrors import Target
from bds_async.mirrors.databases import DuckDBEngine, demand_database
from bds_async.report import json_schema_of
from bds_async.workspace import workspace_of
from tests.support.commands import bds
from tests.support.deliveries import FULL, Deliveries

HEADER = ("OrgUnitId", "UserId", "RoleName")


@pytest.fixture
def delivered(tmp_path: Path) -> Deliveries:
    found = Deliveries(tmp_path / "data", "User Enrollments")
    found.full(0, HEADER, [(1, 1, "a"), (1, 2, "b")])
    return found


async def test_the_mirror_lies_in_the_folder_by_default(delivered: Deliveries) -> None:
    done = await bds("mirror", "--to", delivered.root)
    assert (done.code, done.complaints) == (0, [])
    assert re.fullmatch(r"1 extract, \d+ B, to apply to duckdb:.*mirror\.duckdb\.\n", done.err)
    assert "1 extract applied to 1 table of duckdb:" in done.out
    assert (delivered.root / "mirror.duckdb").is_file()
    again = await bds("mirror", "--to", delivered.root)
    target = f"duckdb:{delivered.root / 'mirror.duckdb'}"
    assert (again.out, again.err) == (f"0 extracts applied to 1 table of {target}.\n", "")


async def test_json_is_the_documented_format(delivered: Deliveries) -> None:
    done = await bds("mirror", "--to", delivered.root, "--json")
    document = json.loads(done.out)
    assert set(document) == set(json_schema_of(MirrorDocument)["properties"])
    (table,) = document["tables"]
    counts = {name: table[name] for name in ("table", "applied", "inserted", "updated", "deleted", "rejected")}
    assert counts == {
        "table": "user_enrollments",
        "applied": 1,
        "inserted": 2,
        "updated": 0,
        "deleted": 0,
        "rejected": 0,
    }
    assert table["complete_through"] == "2026-01-04T03:00:00.000Z"


async def test_a_dry_run_makes_no_database(delivered: Deliveries) -> None:
    done = await bds("mirror", "--to", delivered.root, "--dry-run")
    assert done.code == 0
    assert done.out.splitlines()[0].startswith("user_enrollments: UserEnrollments/full/")
    assert not (delivered.root / "mirror.duckdb").exists()


async def test_rejects_lead_to_3_and_are_named(delivered: Deliveries) -> None:
    delivered.deliver(delivered.extract(FULL, 1), b"OrgUnitId,UserId,RoleName\r\n1,x,a\r\n1,1,a\r\n")
    done = await bds("mirror", "--to", delivered.root)
    assert done.code == 3
    assert "1 value of User Enrollments went to _bds_rejects" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--into", "postgresql://me:hush@127.0.0.1/x"], 2, "--into holds a password"),
        (["--into", "duckdb:BDS.duckdb"], 2, "and its schema have one name"),
        (["--into", "mysql://x"], 2, "target 'mysql:…' is neither duckdb:PATH nor postgresql://"),
        (["--into", "foo"], 2, "target 'foo' is neither duckdb:PATH nor postgresql://"),
        (["--into", "me/hunter2:5432"], 2, "target is neither duckdb:PATH nor postgresql://"),
        (["--into", "postgresql://me@127.0.0.1:1/x"], 6, "cannot be reached"),
        (["--into", "duckdb:/nowhere/at/all.duckdb"], 6, "is not there"),
        (["--data-set", "Nothing"], 2, "Nothing"),
        (["--delete-limit", "101"], 2, "--delete-limit"),
    ],
)
async def test_what_cannot_work_is_one_clear_error(
    delivered: Deliveries, arguments: list[str], code: int, word: str
) -> None:
    done = await bds("mirror", "--to", delivered.root, *arguments)
    assert (done.code, word in done.err) == (code, True), done.err
    assert "hush" not in done.err + done.out
    assert "Traceback" not in done.err


async def test_a_password_in_the_environment_is_never_shown(delivered: Deliveries) -> None:
    done = await bds("mirror", "--to", delivered.root, "-v", BDS_MIRROR="postgresql://me:hush%21@127.0.0.1:1/x")
    assert done.code == 6
    assert "hush" not in done.err + done.out
    assert "me@127.0.0.1:1" in done.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mirror.duckdb", b"no database at all" * 1000),
        ("plain.json", b'{"a":1}\n'),
        ("plain.csv", b"a,b\n1,2\n"),
        ("empty.json", b""),
    ],
)
async def test_a_file_that_is_no_database_is_6_and_stays_as_it_is(
    delivered: Deliveries, tmp_path: Path, name: str, content: bytes
) -> None:
    """DuckDB itself would open a .json or .csv as data, and keep what is applied only in memory."""
    (tmp_path / name).write_bytes(content)
    for more in ([], ["--dry-run"], ["--dry-run", "--rebuild"]):
        done = await bds("mirror", "--to", delivered.root, "--into", f"duckdb:{tmp_path / name}", *more)
        (line,) = done.err.splitlines()
        assert (done.code, "it is no DuckDB database" in line, done.out) == (6, True, ""), line
    assert (tmp_path / name).read_bytes() == content


async def test_a_folder_in_place_of_the_database_is_6(delivered: Deliveries) -> None:
    (delivered.root / "mirror.duckdb").mkdir()
    done = await bds("mirror", "--to", delivered.root)
    assert (done.code, "is no DuckDB database" in done.err) == (6, True)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc")
async def test_a_database_that_cannot_be_made_is_6_and_says_what_to_do(delivered: Deliveries) -> None:
    done = await bds("mirror", "--to", delivered.root, "--into", "duckdb:/proc/x.duckdb")
    (line,) = done.err.splitlines()
    assert (done.code, "IO Error" in line) == (6, False)
    assert line.endswith("No such file or directory. Check its permissions, or name another file.")


async def test_a_damaged_database_is_6_not_one_that_another_program_has_open(delivered: Deliveries) -> None:
    """The text of DuckDB has the word block."""
    file = delivered.root / "mirror.duckdb"
    duckdb.connect(str(file)).close()
    body = bytearray(file.read_bytes())
    body[12] ^= 255
    file.write_bytes(body)
    done = await bds("mirror", "--to", delivered.root)
    assert (done.code, "cannot be opened: Corrupt database file" in done.err) == (6, True), done.err


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
async def test_a_database_that_cannot_be_looked_for_is_6(delivered: Deliveries, more: list[str]) -> None:
    done = await bds("mirror", "--to", delivered.root, "--into", f"duckdb:{delivered.root / ('x' * 300)}", *more)
    assert (done.code, "cannot be opened" in done.err) == (6, True), done.err


@pytest.mark.skipif(sys.platform == "win32", reason="the lock is not lost by closing the file")
async def test_looking_at_an_open_database_keeps_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "open.duckdb"
    engine = await DuckDBEngine.open(path, tmp_path / "scratch")
    try:
        demand_database(path)
        other = [sys.executable, "-c", f"import duckdb; duckdb.connect({str(path)!r})"]
        assert b"lock" in (await asyncio.to_thread(subprocess.run, other, capture_output=True)).stderr
    finally:
        await engine.close()


async def test_a_dry_run_leaves_out_what_cannot_be_applied_and_warns_as_the_mirror_does(tmp_path: Path) -> None:
    keyless, twice = Deliveries(tmp_path, "Reoffer Course", 1), Deliveries(tmp_path, "User Enrollments", 2)
    waiting = Deliveries(tmp_path, "Unheard Of", 3)
    for each, rows in ((keyless, [(1, 1, "a")]), (twice, [(1, 1, "a"), (1, 1, "b")])):
        each.full(0, HEADER, rows)
        each.diff(1, HEADER, [(1, 3, "c")])
    waiting.diff(1, HEADER, [(1, 3, "c")])
    before, applied, after = [
        await bds("mirror", "--to", tmp_path, *more) for more in (["--dry-run"], [], ["--dry-run"])
    ]
    assert [line.split(":")[0] for line in before.out.splitlines()[:-1]] == [
        "reoffer_course",
        "user_enrollments",
        "user_enrollments",
    ]
    assert after.out == f"0 extracts to apply to duckdb:{tmp_path / 'mirror.duckdb'}.\n"
    warned = [line for line in applied.err.splitlines() if "warning" in line]
    assert after.err.splitlines() == warned
    assert len(warned) == 3
    # A key that occurs twice is noticed only when the full is read.
    assert before.err.splitlines() == [line for line in warned if "its key is twice" not in line]


@pytest.mark.skipif(sys.platform == "win32", reason="the message differs")
async def test_a_database_that_another_program_has_open_is_75(delivered: Deliveries) -> None:
    with duckdb.connect(str(delivered.root / "mirror.duckdb")):
        done = await bds("mirror", "--to", delivered.root)
    assert done.code == 75
    assert "Another program has" in done.err


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
async def test_a_folder_without_deliveries_is_2(tmp_path: Path, more: list[str]) -> None:
    done = await bds("mirror", "--to", tmp_path, *more)
    assert (done.code, done.out) == (2, "")
    assert f"Nothing was delivered to {tmp_path}: run `bds-async sync --to {tmp_path}` first" in done.err


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--into", "duckdb:other.duckdb"]])
async def test_a_folder_that_is_not_there_is_6(tmp_path: Path, more: list[str]) -> None:
    absent = await bds("mirror", "--to", tmp_path / "absent", *more, cwd=tmp_path)
    assert (absent.code, absent.out) == (6, "")
    assert f"There is no folder {tmp_path / 'absent'}: mount it, or name the right one with --to." in absent.err
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@pytest.mark.parametrize(("is_moved", "code", "reason"), [(True, 6, "There is no folder"), (False, 2, "belongs to")])
async def test_a_state_folder_apart_from_a_vanished_or_another_destination_applies_nothing(
    delivered: Deliveries, tmp_path: Path, is_moved: bool, code: int, reason: str
) -> None:
    """A disk that is not mounted must not look like files that a loader took."""
    state, mirror, other = tmp_path / "state", tmp_path / "m.duckdb", tmp_path / "other"
    (delivered.root / ".bds-async").rename(state)
    workspace_of(delivered.root, state).claim()
    delivered.root.rename(tmp_path / "away") if is_moved else other.mkdir()
    to = delivered.root if is_moved else other
    done = await bds("mirror", "--to", to, "--state", state, "--into", f"duckdb:{mirror}")
    assert (done.code, done.out) == (code, "")
    assert reason in done.err
    assert not mirror.exists()


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
async def test_a_data_set_without_deliveries_is_named(delivered: Deliveries, more: list[str]) -> None:
    users = Deliveries(delivered.root, "Users", 2)
    users.full(0, ("UserId", "UserName"), [(1, "a")])
    users.unmark()
    done = await bds("mirror", "--to", delivered.root, "--data-set", "Users", *more)
    assert (done.code, done.out) == (2, "")
    assert f"Nothing of 'Users' was delivered to {delivered.root}: run" in done.err
    done = await bds("mirror", "--to", delivered.root, "--exclude", "User*", *more)
    assert (done.code, "--exclude leaves no chosen data set of those delivered" in done.err) == (2, True)


async def test_a_missing_file_can_be_fetched_again(delivered: Deliveries) -> None:
    """The warning names the command, with the options in use."""
    delivered.diff(1, HEADER, [(1, 3, "c")]).unlink()
    done = await bds("mirror", "--to", delivered.root, "--config", "c.json")
    assert done.code == 3
    command = f"`bds-async verify --repair --config c.json --to {delivered.root}`"
    assert f"is gone: put it back, or fetch it again with {command}, or wait for the next full" in done.err


async def test_parquet_is_not_read_and_the_way_to_zips_is_named(delivered: Deliveries) -> None:
    users = Deliveries(delivered.root, "Users", 2)
    extract = users.extract(FULL, 0)
    users.deliver(extract, b"PAR1", suffix=".parquet")
    done = await bds("mirror", "--to", delivered.root)
    assert (done.code, "1 extract applied" in done.out) == (3, True)
    assert "is Parquet, and a mirror reads zips and CSVs only: publish with --as zip from now on" in done.err
    chosen = f"--type all --data-set {extract.plugin_id} --to {delivered.root}"
    assert f"`bds-async pull --force --as zip {chosen}`" in done.err


async def test_a_keys_file_must_be_a_list_for_each_data_set(delivered: Deliveries, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"User Enrollments": "UserId"}', "utf-8")
    done = await bds("mirror", "--to", delivered.root, "--keys", keys)
    assert done.code == 2
    keys.write_text('{"Xyzzy": ["UserId"]}', "utf-8")
    for more in ([], ["--dry-run"]):
        done = await bds("mirror", "--to", delivered.root, "--keys", keys, *more)
        assert (done.code, "--keys names 'Xyzzy', which is no known data set" in done.err) == (2, True)
    keys.write_text('{"User Enrollments": ["UserId"]}', "utf-8")
    assert (await bds("mirror", "--to", delivered.root, "--keys", keys)).code == 0


def test_a_password_is_in_no_repr_and_no_address() -> None:
    target = Target.parse("postgresql://me:s%40t@host:5433/db?sslmode=require&password=x")
    assert target.password == "s@t"
    assert str(target) == "postgresql://me@host:5433/db?sslmode=require"
    assert "s@t" not in repr(target)


def test_the_password_for_an_address_comes_from_the_variable_if_it_names_the_same_database() -> None:
    address = "postgresql://me@host:5433/db"
    with_password = "postgresql://me:hush@host:5433/db"
    assert Target.find(address, None, {"BDS_MIRROR": with_password}).password == "hush"
    for other in ("postgresql://me:hush@host:5433/other", "duckdb:x", "nonsense", ""):
        assert Target.find(address, None, {"BDS_MIRROR": other}) == Target(address=address)


def test_a_wrong_target_is_quoted_but_not_one_of_the_environment() -> None:
    """A variable that is to hold a password may hold nothing else."""
    with pytest.raises(ConfigError, match="target in BDS_MIRROR is neither") as refused:
        Target.find(None, None, {"BDS_MIRROR": "hush"})
    assert "hush" not in str(refused.value)
    with pytest.raises(ConfigError, match=r"target 'data/x\.duckdb' is neither"):
        Target.find("data/x.duckdb", None, {})


@pytest.mark.parametrize(
    "text",
    [
        *("duckdb:", "postgresql:x", "sqlite:x", "postgresql://host:port/x"),
        *("me:hush@host/db", "hush@host", "postgres:me:hush@host/db", "host=a password=hush", "mysql://me:hush@h/x"),
        *("postgresql://me:12/hush@host/db", "postgresql://me:12?hush@host/db"),
        "postgresql://me@host/db?sslpassword=hush",
    ],
)
def test_an_odd_address_is_refused_without_showing_a_password(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Target.parse(text)
    assert "hush" not in str(refused.value)
