"""Time passes: extracts appear and expire by cadence, schemas change, some extracts are late or reissued."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bds_async.registry import Column, ColumnType
from bds_async.sandbox import LateExtract, Reissue, Sandbox, SandboxSettings, SchemaChange
from bds_async.sandbox.clock import Clock
from bds_async.sandbox.data.catalogue import Catalogue
from bds_async.sandbox.data.history import changed

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Moving:
    """A catalogue whose clock can be moved."""

    def __init__(self, **settings):
        chosen = SandboxSettings(**{"data_sets": 1, "scale": 0.01, "now": MOMENT, **settings})
        self.clock = Clock(chosen.now or MOMENT)
        self.catalogue = Catalogue(chosen, self.clock)

    def listed(self, bds_type="Differential"):
        found = self.catalogue.extracts(self.catalogue.data_sets[0])
        return sorted((e for e in found if e.bds_type == bds_type), key=lambda e: (e.queued, e.created))


def test_differentials_come_by_the_hour_and_leave_after_two_weeks():
    moving = Moving(differential_hours=1)
    before = {extract.identity for extract in moving.listed()}
    moving.clock.advance(3 * HOUR)
    after = {extract.identity for extract in moving.listed()}
    assert (len(after - before), len(before - after), len(after)) == (3, 3, 14 * 24)


def test_fulls_come_by_the_week_and_leave_after_three():
    moving = Moving()
    assert len(moving.listed("Full")) == 3
    newest = moving.listed("Full")[-1]
    moving.clock.advance(7 * DAY)
    assert moving.listed("Full")[-2].identity == newest.identity
    moving.clock.advance(22 * DAY)
    assert newest.identity not in {extract.identity for extract in moving.listed("Full")}


def test_nothing_is_listed_before_it_is_created():
    moving = Moving()
    newest = moving.listed()[-1]
    gap = newest.queued + DAY - moving.clock.moment()
    moving.clock.advance(gap + timedelta(seconds=1))
    assert moving.listed()[-1].identity == newest.identity
    moving.clock.advance(timedelta(minutes=5))
    assert moving.listed()[-1].queued == newest.queued + DAY


def test_a_year_by_the_hour_lists_every_differential_once():
    moving, seen = Moving(differential_hours=1), {}
    for _ in range(60):
        seen |= {extract.queued: extract for extract in moving.listed()}
        moving.clock.advance(6 * DAY)
    moments = sorted(seen)
    assert {later - earlier for earlier, later in pairwise(moments)} == {HOUR}
    assert len({extract.link_id for extract in seen.values()}) == len(seen)


def test_two_that_were_made_in_one_second_have_links_of_their_own():
    one = Moving().listed()[0]
    second = one.created.replace(microsecond=0)
    links = {replace(one, created=second + timedelta(milliseconds=230 * number)).link_id for number in range(4)}
    assert len(links) == 4


def test_a_minor_version_appends_columns_from_its_moment_on():
    change = SchemaChange(at=MOMENT - 3 * DAY, version="9.10", append=("Pronouns:nvarchar?", "IsGuest:bit"))
    old, new = [], []
    for extract in Moving(schema_changes=(change,)).listed():
        (old if extract.queued < change.at else new).append(extract)
    assert ({e.version for e in old}, {e.version for e in new}) == ({"9.4"}, {"9.10"})
    names = [column.name for column in new[0].columns]
    assert names == [*(column.name for column in old[0].columns), "Pronouns", "IsGuest"]


def test_a_major_version_removes_renames_and_reorders():
    columns = [Column(name, ColumnType.INT, nullable=True) for name in "ABCD"]
    change = SchemaChange(
        MOMENT, "10.0", remove=("B",), rename=(("C", "See"),), move_to_front=("D",), append=("E:int",)
    )
    assert [column.name for column in changed(columns, change)] == ["D", "A", "See", "E"]


def test_both_versions_are_seen_side_by_side_for_a_while():
    change = SchemaChange(at=MOMENT - 3 * DAY, version="10.0", remove=("MiddleName",), beside=2 * DAY)
    listed = Moving(schema_changes=(change,)).listed()
    versions = {}
    for extract in listed:
        versions.setdefault(extract.queued, []).append(extract.version)
    assert sorted(map(len, versions.values()))[-2:] == [2, 2]
    assert versions[max(versions)] == ["10.0"]
    assert len({extract.link_id for extract in listed}) == len(listed)


def test_a_change_concerns_the_data_sets_that_match():
    change = SchemaChange(at=MOMENT - 3 * DAY, version="9.5", data_set="Grade*")
    assert {extract.version for extract in Moving(schema_changes=(change,)).listed()} == {"9.4"}


def test_a_change_that_loses_a_key_is_refused():
    with pytest.raises(ValueError, match="Users loses the key column UserId"):
        Moving(schema_changes=(SchemaChange(MOMENT, "10.0", remove=("UserId",)),))


def test_a_late_extract_appears_after_newer_ones():
    moving = Moving(late_extracts=(LateExtract(at=MOMENT - 2 * DAY, by=3 * DAY),))
    due = MOMENT - 2 * DAY
    listed = [extract.queued for extract in moving.listed()]
    missing = max(moment for moment in (listed[-1] - DAY, listed[-1] - 2 * DAY) if moment <= due)
    assert missing not in listed
    moving.clock.advance(3 * DAY)
    late, following = [extract for extract in moving.listed() if extract.queued >= missing][:2]
    assert late.queued == missing
    assert late.created > following.created


@pytest.mark.parametrize(("replaces", "listed"), [(True, 1), (False, 2)])
def test_a_reissue_has_the_same_queued_date_and_a_new_created_date(replaces, listed):
    moving = Moving(reissues=(Reissue(at=MOMENT - 2 * DAY, after=3 * DAY, replaces=replaces),))
    queued = next(extract for extract in reversed(moving.listed()) if extract.queued <= MOMENT - 2 * DAY).queued
    (first,) = [extract for extract in moving.listed() if extract.queued == queued]
    moving.clock.advance(3 * DAY)
    found = [extract for extract in moving.listed() if extract.queued == queued]
    assert len(found) == listed
    assert found[-1].created == first.created + 3 * DAY
    assert (first.identity in {extract.identity for extract in found}) is not replaces


def test_events_can_concern_fulls():
    moving = Moving(reissues=(Reissue(at=MOMENT, after=DAY, bds_type="Full", data_set="User*"),))
    before = moving.listed("Full")[-1]
    moving.clock.advance(2 * DAY)
    assert moving.listed("Full")[-1].created == before.created + DAY
    assert moving.listed("Full")[-1].queued == before.queued


async def test_a_running_sandbox_serves_what_time_brings(serve):
    change = SchemaChange(at=MOMENT + DAY, version="9.5", append=("Pronouns:nvarchar?",), data_set="Users")
    caller = await serve(schema_changes=(change,), access_token_life=10**9)
    before = caller.sandbox.catalogue()[0]
    caller.sandbox.advance(8 * DAY)
    users, enrollments = caller.sandbox.catalogue()
    assert users.newest_full.queued == before.newest_full.queued + 7 * DAY
    assert (users.newest_full.version, users.newest_full.columns[-1]) == ("9.5", "Pronouns")
    assert enrollments.newest_full.version == "9.4"
    entry = await caller.entry()
    assert entry["Version"] == "9.5"
    answer = await caller.bare(await caller.signed())
    assert answer.body == users.newest_full.read()
    old = await caller.bare(await caller.signed(1))
    assert old.body == enrollments.newest_full.read()


async def test_the_wall_clock_of_links_moves_too(serve):
    caller = await serve(signed_link_life=60)
    link = await caller.signed()
    caller.sandbox.advance(timedelta(minutes=2))
    assert (await caller.bare(link)).status == 403


def test_settings_hold_events_as_values():
    settings = SandboxSettings(schema_changes=(SchemaChange(MOMENT, "9.5"),))
    assert hash(settings) == hash(SandboxSettings(schema_changes=(SchemaChange(MOMENT, "9.5"),)))
    assert Sandbox.__doc__
