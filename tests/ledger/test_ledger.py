"""The ledger knows what was delivered, across kills, renamed data sets, other tenants and full disks."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async.errors import ConfigError, DestinationError, WrongTenant
from bds_async.ledger import Delivery, Kept, LastLook, Ledger, Missed, State, migrations, sqlite_file
from bds_async.ledger import database as ledger_database
from bds_async.ledger.faults import ledger_fault
from bds_async.models import BdsType, DataSet, Extract, Identity, Plugin
from bds_async.runs.verification import demand_ledger
from bds_async.workspace.paths import fold
from tests.support.places import ledger_path, prepared, state_folder

TENANT = "https://school.example"
START = datetime(2026, 11, 22, 4, 9, 22, tzinfo=UTC)
COLUMNS = ("UserId", "OrgUnitId")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepared(tmp_path)
    return tmp_path


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(ledger_path(folder), TENANT) as opened:
        yield opened


def data_set(name: str = "Users", ids: tuple[str | None, str | None, str | None] = ("S-1", "F-1", "D-1")) -> DataSet:
    schema_id, full, differential = ids
    return DataSet(
        schema_id,
        Plugin(full, name) if full else None,
        Plugin(differential, f"{name} Differential") if differential else None,
    )


def extract(
    days: float = 0, *, plugin: str = "F-1", bds_type: BdsType = BdsType.FULL, version: str = "9.4", created: int = 40
) -> Extract:
    queued = START + timedelta(days=days)
    return Extract("Users", "S-1", plugin, bds_type, queued, queued + timedelta(seconds=created), version, "https://x/")


def differential(days: float) -> Extract:
    return extract(days, plugin="D-1", bds_type=BdsType.DIFFERENTIAL)


def delivery(ledger: Ledger, chosen: Extract, columns: tuple[str, ...] | None = COLUMNS) -> Delivery:
    folder = ledger.folders.folder_for(data_set())
    path = ledger.folders.path_for(chosen, folder, ".zip")
    return Delivery.of(chosen, folder, path=path, bytes=10, sha256="ab" * 32, columns=columns)


def deliver(ledger: Ledger, *chosen: Extract) -> None:
    for each in chosen:
        ledger.deliveries.record(delivery(ledger, each))


# Deliveries


def test_an_intent_becomes_a_delivery(ledger: Ledger) -> None:
    chosen = extract()
    intended = replace(delivery(ledger, chosen), staged=".bds-async/partial/x.part")
    ledger.deliveries.intend(intended)
    assert ledger.deliveries.delivered(chosen.identity) is None
    assert ledger.deliveries.intents() == [replace(intended, state=State.INTENT)]
    done = ledger.deliveries.finish(intended, START)
    assert done == replace(intended, state=State.DONE, staged=None, delivered_at=START)
    assert ledger.deliveries.delivered(chosen.identity) == done
    assert ledger.deliveries.intents() == []


def test_what_was_delivered_is_known_to_the_next_run(folder: Path) -> None:
    with Ledger.open(ledger_path(folder), TENANT) as first:
        deliver(first, extract())
        known = first.deliveries.delivered(extract().identity)
    assert known is not None
    assert known.delivered_at is not None
    with Ledger.open(ledger_path(folder), TENANT) as second:
        assert second.deliveries.delivered(extract().identity) == known
    with Ledger.read(ledger_path(folder)) as reader:
        assert reader.deliveries.delivered(extract().identity) == known


def test_every_part_of_the_identity_counts(ledger: Ledger) -> None:
    """Plugin, type, queued, created and version; not the schema id, nor the spelling of the plugin's id."""
    chosen = extract()
    deliver(ledger, chosen)
    others = [
        replace(chosen, plugin_id="F-2"),
        replace(chosen, bds_type=BdsType.DIFFERENTIAL),
        replace(chosen, queued_for_processing_date=START + timedelta(seconds=1)),
        replace(chosen, created_date=START),
        replace(chosen, version="9.40"),
    ]
    assert [ledger.deliveries.delivered(other.identity) for other in others] == [None] * 5
    assert ledger.deliveries.delivered(replace(chosen, schema_id=None, plugin_id="f-1").identity) is not None


