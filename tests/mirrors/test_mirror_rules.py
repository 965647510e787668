"""The rules of the mirror, each with an example, in both databases."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from bds_async.errors import ConfigError, TargetBusy
from bds_async.mirrors.sql.pieces import naive
from tests.support.deliveries import DIFFERENTIAL, FULL, Deliveries, at
from tests.support.mirror_places import Place

HEADER = ("OrgUnitId", "UserId", "RoleName", "IsActive", "EnrollmentDate")
TABLE = "user_enrollments"


@pytest.fixture
def enrollments(tmp_path: Path) -> Deliveries:
    return Deliveries(tmp_path / "data", "User Enrollments")


def moment(hours: float) -> object:
    return naive(at(hours))


def test_a_full_and_its_differentials_give_the_current_state(enrollments: Deliveries, place: Place) -> None:
    """Rows are inserted, updated and deleted; both moments say when."""
    header = ("OrgUnitId", "UserId", "RoleName")
    enrollments.full(0, header, [(1, 1, "a"), (1, 2, "b"), (1, 3, "c")])
    enrollments.diff(24, header, [(1, 2, "B"), (1, 4, "d"), (1, 1, "a")])
    enrollments.full(168, header, [(1, 2, "B"), (1, 4, "d")])
    report = place.mirror(enrollments.root)
    assert report.exit_code == 0
    rows = {row["user_id"]: row for row in place.table(TABLE)}
    assert {key: row["role_name"] for key, row in rows.items()} == {2: "B", 4: "d"}
    assert rows[2]["_bds_queued"] == moment(168)
    assert rows[2]["_bds_changed"] == moment(24)
    applied = place.query("SELECT * FROM {s}._bds_applied ORDER BY queued")
    assert [(row["rows"], row["inserted"], row["updated"], row["deleted"]) for row in applied] == [
        (3, 3, 0, 0),
        (3, 1, 2, 0),
        (2, 0, 2, 2),
    ]


def by_user(place: Place) -> dict[int, dict[str, object]]:
    return {row["user_id"]: row for row in place.table(TABLE)}


def test_names_and_types_are_those_of_the_contract(enrollments: Deliveries, place: Place) -> None:
    """snake_case names, typed values, empty is NULL, and text that says NULL is text."""
    header = ("OrgUnitId", "UserId", "RoleName", "EnrollmentDate", "NewThing")
    enrollments.full(0, header, [(1, 2, "NULL", "2026-01-02T03:04:05.1234567Z", ""), (1, "3", "", "", "x")])
    place.mirror(enrollments.root)
    rows = by_user(place)
    assert list(rows[2])[:5] == ["org_unit_id", "user_id", "role_name", "enrollment_date", "new_thing"]
    assert [rows[2]["org_unit_id"], rows[2]["role_name"], rows[2]["new_thing"]] == [1, "NULL", None]
    assert rows[2]["enrollment_date"] == datetime(2026, 1, 2, 3, 4, 5, 123456)
    assert (rows[3]["role_name"], rows[3]["new_thing"]) == (None, "x")


def test_every_type_of_the_registry_is_converted(tmp_path: Path, place: Place) -> None:
    users = Deliveries(tmp_path / "data", "Activity Feed Post Objects")
    columns = ("OrgUnitId", "PostId", "IsDeleted", "LastModified", "Content", "Version")
    guid = "E9F0EA4A-3169-4DBB-9E6B-E979FC1620A9"
    users.full(0, columns, [("-5", guid, "True", "0001-01-01 00:00:00", 'say "hi"\r\nthere', "9223372036854775807")])
    users.diff(1, columns, [("7", guid.lower(), "0", "9999-12-31T23:59:59.999999999+00:00", "é", "2")])
    report = place.mirror(users.root)
    assert report.exit_code == 0
    (row,) = place.table("activity_feed_post_objects")
    assert (row["org_unit_id"], row["post_id"], row["is_deleted"]) == (7, UUID(guid), False)
    assert row["last_modified"] == datetime(9999, 12, 31, 23, 59, 59, 999999)
    assert (row["content"], row["version"]) == ("é", 2)


def test_what_does_not_fit_goes_to_the_rejects(enrollments: Deliveries, place: Place) -> None:
    """A bad value is NULL; a row without a usable key or with other fields is omitted; all are named with a line."""
    data = (
        b"\xef\xbb\xbfOrgUnitId,UserId,RoleName,EnrollmentDate\r\n"
        b'1,1,"two\r\nlines",yesterday\r\n'
        b"1,,x,\r\n"
        b"1,2\r\n"
        b"1,3,\xff,2026-02-30T00:00:00Z\r\n"
        b"1,4,fine,\r\n"
        b"1,1.5,x,\r\n"
    )
    enrollments.deliver(enrollments.extract(FULL, 0), data)
    report = place.mirror(enrollments.root)
    assert report.exit_code == 3
    assert set(by_user(place)) == {1, 3, 4}
    assert by_user(place)[3]["role_name"] is None
    rejects = place.query("SELECT line, column_name, value, reason FROM {s}._bds_rejects ORDER BY line, column_name")
    assert [tuple(row.values()) for row in rejects] == [
        (2, "EnrollmentDate", "yesterday", "does not fit datetime2"),
        (4, None, "1,,x,", "the key column UserId is empty"),
        (5, None, "1,2", "has 2 fields, the header has 4"),
        (6, "EnrollmentDate", "2026-02-30T00:00:00Z", "does not fit datetime2"),
        (6, "RoleName", "\\xff", "is not UTF-8"),
        (8, None, "1,1.5,x,", "the key column UserId does not fit int"),
    ]
    (applied,) = place.query("SELECT rows, inserted, rejected FROM {s}._bds_applied")
    assert tuple(applied.values()) == (6, 3, 6)
    assert place.mirror(enrollments.root).exit_code == 0


def test_the_highest_version_of_a_key_wins_then_the_later_line(tmp_path: Path, place: Place) -> None:
    sessions = Deliveries(tmp_path / "data", "Attendance User Sessions")
    header = ("UserId", "AttendanceSessionId", "SchemeSymbolId", "Version")
    sessions.diff(0, header, [(1, 1, 5, 9), (1, 1, 6, 10), (1, 1, 7, 2), (2, 1, 8, 3), (2, 1, 9, 3)])
    place.mirror(sessions.root)
    rows = place.table("attendance_user_sessions")
    assert {row["user_id"]: row["scheme_symbol_id"] for row in rows} == {1: 6, 2: 9}


def test_keys_are_compared_by_value(tmp_path: Path, place: Place) -> None:
    """Letter case, trailing blanks and a seventh digit make different keys; leading zeros and a zone do not."""
    logs = Deliveries(tmp_path / "data", "Course Access Log")
    header = ("OrgUnitId", "UserId", "Timestamp", "Source")
    first = "2026-01-01T00:00:00.1234567Z"
    logs.full(0, header, [(1, 2, first, "Web"), (1, 2, first, "web"), (1, 2, first, "web "), (1, 2, first[:-2], "web")])
    logs.diff(1, header, [("01", "002", "2026-01-01 00:00:00.12345670", "Web")])
    report = place.mirror(logs.root)
    assert report.tables[0].key_source == "registry"
    assert len(place.table("course_access_log")) == 4
    (diff,) = place.query("SELECT inserted, updated FROM {s}._bds_applied WHERE bds_type = 'Differential'")
    assert tuple(diff.values()) == (0, 1)


def test_a_key_column_that_may_be_empty_counts(tmp_path: Path, place: Place) -> None:
    answers = Deliveries(tmp_path / "data", "Survey User Answers")
    key = ("AttemptId", "QuestionId", "QuestionVersionId")
    header = (*key, "SortOrder")
    answers.full(0, header, [(1, 1, "", 5), (1, 1, 2, 6)])
    answers.diff(1, header, [(1, 1, "", 7)])
    assert place.mirror(answers.root).exit_code == 0
    rows = {row["question_version_id"]: row["sort_order"] for row in place.table("survey_user_answers")}
    assert {key: str(value) for key, value in rows.items()} == {None: "7", 2: "6"}


def test_rows_outside_of_the_window_stay(tmp_path: Path, place: Place) -> None:
    """Their first moment in file order is before the window, or they have none."""
    progress = Deliveries(tmp_path / "data", "Content User Progress")
    header = ("ContentObjectId", "UserId", "CompletedDate", "LastVisited")
    rows = [(1, 1, "2023-12-31T00:00:00Z", "2026-01-01T00:00:00Z"), (1, 2, "", "2024-01-01T00:00:00Z"), (1, 3, "", "")]
    progress.full(0, header, rows)
    progress.full(168, header, [(9, 9, "", "")])
    place.mirror(progress.root)
    assert {row["user_id"] for row in place.table("content_user_progress")} == {1, 3, 9}


def test_the_guard_holds_a_full_back_until_it_is_allowed(enrollments: Deliveries, place: Place) -> None:
    """Later extracts are applied meanwhile; with a higher limit the full takes its place in the order."""
    header = ("OrgUnitId", "UserId", "RoleName")
    enrollments.full(0, header, [(1, user, "a") for user in range(100)])
    enrollments.full(24, header, [(1, user, "a") for user in range(70)])
    enrollments.diff(48, header, [(1, 99, "late")])
    for _ in range(2):
        report = place.mirror(enrollments.root)
        assert report.exit_code == 3
        assert "--delete-limit 31" in report.tables[0].problems[0].text
        assert len(place.table(TABLE)) == 100
    assert place.mirror(enrollments.root, delete_limit=30).exit_code == 0
    assert set(by_user(place)) == {*range(70), 99}
    assert by_user(place)[99]["_bds_changed"] == moment(48)


def test_a_held_full_is_forgotten_when_a_later_one_is_applied(enrollments: Deliveries, place: Place) -> None:
    header = ("OrgUnitId", "UserId", "RoleName")
    enrollments.full(0, header, [(1, user, "a") for user in range(100)])
    enrollments.full(24, header, [(1, 1, "a")])
    assert place.mirror(enrollments.root).exit_code == 3
    enrollments.full(48, header, [(1, user, "b") for user in range(100)])
    assert place.mirror(enrollments.root).exit_code == 0
    assert len(place.table(TABLE)) == 100


def test_a_full_of_the_size_of_the_cap_deletes_nothing(
    enrollments: Deliveries, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bds_async.mirrors.apply.CAPPED_ROWS", 2)
    monkeypatch.setattr("bds_async.mirrors.following.CAPPED_ROWS", 2)
    header = ("OrgUnitId", "UserId", "RoleName")
    enrollments.full(0, header, [(1, 1, "a"), (1, 2, "a")])
    enrollments.full(24, header, [(1, 3, "a"), (1, 4, "a")])
    report = place.mirror(enrollments.root)
    assert set(by_user(place)) == {1, 2, 3, 4}
    assert any("cap" in note for note in report.tables[0].notes)


def test_a_data_set_without_a_known_key_is_replaced_by_each_full(tmp_path: Path, place: Place) -> None:
    unknown = Deliveries(tmp_path / "data", "Reoffer Course")
    unknown.full(0, ("A", "B"), [(1, "x"), (1, "x")])
    unknown.diff(1, ("A", "B"), [(2, "y")])
    unknown.full(2, ("A", "B"), [(3, "z")])
    report = place.mirror(unknown.root)
    assert [(row["a"], row["b"]) for row in place.table("reoffer_course")] == [("3", "z")]
    assert (report.exit_code, report.tables[0].passed_over) == (0, 1)
    assert "no key is known" in report.tables[0].notes[0]


def test_appended_columns_are_added_and_removed_ones_stay(enrollments: Deliveries, place: Place) -> None:
    enrollments.full(0, ("OrgUnitId", "UserId", "RoleName"), [(1, 1, "a"), (1, 2, "b")])
    place.mirror(enrollments.root)
    enrollments.diff(1, ("OrgUnitId", "UserId", "RoleName", "RoleId"), [(1, 3, "c", 7)])
    enrollments.diff(2, ("OrgUnitId", "UserId", "RoleId"), [(1, 4, 8)], version="10.1")
    place.mirror(enrollments.root)
    rows = {key: (row["role_name"], row["role_id"]) for key, row in by_user(place).items()}
    assert rows == {1: ("a", None), 2: ("b", None), 3: ("c", 7), 4: (None, 8)}


def test_deleted_rows_are_kept_where_that_is_asked_for(enrollments: Deliveries, place: Place) -> None:
    """They show when they were first missing, until they return."""
    header = ("OrgUnitId", "UserId", "RoleName")
    enrollments.full(0, header, [(1, 1, "a"), (1, 2, "b")])
    enrollments.full(24, header, [(1, 1, "a")])
    enrollments.full(48, header, [(1, 1, "a")])
    place.mirror(enrollments.root, keep_deleted=True)
    assert by_user(place)[2]["_bds_deleted"] == moment(24)
    enrollments.diff(72, header, [(1, 2, "b")])
    place.mirror(enrollments.root)
    row = by_user(place)[2]
    assert (row["_bds_deleted"], row["_bds_changed"]) == (None, moment(72))


def test_keep_deleted_is_refused_for_tables_that_exist(enrollments: Deliveries, place: Place) -> None:
    enrollments.full(0, ("OrgUnitId", "UserId", "RoleName"), [(1, 1, "a")])
    place.mirror(enrollments.root)
    with pytest.raises(ConfigError, match="add `rebuild`"):
        place.mirror(enrollments.root, keep_deleted=True)
    place.mirror(enrollments.root, keep_deleted=True, rebuild=True)
    assert by_user(place)[1]["_bds_deleted"] is None


def test_a_rebuild_that_ends_right_after_the_drop_is_continued_with_its_settings(
    enrollments: Deliveries, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables are dropped and settings replaced in one transaction."""
    enrollments.full(0, ("OrgUnitId", "UserId", "RoleName"), [(1, 1, "a")])
    place.mirror(enrollments.root)

    async def end(*_: object) -> None:
        """End the mirror, as a kill would."""
        raise RuntimeError("ended")

    with monkeypatch.context() as patched:
        patched.setattr("bds_async.mirrors.run._Mirror._remember", end)
        with pytest.raises(RuntimeError, match="ended"):
            place.mirror(enrollments.root, keep_deleted=True, rebuild=True)
    place.mirror(enrollments.root)
    assert by_user(place)[1]["_bds_deleted"] is None


