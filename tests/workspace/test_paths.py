"""Server text becomes names that are safe everywhere, always the same, and never shared."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.errors import DestinationError
from bds_async.models import BdsType, Identity
from bds_async.workspace.file_names import (
    compact,
    file_name,
    file_names,
    identity_digest,
    parse_file_name,
    relative_path,
    safe_version,
)
from bds_async.workspace.paths import FOLDER_BYTES, fold, folder_name, inside, windows_long_path

QUEUED = datetime(2026, 11, 22, 4, 9, 22, tzinfo=UTC)
CREATED = datetime(2026, 11, 22, 4, 10, 2, 123000, tzinfo=UTC)
PLUGIN = "ab12cd34-0000-4000-8000-000000000001"
WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}

hostile_names = st.one_of(
    st.text(max_size=300),
    st.text(alphabet='./\\:*?"<>| \0\n\u202e\u200b~%', max_size=20),
    st.sampled_from(
        [
            *WINDOWS_DEVICES,
            "COM¹",
            "ＣＯＮ",
            "\ud800\udfff",
            "nul.txt",
            "..",
            "../../etc/passwd",
            "C:\\x",
            "ß" * 200,
            "한" * 99,
        ]
    ),
    st.text(alphabet=st.characters(categories=["L", "M", "N"]), min_size=50, max_size=200),
)
hostile_ids = st.one_of(st.uuids().map(str), st.text(max_size=40), st.sampled_from(["", "con", "../..", "COM1"]))
moments = st.datetimes(
    min_value=datetime(1990, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.just(UTC),
)
identities = st.builds(Identity, hostile_ids, st.sampled_from(BdsType), moments, moments, st.text(max_size=60))


def is_legal_anywhere(name: str) -> bool:
    """Whether it is one plain path component on Linux, macOS and Windows."""
    return (
        bool(name)
        and name == name.strip(". ")
        and not set(name) & set('<>:"/\\|?*')
        and all(letter.isprintable() for letter in name)
        and name.split(".", maxsplit=1)[0].casefold() not in WINDOWS_DEVICES
        and len(name.encode()) <= 255
    )


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("User Enrollments", "UserEnrollments"),
        ("Quiz Attempts (v2)", "QuizAttemptsv2"),
        ("Inscriptions étudiantes", "Inscriptionsétudiantes"),
        ("用户 注册", "用户注册"),
        ("../../etc/passwd", "etcpasswd"),
        ("", "ab12cd34"),
        ("…!", "ab12cd34"),
        ("CON", "CONab12cd34"),
        ("LPT９", "LPT９ab12cd34"),
        ("COM¹", "COM"),
    ],
)
def test_a_folder_is_the_letters_and_digits_of_the_name(name: str, folder: str) -> None:
    assert folder_name(name, data_set_id=PLUGIN, taken=()) == folder


@pytest.mark.parametrize("other", ["Users", "USERS", "uSERS", "Ｕsers", "Uſers"])
def test_a_name_taken_in_another_spelling_gets_the_id(other: str) -> None:
    """Some file systems ignore differences of case, width and normal form."""
    assert folder_name("Users", data_set_id=PLUGIN.upper(), taken=[fold(other)]) == "Usersab12cd34"


def test_the_normal_form_of_the_server_does_not_matter() -> None:
    """On macOS both spellings would be one folder, so they get one name."""
    composed, decomposed = "Étudiants", unicodedata.normalize("NFD", "Étudiants")
    assert folder_name(decomposed, data_set_id=PLUGIN, taken=()) == composed
    assert fold(composed) == fold(decomposed)


def test_the_same_first_eight_of_the_id_still_lead_to_another_folder() -> None:
    """Ids are server text: two may begin with the same characters, or have none that a name may contain."""
    taken: set[str] = set()
    for data_set_id in (PLUGIN, PLUGIN, PLUGIN + "x", "###", "###"):
        taken.add(fold(folder_name("Users", data_set_id=data_set_id, taken=taken)))
    assert len(taken) == 5


@given(name=hostile_names, data_set_id=hostile_ids)
def test_any_folder_name_is_legal_bounded_and_stable(name: str, data_set_id: str) -> None:
    """Letters and digits only, NFC, at most 100 bytes, no device, and its own folder name."""
    folder = folder_name(name, data_set_id=data_set_id, taken=())
    assert is_legal_anywhere(folder)
    assert all(letter.isalpha() or letter.isdecimal() for letter in folder)
    assert len(folder.encode()) <= FOLDER_BYTES
    assert unicodedata.is_normalized("NFC", folder)
    assert folder_name(name, data_set_id=data_set_id, taken=()) == folder
    assert folder_name(folder, data_set_id=data_set_id, taken=()) == folder


@given(st.lists(st.tuples(hostile_names, hostile_ids), max_size=12))
def test_two_data_sets_never_share_a_folder(data_sets: list[tuple[str, str]]) -> None:
    taken: set[str] = set()
    for name, data_set_id in data_sets:
        taken.add(fold(folder_name(name, data_set_id=data_set_id, taken=taken)))
    assert len(taken) == len(data_sets)


@given(hostile_names)
def test_folding_is_settled_after_once(name: str) -> None:
    assert fold(fold(name)) == fold(name) == fold(unicodedata.normalize("NFC", name))


@given(st.text(alphabet=st.characters(categories=["L", "N"]), max_size=30))
def test_folding_sees_through_case(name: str) -> None:
    assert fold(name) == fold(name.casefold()) == fold(name.upper())


def test_a_file_is_named_as_documented() -> None:
    name = file_name("UserEnrollments", BdsType.DIFFERENTIAL, QUEUED, "9.4", ".zip")
    assert name == "UserEnrollments_differential_20261122T040922Z_v9.4.zip"
    path = relative_path("UserEnrollments", BdsType.DIFFERENTIAL, name)
    assert path == f"UserEnrollments/differential/{name}"


def test_moments_are_shown_in_utc() -> None:
    assert compact(QUEUED.astimezone(timezone(timedelta(hours=-5)))) == "20261122T040922Z"


def test_extracts_of_one_second_have_names_of_their_own() -> None:
    """First the created date distinguishes them, then a digest of the whole identity; the versions share one name."""
    first = Identity(PLUGIN, BdsType.FULL, QUEUED, CREATED, "9.4")
    second = Identity(PLUGIN, BdsType.FULL, QUEUED, CREATED, "9.4/")
    names, others = (list(file_names("Users", identity, ".csv")) for identity in (first, second))
    assert names[0] == others[0] == "Users_full_20261122T040922Z_v9.4.csv"
    assert names[1] == others[1] == "Users_full_20261122T040922Z_v9.4_c20261122T041002Z.csv"
    assert names[2] != others[2]
    assert names[2].startswith("Users_full_20261122T040922Z_v9.4_c20261122T041002Z_")


@pytest.mark.parametrize(
    ("version", "safe"),
    [("9.4", "9.4"), ("../9", "9"), ("", "0"), ("...", "0"), ("v 1_0/β", "v10"), ("1" * 99, "1" * 24), ("9.", "9")],
)
def test_a_version_keeps_only_what_a_name_can_hold(version: str, safe: str) -> None:
    assert safe_version(version) == safe


@given(name=hostile_names, identity=identities, suffix=st.sampled_from([".zip", ".csv"]))
def test_file_names_are_legal_and_can_be_read_back(name: str, identity: Identity, suffix: str) -> None:
    folder = folder_name(name, data_set_id=identity.plugin_id, taken=())
    queued, created = (
        moment.replace(microsecond=0) for moment in (identity.queued_for_processing_date, identity.created_date)
    )
    for number, made in enumerate(file_names(folder, identity, suffix)):  # type: ignore[arg-type]
        assert is_legal_anywhere(made)
        parsed = parse_file_name(made)
        assert parsed is not None
        assert (parsed.folder, parsed.bds_type, parsed.queued) == (folder, identity.bds_type, queued)
        assert (parsed.version, parsed.suffix) == (safe_version(identity.version), suffix)
        assert parsed.created == (created if number else None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "readme.txt",
        "Users_full_20261122T040922Z_v9.4.zip.part",
        "Users_partial_20261122T040922Z_v9.4.zip",
        "Users_full_20261322T040922Z_v9.4.zip",
        "Users_full_20261122T040922Z_v.zip",
        "a/b_full_20261122T040922Z_v9.4.zip",
        "Users_full_20261122T040922Z_v9.4_c2026.zip",
    ],
)
def test_foreign_names_are_not_taken_for_extracts(name: str) -> None:
    assert parse_file_name(name) is None


def test_an_identity_has_one_digest_in_any_time_zone_and_spelling() -> None:
    one = Identity(PLUGIN, BdsType.FULL, QUEUED, CREATED, "9.4")
    same = Identity(PLUGIN.upper(), BdsType.FULL, QUEUED.astimezone(timezone(timedelta(hours=3))), CREATED, "9.4")
    other = Identity(PLUGIN, BdsType.DIFFERENTIAL, QUEUED, CREATED, "9.4")
    assert identity_digest(one) == identity_digest(same) != identity_digest(other)


def test_a_stored_path_leads_into_the_folder(tmp_path: Path) -> None:
    assert inside(tmp_path, "Users/full/Users.zip") == tmp_path / "Users" / "full" / "Users.zip"


@pytest.mark.parametrize(
    "relative", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "C:/x", "a\\b", "a/.. /b", "a/b\0", "./a", "a/"]
)
def test_a_stored_path_that_leaves_the_folder_is_refused(tmp_path: Path, relative: str) -> None:
    with pytest.raises(DestinationError, match="no path inside"):
        inside(tmp_path, relative)


@given(st.text(alphabet="ab./\\: \0", max_size=12))
def test_no_stored_path_ever_leaves_the_folder(relative: str) -> None:
    """Nor on Windows, where backslashes, drives and trailing blanks have a meaning."""
    folder = Path("data")
    try:
        path = inside(folder, relative)
    except DestinationError:
        return
    assert path.is_relative_to(folder)
    assert ".." not in path.parts
    windows = PureWindowsPath("C:/data").joinpath(*relative.split("/"))
    assert windows.is_relative_to("C:/data")


@pytest.mark.parametrize(
    ("path", "long"),
    [
        ("C:\\data\\x.zip", "C:\\data\\x.zip"),
        ("C:\\" + "d" * 250, "\\\\?\\C:\\" + "d" * 250),
        ("\\\\server\\share\\" + "d" * 250, "\\\\?\\UNC\\server\\share\\" + "d" * 250),
        ("\\\\?\\C:\\" + "d" * 250, "\\\\?\\C:\\" + "d" * 250),
    ],
)
def test_windows_gets_the_long_form_of_long_paths_alone(path: str, long: str) -> None:
    assert windows_long_path(path) == long