def test_a_delivery_can_be_replaced_and_forgotten(ledger: Ledger) -> None:
    deliver(ledger, extract())
    ledger.deliveries.record(replace(delivery(ledger, extract()), bytes=11, columns=None))
    known = ledger.deliveries.delivered(extract().identity)
    assert known is not None
    assert (known.bytes, known.columns) == (11, None)
    assert ledger.deliveries.forget(extract().identity)
    assert not ledger.deliveries.forget(extract().identity)
    assert ledger.deliveries.delivered(extract().identity) is None


def test_only_an_intent_can_be_finished(ledger: Ledger) -> None:
    with pytest.raises(KeyError):
        ledger.deliveries.finish(delivery(ledger, extract()))


def test_an_extract_may_count_as_delivered_without_a_file(ledger: Ledger) -> None:
    """As when a person marks it; any number of extracts."""
    for days in (0, 1):
        ledger.deliveries.record(Delivery.of(extract(days), ledger.folders.folder_for(data_set())))
        known = ledger.deliveries.delivered(extract(days).identity)
        assert known is not None
        assert known.path is None


def test_the_totals_are_those_of_files_that_were_delivered(ledger: Ledger) -> None:
    assert ledger.deliveries.totals() == (0, 0)
    deliver(ledger, extract(), extract(1))
    ledger.deliveries.record(Delivery.of(extract(2), "Users"))
    ledger.deliveries.intend(delivery(ledger, extract(3)))
    assert ledger.deliveries.totals() == (2, 20)


def test_the_old_routes_do_not_unlearn_the_schema_id(ledger: Ledger) -> None:
    """They do not know it, and the same extract may be listed by either family."""
    deliver(ledger, extract())
    ledger.deliveries.record(replace(delivery(ledger, extract()), schema_id=None, data_set="Benutzer"))
    known = ledger.deliveries.delivered(extract().identity)
    assert known is not None
    assert (known.schema_id, known.data_set) == ("S-1", "Benutzer")


def test_many_are_asked_for_at_once(ledger: Ledger) -> None:
    chosen = [extract(0), extract(1), differential(1), differential(2), differential(3)]
    deliver(ledger, *chosen[:4])
    ledger.deliveries.intend(delivery(ledger, chosen[4]))
    wanted = [each.identity for each in (*chosen[1:], extract(9), extract(1, plugin="F-9"))]
    found = ledger.deliveries.delivered_many(wanted)
    assert set(found) == {each.identity for each in chosen[1:4]}
    assert all(delivery.identity == identity for identity, delivery in found.items())
    assert ledger.deliveries.delivered_many([]) == {}


def test_all_are_listed_page_by_page(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_database, "PAGE", 2)
    chosen = [differential(5), extract(4), differential(3), extract(2), differential(1)]
    deliver(ledger, *chosen)
    ledger.deliveries.intend(delivery(ledger, extract(9)))
    assert [each.identity for each in ledger.deliveries.all()] == [each.identity for each in chosen]
    assert [each.identity for each in ledger.deliveries.all("Users")] == [each.identity for each in reversed(chosen)]
    assert list(ledger.deliveries.all("Nobody")) == []


moments = st.datetimes(datetime(1900, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))
identities = st.builds(Identity, st.text(max_size=9), st.sampled_from(BdsType), moments, moments, st.text(max_size=9))


@settings(deadline=None, max_examples=30)
@given(st.lists(identities, max_size=5, unique=True), st.lists(st.text(max_size=9), max_size=3))
def test_whatever_the_server_sends_is_kept_as_it_was(known: list[Identity], columns: list[str]) -> None:
    """Dates to the microsecond, text in any script."""
    ledger = Ledger.read(Path("/nonexistent"))
    with ledger:
        folder = ledger.folders.folder_for(data_set())
        ledger._database.execute("INSERT INTO folders VALUES (?, ?)", folder, folder)
        for identity in known:
            ledger.deliveries.record(Delivery(identity, "Ü", None, folder, columns=tuple(columns), delivered_at=START))
        assert [each.identity for each in ledger.deliveries.all()] == known
        assert {each.columns for each in ledger.deliveries.all()} <= {tuple(columns)}


# Folders and names


def test_a_folder_stays_with_the_ids_when_the_name_changes(folder: Path) -> None:
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        assert ledger.folders.folder_for(data_set("Users")) == "Users"
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        assert ledger.folders.folder_for(data_set("Benutzer")) == "Users"
        assert ledger.folders.folder_for(data_set("Utilisateurs", (None, "f-1", None))) == "Users"
        assert ledger.folders.folder_for(data_set("Users", ("S-2", "F-2", None))) == "Userss2"