@pytest.mark.parametrize("chosen", [(), ("User Enrollments",)])
def test_a_rebuild_that_leaves_a_table_out_cannot_begin_to_keep_deleted_rows(
    tmp_path: Path, place: Place, chosen: tuple[str, ...]
) -> None:
    """It says which data set is left out and why, and drops nothing."""
    enrollments, users = Deliveries(tmp_path, "User Enrollments", 1), Deliveries(tmp_path, "Users", 2)
    enrollments.full(0, ("OrgUnitId", "UserId"), [(1, 1)])
    users.full(0, ("UserId", "UserName"), [(1, "a")])
    place.mirror(tmp_path)
    if not chosen:
        users.unmark()
    why = (
        "leaves out Users: rebuild all" if chosen else "leaves out Users, of which nothing is delivered: run `bds-async"
    )
    with pytest.raises(ConfigError, match=why):
        place.mirror(tmp_path, keep_deleted=True, rebuild=True, data_set=chosen)
    assert len(place.table(TABLE)) == 1
    users.full(0, ("UserId", "UserName"), [(1, "a")])
    assert place.mirror(tmp_path, keep_deleted=True, rebuild=True).exit_code == 0


def test_keys_are_corrected_and_remembered(enrollments: Deliveries, place: Place) -> None:
    header = ("OrgUnitId", "UserId", "RoleName")
    enrollments.full(0, header, [(1, 1, "a"), (1, 2, "a")])
    place.mirror(enrollments.root)
    with pytest.raises(ConfigError, match="add `rebuild`"):
        place.mirror(enrollments.root, keys={"User Enrollments": ["UserId"]})
    place.mirror(enrollments.root, keys={"User Enrollments": ["UserId"]}, rebuild=True)
    enrollments.diff(1, header, [(2, 1, "b")])
    place.mirror(enrollments.root)
    assert by_user(place)[1]["org_unit_id"] == 2
    (row,) = place.query("SELECT key, key_source FROM {s}._bds_tables")
    assert tuple(row.values()) == ("user_id", "keys file")
    with pytest.raises(ConfigError, match="no such column"):
        place.mirror(enrollments.root, keys={"User Enrollments": ["Usr"]})


