"""What syncs remember: the ledger returns what a plan needs, and how complete each data set is."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bds_async.ledger import Baseline, Delivery, Kept, LastLook, Ledger, Missed, SyncState, migrations
from bds_async.models import BdsType, DataSet, Extract, Identity, Plugin
from bds_async.planning.data_set import DataSetPlan, plan_data_set
from bds_async.planning.look import Listed, Look
from tests.support.places import ledger_path, prepared
from tests.support.sync_world import START, Books, World, at, diff, full

TENANT = "https://school.example"
USERS = DataSet("schema-1", Plugin("full-1", "Users"), Plugin("diff-1", "Users Differential"))
LOOK = LastLook(at(100), at(99), at(98), timedelta(days=14, microseconds=1))
DAY = 24
KEEPS = {BdsType.FULL: timedelta(days=21), BdsType.DIFFERENTIAL: timedelta(days=14)}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    prepared(tmp_path)
    with Ledger.open(ledger_path(tmp_path), TENANT) as opened:
        opened.folders.folder_for(USERS)
        yield opened


def deliver(ledger: Ledger, *extracts: Extract) -> None:
    for extract in extracts:
        path = ledger.folders.path_for(extract, "Users", ".zip")
        ledger.deliveries.record(Delivery.of(extract, "Users", path=path, delivered_at=at(500)))


def kept(*owed: Extract, baseline: float | None = 0, missed: Sequence[Missed] = (), look: LastLook = LOOK) -> Kept:
    begin = None if baseline is None else Baseline.of(full(baseline))
    return Kept(begin, look, tuple(missed), frozenset(extract.identity for extract in owed))


def state(ledger: Ledger, *listed: Extract) -> SyncState:
    return ledger.syncs.state("Users", [extract.identity for extract in listed])


class TestState:
    def test_of_a_data_set_that_no_sync_has_planned(self, ledger):
        assert state(ledger, full(0)) == SyncState()

    @pytest.mark.parametrize("look", [LOOK, LastLook(at(1), None, None, None)])
    def test_what_a_look_showed_is_given_back(self, ledger, look):
        ledger.syncs.keep({"Users": kept(diff(24), baseline=None, look=look, missed=[Missed(None, at(3))])})
        assert state(ledger) == SyncState(
            last_look=look, owed=frozenset({diff(24).identity}), open_gaps=(Missed(None, at(3)),)
        )

    def test_what_was_delivered_lately_and_what_came_before(self, ledger):
        deliver(ledger, full(0), *(diff(hours) for hours in (24, 48, 72)), full(60))
        ledger.syncs.keep({"Users": kept()})
        found = state(ledger, diff(50), diff(72))
        assert found.delivered == {diff(72).identity: at(500), full(60).identity: at(500)}
        assert (found.before, found.newest, found.newest_full) == (at(48), at(72), at(60))
        assert found.baseline == Baseline.of(full(0))

    def test_it_goes_back_to_what_is_owed(self, ledger):
        deliver(ledger, diff(24), diff(48), diff(72))
        ledger.syncs.keep({"Users": kept(diff(30))})
        assert set(state(ledger, diff(72)).delivered) == {diff(48).identity, diff(72).identity}

    def test_a_later_look_takes_the_place_of_the_former(self, ledger):
        ledger.syncs.keep({"Users": kept(diff(24), missed=[Missed(at(1), at(2))])})
        ledger.syncs.keep({"Users": kept(diff(48), baseline=30, missed=[Missed(at(3), None)])})
        found = state(ledger)
        assert (found.owed, found.baseline) == (frozenset({diff(48).identity}), Baseline.of(full(30)))
        assert found.open_gaps == (Missed(at(1), at(2)), Missed(at(3), None))

    def test_looks_are_kept_together_or_not_at_all(self, ledger):
        with pytest.raises(sqlite3.IntegrityError):
            ledger.syncs.keep({"Users": kept(diff(24)), "Nobody": kept()})
        assert state(ledger) == SyncState()

    def test_a_data_set_can_begin_anew(self, ledger):
        ledger.syncs.keep({"Users": kept(diff(24), missed=[Missed(at(1), at(2))])})
        ledger.columns.pin("Users", ("A",))
        ledger.syncs.reset("Users")
        assert state(ledger) == SyncState()
        assert ledger.columns.pinned("Users") is None


class TestOwed:
    def test_what_is_published_is_owed_no_more(self, ledger):
        ledger.syncs.keep({"Users": kept(diff(24), diff(48))})
        intent = Delivery.of(diff(24), "Users", path="Users/differential/a.zip")
        ledger.deliveries.intend(intent)
        assert diff(24).identity in ledger.syncs.owed("Users")
        ledger.deliveries.finish(intent)
        assert ledger.syncs.owed("Users") == {diff(48).identity}

    def test_what_is_recorded_is_owed_no_more(self, ledger):
        ledger.syncs.keep({"Users": kept(diff(24))})
        deliver(ledger, replace(diff(24), plugin_id="DIFF-1"))
        assert ledger.syncs.owed("Users") == frozenset()

    def test_something_can_be_owed_without_a_look(self, ledger):
        ledger.syncs.owe("Users", [diff(24).identity])
        assert state(ledger) == SyncState(owed=frozenset({diff(24).identity}))


class TestGaps:
    def closed(self, ledger: Ledger) -> list[str | None]:
        return [gap.closed_by for gap in ledger.gaps.known(["Users"])]

    def test_the_first_full_that_covers_one_closes_it(self, ledger):
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), at(72))])})
        deliver(ledger, full(24), full(71))
        assert self.closed(ledger) == [None]
        deliver(ledger, full(90), full(80))
        assert self.closed(ledger) == [ledger.folders.path_for(full(80), "Users", ".zip")]
        assert state(ledger).open_gaps == ()

    def test_a_full_at_its_very_end_covers_it(self, ledger):
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), at(72))])})
        deliver(ledger, full(72))
        assert self.closed(ledger) != [None]

    def test_without_an_end_any_later_full_covers_it(self, ledger):
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), None), Missed(None, at(12))])})
        deliver(ledger, full(25))
        assert None not in self.closed(ledger)

    def test_a_differential_or_a_mere_intent_covers_nothing(self, ledger):
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), at(72))])})
        deliver(ledger, diff(90))
        ledger.deliveries.intend(Delivery.of(full(90), "Users", path="Users/full/x.zip"))
        assert self.closed(ledger) == [None]

    def test_a_full_that_was_never_a_file_here_covers_it_all_the_same(self, ledger):
        """No path can be reported as closing the gap, so it is not reported any more."""
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), at(72))])})
        ledger.deliveries.record(Delivery.of(full(72), "Users"))
        assert self.closed(ledger) == []
        assert state(ledger).open_gaps == ()
        assert ledger.complete_through("Users") == at(72)

    def test_it_is_told_until_its_closing_is_settled(self, ledger):
        """So if a run is killed before its report, the next run still reports it."""
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), at(72)), Missed(at(24), at(999))])})
        deliver(ledger, full(80))
        assert self.closed(ledger) == self.closed(ledger) == [ledger.folders.path_for(full(80), "Users", ".zip"), None]
        ledger.gaps.settle(["Users"])
        assert self.closed(ledger) == [None]

    def test_what_is_settled_stays_so_even_without_its_full(self, ledger):
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), at(72))])})
        deliver(ledger, full(80))
        ledger.gaps.settle(["Users"])
        ledger.deliveries.forget(full(80).identity)
        assert self.closed(ledger) == []

    def test_a_lost_differential_closes_its_own_gap_once_it_is_delivered(self, ledger):
        ledger.syncs.keep(
            {"Users": kept(missed=[Missed(at(24), at(72), lost=at(48)), Missed(at(24), at(72), lost=at(50))])}
        )
        deliver(ledger, full(0), diff(48))
        assert self.closed(ledger) == [None]
        deliver(ledger, diff(50))
        assert self.closed(ledger) == [ledger.folders.path_for(diff(48), "Users", ".zip")]
        assert ledger.complete_through("Users") == at(50)

    def test_one_that_was_open_to_the_end_is_told_once_where_the_same_full_closes_it_and_what_it_became(self, ledger):
        ends = [Missed(at(24), None), Missed(at(24), at(72)), Missed(at(30), None)]
        ledger.syncs.keep({"Users": kept(missed=ends)})
        assert [gap.missed for gap in ledger.gaps.known(["Users"])] == ends
        deliver(ledger, full(80))
        assert [gap.missed for gap in ledger.gaps.known(["Users"])] == ends[1:]

    def test_one_that_is_none_after_all_is_told_no_more(self, ledger):
        gap = Missed(at(24), at(72), seen=at(20))
        ledger.syncs.keep({"Users": kept(missed=[gap])})
        assert state(ledger).open_gaps[0].is_filled_by([diff(19)])
        ledger.syncs.keep({"Users": replace(kept(), filled=(gap,))})
        assert self.closed(ledger) == []
        assert state(ledger).open_gaps == ()
        ledger.gaps.settle(["Users"])
        assert self.closed(ledger) == []

    def test_one_can_be_accepted(self, ledger):
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), None)])})
        assert ledger.gaps.accept("Users") == 1
        assert ledger.gaps.accept("Users") == 0
        assert self.closed(ledger) == []

    def test_another_data_set_s_are_not_told(self, ledger):
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), None)])})
        assert ledger.gaps.known(["Tools"]) == []


class TestCompleteThrough:
    def through(self, ledger: Ledger) -> float | None:
        moment = ledger.complete_through("Users")
        return None if moment is None else (moment - START) / timedelta(hours=1)

    def test_of_nothing_it_is_unknown(self, ledger):
        assert self.through(ledger) is None

    def test_of_what_was_only_pulled_it_is_the_newest_full(self, ledger):
        deliver(ledger, full(0), full(48), diff(72))
        assert self.through(ledger) == 48

    def test_it_is_the_newest_delivered(self, ledger):
        deliver(ledger, full(0), diff(24), diff(48))
        ledger.syncs.keep({"Users": kept()})
        assert self.through(ledger) == 48

    def test_it_stops_before_what_is_owed(self, ledger):
        deliver(ledger, full(0), diff(24), diff(72))
        ledger.syncs.keep({"Users": kept(diff(48), diff(60))})
        assert self.through(ledger) == 24
        deliver(ledger, diff(48))
        assert self.through(ledger) == 48
        deliver(ledger, diff(60))
        assert self.through(ledger) == 72

    def test_it_stops_where_a_gap_begins(self, ledger):
        deliver(ledger, full(0), diff(24), diff(72))
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), at(72))])})
        assert self.through(ledger) == 24
        deliver(ledger, full(80))
        assert self.through(ledger) == 80

    def test_a_full_closes_a_gap_from_its_own_moment_on(self, ledger):
        """Before that, as long as extracts before the full are owed, no delivery contains what was missed."""
        deliver(ledger, full(0), diff(24), diff(72), full(96), diff(100))
        ledger.syncs.keep({"Users": kept(diff(84), missed=[Missed(at(24), at(72))])})
        assert self.through(ledger) == 24
        ledger.gaps.settle(["Users"])
        assert self.through(ledger) == 24
        deliver(ledger, diff(84))
        assert self.through(ledger) == 100

    def test_a_gap_from_the_very_beginning_leaves_nothing(self, ledger):
        deliver(ledger, diff(24))
        ledger.syncs.keep({"Users": kept(baseline=None, missed=[Missed(None, at(24))])})
        assert self.through(ledger) is None

    def test_without_its_baseline_nothing_is_complete(self, ledger):
        deliver(ledger, diff(24), diff(48))
        ledger.syncs.keep({"Users": kept(full(0))})
        assert self.through(ledger) is None

    def test_a_newer_full_stands_in_for_the_baseline(self, ledger):
        deliver(ledger, diff(24), full(36), diff(48))
        ledger.syncs.keep({"Users": kept()})
        assert self.through(ledger) == 48

    def test_without_any_full_it_is_the_newest_differential(self, ledger):
        deliver(ledger, diff(24), diff(48))
        ledger.syncs.keep({"Users": kept(baseline=None)})
        assert self.through(ledger) == 48

    def test_until_the_new_baseline_is_there_it_stays_where_the_gap_begins(self, ledger):
        deliver(ledger, full(0), diff(24), diff(90))
        ledger.syncs.keep({"Users": kept(full(72), baseline=72, missed=[Missed(at(24), at(72))])})
        assert self.through(ledger) == 24


class TestFuture:
    """Extracts with a date in the future are delivered, but nothing is measured by them."""

    def through(self, ledger: Ledger) -> float | None:
        moment = ledger.complete_through("Users")
        return None if moment is None else (moment - START) / timedelta(hours=1)

    def test_what_is_recorded_counts_for_nothing_until_its_date_has_come(self, ledger):
        deliver(ledger, full(0), diff(24), full(900))
        ledger.syncs.keep({"Users": kept()})
        ledger.future.record({"Users": [full(900).identity]})
        found = ledger.syncs.state("Users", [diff(24).identity], [full(900).identity], at(30))
        assert (found.newest, found.newest_full, found.future) == (at(24), at(0), {full(900).identity})
        assert full(900).identity not in found.delivered
        assert self.through(ledger) == 24
        assert ledger.deliveries.newest() == {"Users": at(24)}
        ledger.future.record({"Users": ledger.future.seen("Users", [full(900).identity], [], at(999))})
        assert self.through(ledger) == 900

    def test_it_stays_recorded_where_it_is_not_listed_any_more(self, ledger):
        deliver(ledger, full(900))
        ledger.future.record({"Users": [full(900).identity]})
        assert ledger.future.seen("Users", [full(0).identity], [], at(999)) == {full(900).identity}
        assert ledger.syncs.state("Users", [full(0).identity], [], at(999)).newest_full is None

    def test_a_baseline_that_an_older_program_kept_is_taken_back(self, ledger):
        deliver(ledger, full(900), diff(24))
        ledger.syncs.keep({"Users": kept(baseline=900)})
        found = ledger.syncs.state("Users", [diff(24).identity], [], at(30))
        assert (found.baseline, found.newest_full, found.newest) == (None, None, at(24))
        assert ledger.future.seen("Users", [diff(24).identity], [], at(30)) == {full(900).identity}

    def test_it_closes_no_gap(self, ledger):
        deliver(ledger, full(0), diff(24), full(900))
        ledger.syncs.keep({"Users": kept(missed=[Missed(at(24), at(72))])})
        ledger.future.record({"Users": [full(900).identity]})
        assert ledger.gaps.open("Users") == (Missed(at(24), at(72)),)


def test_an_absence_is_accepted_until_the_data_set_is_listed_again(ledger: Ledger) -> None:
    assert ledger.absences.accept("Users") == 0
    ledger.absences.note(["Users"], [])
    assert ledger.absences.accepted() == frozenset()
    assert (ledger.absences.accept("Users"), ledger.absences.accept("Users")) == (1, 0)
    ledger.absences.note(["Users"], [])
    assert ledger.absences.accepted() == {"Users"}
    ledger.absences.note([], ["Users"])
    assert ledger.absences.accepted() == frozenset()


def test_a_ledger_of_the_first_format_is_brought_forward(tmp_path: Path) -> None:
    """Deliveries of an older program stay delivered, and syncs can store their state."""
    prepared(tmp_path)
    old = sqlite3.connect(ledger_path(tmp_path), isolation_level=None)
    for statement in migrations.MIGRATIONS[0]:
        old.execute(statement)
    old.execute("INSERT INTO tenant VALUES (?)", (TENANT,))
    old.execute("INSERT INTO folders VALUES ('Users', 'users')")
    old.execute("INSERT INTO folder_ids VALUES ('full-1', 'Users')")
    old.execute("INSERT INTO plugins VALUES (1, 'full-1', 'Full', 'Users', 'Users', 'schema-1')")
    micros = int(full(0).queued_for_processing_date.timestamp()) * 10**6
    old.execute(
        "INSERT INTO extracts VALUES (1, 1, ?, ?, '9.4', 'done', NULL, NULL, 5, 'ab', NULL, 0)", (micros, micros)
    )
    old.execute("PRAGMA user_version = 1")
    old.close()
    with Ledger.open(ledger_path(tmp_path), TENANT) as ledger:
        ledger.folders.folder_for(USERS)
        ledger.syncs.keep({"Users": kept()})
        assert ledger.complete_through("Users") == at(0)
        assert len(list(ledger.deliveries.all())) == 1


@given(fractions=st.lists(st.integers(0, 999_999), min_size=8, max_size=8), fails=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_tenant_that_prints_other_fractions_at_each_look_is_delivered_once(fractions: list[int], fails: bool) -> None:
    """For any fractions of fulls, differentials and their generations at a look: no gap, nothing twice."""
    world = World([full(0), diff(0), *(diff(24 * day) for day in range(1, 10))], KEEPS)
    with TemporaryDirectory() as folder:
        prepared(Path(folder))
        with Ledger.open(ledger_path(Path(folder)), TENANT) as ledger:
            ledger.folders.folder_for(USERS)
            delivered: list[Identity] = []
            for day, fraction in enumerate(fractions, start=1):
                listed = [with_fraction(each, fraction) for each in world.listed(at(24 * day + 1))]
                state = ledger.syncs.state("Users", [each.identity for each in listed])
                look = Look.of(at(24 * day + 1), listed)
                plan = plan_data_set(Listed.of(USERS, listed), state, look, with_fulls=True)
                ledger.syncs.keep({"Users": plan.kept})
                assert plan.gaps == ()
                for due in plan.due[fails and day == 3 :]:
                    deliver(ledger, due.extract)
                    delivered.append(due.extract.identity)
            assert ledger.complete_through("Users") == at(24 * 8).replace(microsecond=fractions[-1])
    assert len(delivered) == len(set(delivered)) == 9


def with_fraction(extract: Extract, fraction: int) -> Extract:
    queued, created = extract.queued_for_processing_date, extract.created_date
    return replace(
        extract,
        queued_for_processing_date=queued.replace(microsecond=fraction),
        created_date=created.replace(microsecond=999_999 - fraction),
    )


# The ledger compared with the books that test the plan


class KeptInLedger(Books):
    """Books that are also kept in a ledger: both must agree."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger

    def state(self, listed: Sequence[Extract]) -> SyncState:  # type: ignore[override]
        expected = super().state(listed)
        found = self.ledger.syncs.state("Users", [extract.identity for extract in listed])
        assert found == expected
        return found

    def keep(self, plan: DataSetPlan) -> None:
        super().keep(plan)
        self.ledger.syncs.keep({"Users": plan.kept})

    def deliver(self, extract: Extract, moment: datetime) -> None:
        super().deliver(extract, moment)
        path = self.ledger.folders.path_for(extract, "Users", ".zip")
        self.ledger.deliveries.record(Delivery.of(extract, "Users", path=path, delivered_at=moment))

    def settle(self) -> None:
        super().settle()
        self.ledger.gaps.settle(["Users"])