def test_ids_that_come_later_are_pinned_to_the_known_folder(ledger: Ledger) -> None:
    """The old routes know no schema id; the new ones, later, do."""
    assert ledger.folders.folder_for(data_set("Users", (None, "F-1", "D-1"))) == "Users"
    assert ledger.folders.folder_for(data_set("Benutzer", ("S-1", "F-1", "D-1"))) == "Users"
    assert ledger.folders.folder_for(data_set("Anwender", ("S-1", None, None))) == "Users"


def test_data_sets_that_turn_out_to_be_one_keep_their_folders(ledger: Ledger) -> None:
    """A pin never moves; the joined data set uses the folder of its full."""
    assert ledger.folders.folder_for(data_set("Users", (None, "F-1", None))) == "Users"
    assert ledger.folders.folder_for(data_set("Other", (None, None, "D-1"))) == "Other"
    assert ledger.folders.folder_for(data_set("Users", ("S-1", "F-1", "D-1"))) == "Users"
    assert ledger.folders.folder_for(data_set("Other", (None, None, "D-1"))) == "Other"


def test_many_folders_are_pinned_at_once(ledger: Ledger) -> None:
    same = [data_set("Users", (f"s-{number}", f"f-{number}", None)) for number in range(4)]
    assert ledger.folders.folders_for(same) == ["Users", "Userss1", "Userss2", "Userss3"]
    assert ledger.folders.folders_for(reversed(same)) == ["Userss3", "Userss2", "Userss1", "Users"]
    assert ledger.folders.folders_for([]) == []


def test_other_fractions_of_a_second_make_no_other_extract(ledger: Ledger) -> None:
    """It is found, gets its own path, and a second delivery replaces the first; two extracts differ by a second."""
    chosen = differential(0)
    other = replace(
        chosen,
        queued_for_processing_date=chosen.queued_for_processing_date + timedelta(milliseconds=900),
        created_date=chosen.created_date + timedelta(milliseconds=123),
    )
    later = replace(chosen, created_date=chosen.created_date + timedelta(seconds=1))
    deliver(ledger, chosen)
    known = ledger.deliveries.delivered(other.identity)
    assert known is not None
    assert known.identity.queued_for_processing_date == chosen.queued_for_processing_date
    assert ledger.deliveries.delivered_many([later.identity, other.identity]) == {chosen.identity: known}
    assert ledger.folders.path_for(other, "Users", ".zip") == known.path
    assert ledger.columns.before("Users", other.identity) is None
    deliver(ledger, other, later)
    assert [each.identity for each in ledger.deliveries.all()] == [other.identity, later.identity]
    again = next(ledger.deliveries.all()).identity
    assert again.queued_for_processing_date == other.queued_for_processing_date
    assert ledger.deliveries.forget(chosen.identity)
    assert ledger.deliveries.delivered(other.identity) is None


def test_two_rows_of_an_older_ledger_that_are_one_extract_do_no_harm(folder: Path) -> None:
    """An older program took other fractions for another extract: both files stay known, nothing is redelivered."""
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, extract())
    with closing(sqlite3.connect(ledger_path(folder))) as old, old:
        columns = "plugin, queued, created + 250000, version, state, 'Users/full/twin.zip'"
        old.execute(f"INSERT INTO extracts SELECT 2, {columns}, staged, bytes, sha256, header, delivered FROM extracts")
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        paths = [each.path for each in ledger.deliveries.all()]
        assert len(paths) == 2
        assert ledger.deliveries.delivered(extract().identity) is not None
        assert [each and each.path for each in map(ledger.deliveries.at_path, filter(None, paths))] == paths
        third = replace(extract(), created_date=extract().created_date + timedelta(milliseconds=700))
        deliver(ledger, third)
        ledger.deliveries.intend(delivery(ledger, third))
        (intent,) = ledger.deliveries.intents()
        assert ledger.deliveries.finish(intent).state is State.DONE
        assert ledger.deliveries.intents() == []
        assert [each.path for each in ledger.deliveries.all()] == paths