def test_keys_may_name_any_data_set_that_is_known_or_was_delivered(tmp_path: Path, place: Place) -> None:
    """Whether this run mirrors it or not; a name that neither the registry nor the ledger knows is refused."""
    unheard, users = Deliveries(tmp_path, "Unheard Of", 1), Deliveries(tmp_path, "Users", 2)
    for each in (unheard, users):
        each.full(0, ("UserId", "UserName"), [(1, "a")])
    place.mirror(tmp_path, data_set=("Users",), keys={"unheardof": ["UserId"], "Grade Results": ["UserId"]})
    for name, near in (("Userz", "did you mean 'Users'"), ("Unherd Of", "did you mean 'Unheard Of'")):
        with pytest.raises(ConfigError, match=f"`keys` names '{name}', which is no known data set; {near}"):
            place.mirror(tmp_path, keys={name: ["UserId"]})


def test_a_missing_file_is_named_until_a_later_full_is_applied(enrollments: Deliveries, place: Place) -> None:
    header = ("OrgUnitId", "UserId", "RoleName")
    enrollments.full(0, header, [(1, 1, "a")])
    enrollments.diff(1, header, [(1, 2, "b")]).unlink()
    enrollments.diff(2, header, [(1, 3, "c")])
    report = place.mirror(enrollments.root)
    assert report.exit_code == 3
    assert set(by_user(place)) == {1, 3}
    assert report.tables[0].complete_through == at(0)
    enrollments.full(24, header, [(1, 1, "a"), (1, 2, "b"), (1, 3, "c")])
    report = place.mirror(enrollments.root)
    assert (report.exit_code, report.tables[0].complete_through) == (0, at(24))