SIXTY_WEEKS = World(
    [*(full(week * 7 * DAY) for week in range(60)), *(diff(hour + 0.5) for hour in range(0, 400 * DAY, DAY))], KEEPS
)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=15), st.integers(0, 3), st.integers())
def test_the_ledger_remembers_what_the_plan_is_tested_with(steps: list[int], failing: int, seed: int) -> None:
    draw, hour = random.Random(seed), 10 * DAY
    with TemporaryDirectory() as home:
        prepared(Path(home))
        with Ledger.open(ledger_path(Path(home)), TENANT) as ledger:
            ledger.folders.folder_for(USERS)
            books = KeptInLedger(ledger)
            for step in steps:
                hour += step
                books.sync(SIXTY_WEEKS, at(hour), fails=lambda extract: draw.randrange(10) < failing)


def test_a_plan_is_made_of_a_ledger_that_is_only_read(tmp_path: Path) -> None:
    prepared(tmp_path)
    with Ledger.open(ledger_path(tmp_path), TENANT) as ledger:
        ledger.folders.folder_for(USERS)
        deliver(ledger, full(0), diff(24))
    with Ledger.read(ledger_path(tmp_path)) as reader:
        world = World([full(0), diff(24), diff(48)], dict.fromkeys(BdsType, timedelta(days=99)))
        found = reader.syncs.state("Users", [extract.identity for extract in world.made])
        plan = plan_data_set(Listed.of(USERS, world.made), found, world.look(at(50)), with_fulls=False)
        assert [due.extract for due in plan.due] == [diff(48)]