def test_an_extract_gets_the_first_of_its_names_that_is_free(ledger: Ledger) -> None:
    """Within one plan, and among delivered ones; also for two plugins."""
    first, second = extract(created=40), extract(created=50)
    third = replace(second, plugin_id="F-2")
    paths = [ledger.folders.path_for(each, "Users", ".zip") for each in (first, second, third)]
    assert paths[0] == "Users/full/Users_full_20261122T040922Z_v9.4.zip"
    assert paths[1] == "Users/full/Users_full_20261122T040922Z_v9.4_c20261122T041012Z.zip"
    assert len(set(paths)) == 3
    assert [ledger.folders.path_for(each, "Users", ".zip") for each in (third, first, second)] == [paths[2], *paths[:2]]


def test_a_delivered_name_is_not_given_to_another_extract(folder: Path) -> None:
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, extract(created=40))
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        assert "_c" in ledger.folders.path_for(extract(created=50), "Users", ".zip")
        assert "_c" not in ledger.folders.path_for(extract(created=40), "Users", ".zip")
        assert ledger.folders.path_for(extract(created=40), "Users", ".csv").endswith("v9.4.csv")


def test_no_two_paths_differ_by_case_alone(ledger: Ledger) -> None:
    upper, lower = extract(version="9.A"), extract(version="9.a")
    paths = [ledger.folders.path_for(each, "Users", ".zip") for each in (upper, lower)]
    assert paths[0].lower() != paths[1].lower()
    deliver(ledger, upper)
    known = ledger.deliveries.at_path(paths[0].swapcase())
    assert known is not None
    assert known.identity == upper.identity
    with pytest.raises(sqlite3.IntegrityError):
        ledger.deliveries.record(replace(delivery(ledger, lower), path=paths[0].lower()))


some_ids = st.tuples(*(st.none() | st.sampled_from([f"{kind}-{number}" for number in range(4)]) for kind in "SFD"))
some_names = st.sampled_from(["Users", "USERS", "u s e r s", "Users Differential", "", "CON", "Größe", "GROSSE", "🙂"])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(some_names, some_ids), max_size=12))
def test_pins_never_move_and_are_never_shared_by_strangers(seen: list[tuple[str, tuple[str | None, ...]]]) -> None:
    """For any listings from day to day; data sets share a folder only if an id connects them."""
    pinned: dict[str, str] = {}
    with Ledger.read(Path("/nonexistent")) as ledger:
        for name, (schema_id, full, other) in seen:
            known = data_set(name, (schema_id, full, other))
            folder = ledger.folders.folder_for(known)
            before = [pinned[each] for each in known.ids if each in pinned]
            assert folder == before[0] if before else fold(folder) not in map(fold, pinned.values())
            for each in known.ids:
                assert ledger.folders.folder_for(DataSet(each, None, None)) == pinned.setdefault(each, folder)


near = st.integers(0, 3).map(lambda steps: START + timedelta(milliseconds=400 * steps))
near_extracts = st.builds(
    lambda bds_type, queued, created, version: Extract("Users", "S-1", "F-1", bds_type, queued, created, version, "x"),
    st.sampled_from(BdsType),
    near,
    near,
    st.sampled_from(["9.4", "9.4 ", "9.40", "9.a", "9.A", "", "../9.4"]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(near_extracts, max_size=15))
def test_no_two_extracts_share_a_path_however_alike_they_are(chosen: list[Extract]) -> None:
    """Before and after their delivery."""
    with Ledger.read(Path("/nonexistent")) as ledger:
        folder = ledger.folders.folder_for(data_set())
        ledger._database.execute("INSERT INTO folders VALUES (?, ?)", folder, folder)
        paths = {each.identity: ledger.folders.path_for(each, folder, ".zip") for each in chosen}
        assert len({path.lower() for path in paths.values()}) == len(paths)
        for each in chosen:
            ledger.deliveries.record(Delivery.of(each, folder, path=paths[each.identity]))
        ledger.folders._reserved.clear()
        assert {each.identity: ledger.folders.path_for(each, folder, ".zip") for each in chosen} == paths


# The tenant


def test_a_folder_belongs_to_the_tenant_of_its_first_delivery(folder: Path) -> None:
    Ledger.open(ledger_path(folder), "https://mistyped.example").close()
    with Ledger.open(ledger_path(folder), "https://School.Example/") as ledger:
        deliver(ledger, extract())
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        assert ledger.tenant == TENANT
    for opened in (Ledger.open, Ledger.read):
        with pytest.raises(WrongTenant, match=r"holds extracts of https://school\.example") as caught:
            opened(ledger_path(folder), "https://other.example")
        assert caught.value.exit_code == 2


def test_a_folder_belongs_to_the_tenant_whose_data_sets_were_seen(folder: Path) -> None:
    """Otherwise the names of another tenant's folders would stay taken."""
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        ledger.folders.folder_for(data_set())
    with pytest.raises(WrongTenant):
        Ledger.open(ledger_path(folder), "https://other.example")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_folder_whose_name_is_no_text_has_a_ledger_as_any_other(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xff%?#"))
    prepared(folder)
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, extract())
    with Ledger.read(ledger_path(folder)) as reader:
        assert reader.deliveries.delivered(extract().identity) is not None
    assert ledger_path(folder).is_file()


# Reading


def test_reading_a_folder_without_a_ledger_creates_nothing(tmp_path: Path) -> None:
    with Ledger.read(ledger_path(tmp_path / "nowhere"), TENANT) as ledger:
        assert ledger.tenant is None
        assert list(ledger.deliveries.all()) == []
        assert ledger.folders.folder_for(data_set()) == "Users"
        assert ledger.folders.folder_for(data_set("users", ("S-2", "F-2", None))) == "userss2"
        assert ledger.folders.path_for(extract(), "Users", ".zip").startswith("Users/full/")
    assert list(tmp_path.iterdir()) == []


def test_reading_changes_nothing(folder: Path) -> None:
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, extract())
    before = ledger_path(folder).read_bytes()
    with Ledger.read(ledger_path(folder), TENANT) as reader:
        assert reader.folders.folder_for(data_set("Benutzer")) == "Users"
        assert reader.folders.folder_for(data_set("New", ("S-9", "F-9", None))) == "New"
        with pytest.raises(DestinationError):
            reader.deliveries.record(Delivery.of(extract(5), "Users"))
    assert ledger_path(folder).read_bytes() == before
    assert [path.name for path in state_folder(folder).iterdir() if path.is_file()] == ["ledger.sqlite3"]