@pytest.mark.parametrize(("suffix", "changed"), [(".zip", 0.5), (".zip", 1.0), (".csv", 0.5)])
def test_a_changed_file_is_not_applied(enrollments: Deliveries, place: Place, suffix: str, changed: float) -> None:
    """Its size is the ledger's, its content or the directory of the zip is not."""
    file = enrollments.deliver(enrollments.extract(FULL, 0), b"OrgUnitId,UserId\r\n1,1\r\n", suffix=suffix)
    body = bytearray(file.read_bytes())
    body[int((len(body) - 1) * changed)] ^= 1
    file.write_bytes(body)
    report = place.mirror(enrollments.root)
    assert report.exit_code == 3
    assert report.tables[0].problems[0].kind == "changed"
    assert "fetch it again with `bds-async verify --repair`" in report.tables[0].problems[0].text
    assert not place.query("SELECT * FROM {s}._bds_applied")


def refused_at(real: Callable[..., Any], file: Path, number: int) -> Callable[..., Any]:
    """A method of Path that fails for one file with an errno."""

    def refuse(path: Path, *arguments: Any, **named: Any) -> Any:
        """Fail as the system does."""
        if path == file:
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments, **named)

    return refuse


@pytest.mark.parametrize(
    ("method", "number", "advice"),
    [
        ("stat", errno.EACCES, "let this user read it, or wait for the next full of Users."),
        ("open", errno.EACCES, "let this user read it, or wait for the next full of Users."),
        ("open", errno.EIO, "put it back, or fetch it again with"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_other_tables_are_applied(
    tmp_path: Path, place: Place, method: str, number: int, advice: str
) -> None:
    users, enrollments = Deliveries(tmp_path, "Users", 1), Deliveries(tmp_path, "User Enrollments", 2)
    file = users.full(0, ("UserId", "UserName"), [(1, "a")])
    enrollments.full(0, ("OrgUnitId", "UserId"), [(1, 1)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, method, refused_at(getattr(Path, method), file, number))
        report = place.mirror(tmp_path)
    (problem,) = [problem for table in report.tables for problem in table.problems]
    assert (report.exit_code, problem.kind) == (3, "changed")
    path = file.relative_to(tmp_path).as_posix()
    assert problem.text.startswith(f"{path} cannot be read ({os.strerror(number)}): {advice}")
    assert len(place.table(TABLE)) == 1
    assert place.mirror(tmp_path).exit_code == 0


def test_a_disk_that_fails_within_a_file_is_a_fault_of_that_file(
    enrollments: Deliveries, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = enrollments.full(0, ("OrgUnitId", "UserId"), [(1, 1)])
    real = os.read

    def fail(descriptor: int, count: int) -> bytes:
        """Fail for the published file alone."""
        if os.path.sameopenfile(descriptor, known.fileno()):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, count)

    with file.open("rb") as known, monkeypatch.context() as patched:
        patched.setattr(os, "read", fail)
        report = place.mirror(enrollments.root)
    assert "cannot be read (Input/output error)" in report.tables[0].problems[0].text


def test_a_csv_is_read_as_a_zip_is(enrollments: Deliveries, place: Place) -> None:
    enrollments.deliver(enrollments.extract(FULL, 0), b"OrgUnitId,UserId,RoleName\n1,1,a\n1,2,b", suffix=".csv")
    place.mirror(enrollments.root)
    assert {key: row["role_name"] for key, row in by_user(place).items()} == {1: "a", 2: "b"}


def test_a_marked_extract_is_passed_over(enrollments: Deliveries, place: Place) -> None:
    enrollments.full(0, ("OrgUnitId", "UserId"), [(1, 1)])
    enrollments.mark(enrollments.extract(DIFFERENTIAL, 1))
    report = place.mirror(enrollments.root)
    assert (report.exit_code, report.tables[0].complete_through) == (0, at(0))


def test_a_schema_belongs_to_one_tenant(enrollments: Deliveries, place: Place, tmp_path: Path) -> None:
    enrollments.full(0, ("OrgUnitId", "UserId"), [(1, 1)])
    place.mirror(enrollments.root)
    other = Deliveries(tmp_path / "other", "User Enrollments")
    other.deliver(other.extract(FULL, 0), b"OrgUnitId,UserId\n1,1\n", tenant="https://other.example")
    with pytest.raises(ConfigError, match=r"https://other\.example"):
        place.mirror(other.root)


def test_a_rebuild_needs_its_files_and_drops_nothing_without_them(enrollments: Deliveries, place: Place) -> None:
    """Those before the newest full are not needed."""
    header = ("OrgUnitId", "UserId", "RoleName")
    first = enrollments.full(0, header, [(1, 1, "a")])
    enrollments.full(24, header, [(1, 1, "b")])
    last = enrollments.diff(48, header, [(1, 2, "c")])
    place.mirror(enrollments.root)
    first.unlink()
    assert place.mirror(enrollments.root, rebuild=True).exit_code == 0
    assert set(by_user(place)) == {1, 2}
    last.unlink()
    report = place.mirror(enrollments.root, rebuild=True)
    assert report.exit_code == 3
    assert "so nothing was dropped: put it back, or fetch it again" in report.tables[0].problems[0].text
    assert set(by_user(place)) == {1, 2}


def test_two_mirrors_do_not_work_on_one_target(enrollments: Deliveries, place: Place) -> None:
    enrollments.full(0, ("OrgUnitId", "UserId"), [(1, 1)])

    async def both() -> list[object]:
        runs = (place.apply(enrollments.root), place.apply(enrollments.root))
        return list(await asyncio.gather(*runs, return_exceptions=True))

    if place.into.startswith("duckdb:"):
        results = asyncio.run(both())
        assert sum(isinstance(result, TargetBusy) for result in results) == 1


def test_two_data_sets_have_two_tables(tmp_path: Path, place: Place) -> None:
    """Each is known by its folder, no matter what its name is."""
    one, other = Deliveries(tmp_path / "data", "Users", 1), Deliveries(tmp_path / "data", "USers", 2)
    one.full(0, ("UserId", "UserName"), [(1, "a")])
    other.full(0, ("UserId", "UserName"), [(2, "b")])
    place.mirror(one.root)
    names = {row["name"] for row in place.query("SELECT name FROM {s}._bds_tables")}
    assert len(names) == 2
    assert "users" in names