def test_a_reader_and_a_run_do_not_disturb_each_other(ledger: Ledger, folder: Path) -> None:
    with Ledger.read(ledger_path(folder)) as reader:
        pages = reader.deliveries.all()
        deliver(ledger, extract(0))
        assert next(pages).identity == extract(0).identity
        deliver(ledger, extract(1))
        assert [each.identity for each in pages] == [extract(1).identity]


# Formats and damage


def test_a_newer_format_is_left_alone(folder: Path) -> None:
    Ledger.open(ledger_path(folder), TENANT).close()
    with sqlite3.connect(ledger_path(folder)) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for opened in (Ledger.open, Ledger.read):
        with pytest.raises(ConfigError, match="newer bds-async"):
            opened(ledger_path(folder), TENANT)


def test_an_older_format_is_brought_forward(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the next run; a reader asks for such a run, and all deliveries stay."""
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, extract())
    added = (*migrations.MIGRATIONS, ("ALTER TABLE extracts ADD COLUMN remark TEXT",))
    monkeypatch.setattr(migrations, "MIGRATIONS", added)
    monkeypatch.setattr(sqlite_file, "NEWEST", len(added))
    with pytest.raises(ConfigError, match="older format"):
        Ledger.read(ledger_path(folder))
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        assert ledger.deliveries.delivered(extract().identity) is not None
        assert [row["remark"] for row in ledger._database.rows("SELECT remark FROM extracts")] == [None]


def test_a_migration_that_breaks_off_leaves_the_old_format(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger.open(ledger_path(folder), TENANT).close()
    before = ledger_path(folder).read_bytes()
    broken = (*migrations.MIGRATIONS, ("ALTER TABLE extracts ADD COLUMN remark TEXT", "CREATE TABLE tenant (x)"))
    monkeypatch.setattr(migrations, "MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError):
        Ledger.open(ledger_path(folder), TENANT)
    assert ledger_path(folder).read_bytes() == before


@pytest.mark.parametrize("content", [b"this is not a database" * 100, b"\0" * 5000, b""])
def test_a_damaged_ledger_says_what_to_do(folder: Path, content: bytes) -> None:
    ledger_path(folder).write_bytes(content)
    for opened in (Ledger.open, Ledger.read):
        with pytest.raises(DestinationError, match=r"is damaged .* `bds-async ledger rebuild`") as caught:
            opened(ledger_path(folder), TENANT)
        assert str(ledger_path(folder)) in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no folder with an open file")
def test_a_folder_that_is_removed_under_a_ledger_is_named(folder: Path, tmp_path: Path) -> None:
    """SQLite calls it a disk I/O error in a transaction, and a readonly database before one."""
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        with pytest.raises(DestinationError, match="was removed or moved"), ledger.deliveries.together():  # noqa: PT012
            deliver(ledger, extract(0))
            state_folder(folder).rename(tmp_path / "elsewhere")
        with pytest.raises(DestinationError, match="was removed or moved"):
            deliver(ledger, extract(1))


FOREIGN = ["", "CREATE TABLE extracts (x)", "CREATE TABLE tenant (x); CREATE TABLE notes (x)"]


@pytest.mark.parametrize("tables", FOREIGN)
@pytest.mark.parametrize("version", [-1, 0, 1, 3, 99])
def test_another_program_s_database_is_damage_and_stays_as_it_is(folder: Path, tables: str, version: int) -> None:
    """With any version in it; its journal mode does not change either."""
    with closing(sqlite3.connect(ledger_path(folder))) as foreign:
        foreign.executescript(f"PRAGMA journal_mode = WAL; PRAGMA user_version = {version}; {tables}")
    before = ledger_path(folder).read_bytes()
    for opened in (Ledger.open, Ledger.read):
        with pytest.raises(DestinationError, match=r"is damaged \(it is not a ledger of bds-async"):
            opened(ledger_path(folder), TENANT)
    assert ledger_path(folder).read_bytes() == before


@pytest.mark.parametrize("table", ["tenant", "folder_ids", "headers", "gaps", "owed", "syncs", "pins"])
def test_a_ledger_without_one_of_its_tables_is_damaged(folder: Path, table: str) -> None:
    """As after a partial restore."""
    Ledger.open(ledger_path(folder), TENANT).close()
    with closing(sqlite3.connect(ledger_path(folder))) as connection:
        connection.execute(f"DROP TABLE {table}")
    for opened in (Ledger.open, Ledger.read):
        with pytest.raises(DestinationError, match=r"is damaged .*not a complete one"):
            opened(ledger_path(folder), TENANT)


def test_a_file_format_that_sqlite_does_not_know_is_damage(folder: Path) -> None:
    Ledger.open(ledger_path(folder), TENANT).close()
    with ledger_path(folder).open("r+b") as file:
        file.seek(44)  # the schema format number, which is 1 to 4
        file.write(b"\0\0\0\x09")
    for opened in (Ledger.open, Ledger.read):
        with pytest.raises(DestinationError, match=r"is damaged \(unsupported file format\)"):
            opened(ledger_path(folder), TENANT)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE extracts SET queued = 9000000000000000000",
        "UPDATE extracts SET created = -9000000000000000000",
        "UPDATE extracts SET delivered = 'yesterday'",
        "UPDATE plugins SET bds_type = 'Half'",
        "UPDATE headers SET columns = '[\"UserId'",
        "UPDATE headers SET columns = '7'",
        "UPDATE extracts SET version = CAST(x'ff' AS TEXT)",
    ],
)
def test_values_that_no_run_writes_are_damage(folder: Path, change: str) -> None:
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, extract())
        ledger._database.execute(change)
        for pages in (ledger.deliveries.all(), ledger.deliveries.all("Users")):
            with pytest.raises(DestinationError, match="is damaged"):
                list(pages)
        with pytest.raises(DestinationError, match="is damaged"):
            ledger.deliveries.at_path(ledger._database.rows("SELECT path FROM extracts")[0]["path"])


def test_whoever_asks_a_damaged_ledger_hears_of_it(folder: Path) -> None:
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, differential(0))
        look = LastLook(START, START, START, None)
        ledger.syncs.keep({"Users": Kept(None, look, (Missed(None, START),), frozenset({extract(1).identity}))})
        for change in ("extracts SET queued", "owed SET queued", "syncs SET retained", "gaps SET gap_before"):
            ledger._database.execute(f"UPDATE {change} = 9000000000000000000")
        ledger._database.execute("UPDATE headers SET columns = '{'")
        for asked in (
            ledger.deliveries.newest,
            lambda: ledger.deliveries.stock("Users"),
            lambda: list(ledger.columns.headers("Users")),
            lambda: ledger.columns.pinned("Users"),
            lambda: ledger.syncs.owed("Users"),
            lambda: ledger.gaps.known(["Users"]),
            lambda: ledger.gaps.accept("Users"),
            lambda: ledger.complete_through("Users"),
            lambda: ledger.syncs.state("Users", ()),
        ):
            with pytest.raises(DestinationError, match="is damaged"):
                asked()
        ledger._database.execute("UPDATE plugins SET bds_type = 'Half'")
        with pytest.raises(DestinationError, match="'Half' is not a BdsType"):
            ledger.folders.data_sets()


@pytest.mark.parametrize("content", [b"", b"x", b"SQLite format 3\0" + b"\0" * 400])
def test_a_file_too_short_for_a_database_is_no_new_ledger(folder: Path, content: bytes) -> None:
    """SQLite would take it for an empty database, and everything would be delivered again."""
    ledger_path(folder).write_bytes(content)
    for opened in (Ledger.open, Ledger.read):
        with pytest.raises(DestinationError, match=r"is damaged \(it is (empty|too short)\)"):
            opened(ledger_path(folder), TENANT)
    assert ledger_path(folder).read_bytes() == content


@posix_only
@pytest.mark.parametrize(("target", "what"), [("elsewhere/ledger", "what it leads to is not there"), (None, "links")])
def test_a_link_without_a_target_is_no_new_ledger(folder: Path, target: str | None, what: str) -> None:
    """The disk of its target may not be mounted."""
    ledger_path(folder).symlink_to(target or ledger_path(folder).name)
    for opened in (Ledger.open, Ledger.read):
        with pytest.raises(DestinationError, match=what):
            opened(ledger_path(folder), TENANT)
    demand_ledger(prepared(folder))
    assert ledger_path(folder).is_symlink()


@posix_only
def test_a_ledger_may_be_a_link_to_one(folder: Path, tmp_path: Path) -> None:
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, extract())
    ledger_path(folder).rename(tmp_path / "real")
    ledger_path(folder).symlink_to(tmp_path / "real")
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        assert ledger.deliveries.delivered(extract().identity) is not None


def test_the_journal_beside_a_damaged_ledger_is_named(folder: Path) -> None:
    """SQLite would apply it to a restored backup."""
    ledger_path(folder).touch()
    journal = ledger_path(folder).with_name("ledger.sqlite3-journal")
    with pytest.raises(DestinationError) as without:
        Ledger.read(ledger_path(folder))
    journal.write_bytes(b"x")
    with pytest.raises(DestinationError, match=r"remove .*ledger\.sqlite3-journal and restore it from a backup"):
        Ledger.read(ledger_path(folder))
    assert "ledger.sqlite3-journal" not in str(without.value)


KILLED_WHILE_MADE = """
import os, pathlib, sys
from bds_async.ledger import Ledger, sqlite_file
from bds_async.support import durable
from tests.support.places import ledger_path, prepared, state_folder
def step(statement):
    if statement.startswith(last):
        os._exit(77)
def connected(*arguments, original=sqlite_file._connect):
    connection = original(*arguments)
    connection.set_trace_callback(step)
    return connection
sqlite_file._connect = connected
durable.replace = lambda *_: step("replace")
for last in sys.argv[2:]:
    if os.fork() == 0:
        Ledger.open(ledger_path(pathlib.Path(sys.argv[1]) / last), "https://school.example")
        os._exit(0)
    print(last, os.waitstatus_to_exitcode(os.wait()[1]), sep=": ")
"""


@posix_only
@pytest.mark.crash
def test_a_kill_while_the_ledger_is_made_leaves_none(tmp_path: Path) -> None:
    """At each of these steps, each time in a separate process. The next run creates it, and nothing else is left."""
    steps = ("PRAGMA journal_mode", "PRAGMA user_version", "CREATE INDEX", "COMMIT", "replace")
    for step in steps:
        prepared(tmp_path / step)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED_WHILE_MADE, str(tmp_path), *steps]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{step}: 77" for step in steps]
    for folder in (tmp_path / step for step in steps):
        assert not ledger_path(folder).exists(), folder
        with Ledger.open(ledger_path(folder), TENANT) as ledger:
            deliver(ledger, extract())
        left = [path.name for path in state_folder(folder).iterdir() if path.is_file()]
        assert left == ["ledger.sqlite3"], folder


def test_the_journal_of_a_ledger_that_was_moved_away_is_not_taken_for_the_new_one_s(folder: Path) -> None:
    """SQLite would apply it to the new ledger, and so damage it."""
    journal = ledger_path(folder).with_name("ledger.sqlite3-journal")
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, *(extract(days) for days in range(200)))
        for statement in ("PRAGMA cache_size = 1", "BEGIN IMMEDIATE", "UPDATE extracts SET sha256 = hex(zeroblob(99))"):
            ledger._database.execute(statement)
        left = journal.read_bytes()
        ledger._database.execute("ROLLBACK")
    ledger_path(folder).unlink()
    journal.write_bytes(left)
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        assert [tuple(row) for row in ledger._database.rows("PRAGMA integrity_check")] == [("ok",)]


def test_damage_inside_is_found_as_soon_as_it_is_read(folder: Path) -> None:
    with Ledger.open(ledger_path(folder), TENANT) as ledger:
        deliver(ledger, *(extract(days) for days in range(300)))
    path = ledger_path(folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 4 :] = b"\xff" * (len(content) - len(content) // 4)
    path.write_bytes(content)
    with pytest.raises(DestinationError, match="is damaged"), Ledger.open(ledger_path(folder), TENANT) as ledger:
        list(ledger.deliveries.all())


# The disk and other processes


def test_a_folder_that_is_gone_is_a_fault_of_the_destination(tmp_path: Path) -> None:
    with pytest.raises(DestinationError):
        Ledger.open(ledger_path(tmp_path / "nowhere"), TENANT)


def of_sqlite(code: int) -> sqlite3.OperationalError:
    """An error of SQLite with this result code."""
    error = sqlite3.OperationalError("no")
    error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_NO"
    return error


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (PermissionError(13, "Permission denied"), "check the permissions of the file and its folder, and the disk"),
        (of_sqlite(sqlite3.SQLITE_READONLY), "check the permissions of the file and its folder, and the disk"),
        (of_sqlite(sqlite3.SQLITE_FULL), "check the disk"),
        (OSError(5, "Input/output error"), "check the disk"),
    ],
)
def test_advice_names_the_permissions_only_if_they_can_be_the_cause(
    tmp_path: Path, error: Exception, advice: str
) -> None:
    fault = ledger_fault(tmp_path / "ledger.sqlite3", error)
    assert isinstance(fault, DestinationError)
    assert str(fault).endswith(f"): {advice}, then run again.")


@posix_only
def test_a_full_disk_keeps_what_is_there(ledger: Ledger) -> None:
    import resource

    deliver(ledger, extract())
    size = ledger._database.path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(DestinationError, match="check the disk"):
            deliver(ledger, *(extract(days) for days in range(1, 500)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    count = len(list(ledger.deliveries.all()))
    deliver(ledger, extract(501))
    assert len(list(ledger.deliveries.all())) == count + 1


def test_any_thread_may_write(ledger: Ledger) -> None:
    chosen = [extract(days) for days in range(40)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: deliver(ledger, each), chosen))
    assert {each.identity for each in ledger.deliveries.all()} == {each.identity for each in chosen}


KILLED = """
import os, pathlib, signal, sys
from datetime import UTC, datetime, timedelta
from bds_async.ledger import Delivery, Ledger
from bds_async.models import BdsType, DataSet, Identity, Plugin
from tests.support.places import ledger_path, prepared, state_folder
folder = pathlib.Path(sys.argv[1])
ledger = Ledger.open(ledger_path(folder), "https://school.example")
name = ledger.folders.folder_for(DataSet("S-1", Plugin("F-1", "Users"), None))
start = datetime(2026, 1, 1, tzinfo=UTC)
for number in range(100_000):
    identity = Identity("f-1", BdsType.FULL, start + timedelta(hours=number), start, "9.4")
    delivery = Delivery(identity, "Users", "S-1", name, path=f"Users/{number}")
    ledger.deliveries.intend(delivery)
    ledger.deliveries.finish(delivery)
    print(number, flush=True)
"""


@posix_only
@pytest.mark.crash
def test_a_killed_run_loses_nothing_that_was_finished(folder: Path) -> None:
    """The row that was being written may be missing; earlier rows are there."""
    for _ in range(2):
        shutil.rmtree(state_folder(folder))
        prepared(folder)
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(folder)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        finished = int([*told, *process.communicate()[0].splitlines()][-1])
        for opened in (Ledger.read(ledger_path(folder)), Ledger.open(ledger_path(folder), TENANT)):
            with opened as ledger:
                count = len(list(ledger.deliveries.all()))
                assert finished + 1 <= count <= finished + 2
                assert len(ledger.deliveries.intents()) <= 1
