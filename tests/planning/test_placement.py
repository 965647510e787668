"""Data sets whose parts are listed separately, or move, keep what the ledger knows about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bds_async.ledger import Delivery, Kept, LastLook, Ledger, Missed
from bds_async.models import DataSet, Extract, Plugin
from bds_async.planning.placement import by_folder
from tests.support.places import ledger_path, prepared
from tests.support.sync_world import at, diff, full

USERS = DataSet("schema-1", Plugin("full-1", "Users"), Plugin("diff-1", "Users Differential"))
ITS_FULL = DataSet(None, Plugin("full-1", "Utilisateurs"), None)
ITS_DIFFERENTIAL = DataSet(None, None, Plugin("diff-1", "Les changements"))
LOOK = LastLook(at(100), at(99), at(98), timedelta(days=14))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    prepared(tmp_path)
    with Ledger.open(ledger_path(tmp_path), "https://school.example") as opened:
        yield opened


def deliver(ledger: Ledger, folder: str, *extracts: Extract) -> None:
    for extract in extracts:
        ledger.deliveries.record(Delivery.of(extract, folder, path=ledger.folders.path_for(extract, folder, ".zip")))


def test_each_data_set_has_its_folder_and_its_extracts(ledger):
    tools = DataSet("schema-2", Plugin("full-2", "Tools"), None)
    listed = {USERS: (full(0), diff(24)), tools: (replace(full(0), plugin_id="full-2"),)}
    placed = by_folder(listed, ledger)
    assert placed == {"Users": (USERS, listed[USERS]), "Tools": (tools, listed[tools])}


def test_parts_that_are_listed_apart_in_one_folder_are_one_data_set(ledger):
    ledger.folders.folder_for(USERS)
    placed = by_folder({ITS_FULL: (full(0),), ITS_DIFFERENTIAL: (diff(24),)}, ledger)
    expected = replace(ITS_FULL, differential=ITS_DIFFERENTIAL.differential)
    assert placed == {"Users": (expected, (full(0), diff(24)))}


def test_what_two_data_sets_share_is_there_once(ledger):
    twin = replace(USERS, schema_id="schema-2")
    assert by_folder({USERS: (full(0), diff(24)), twin: (full(0), diff(24))}, ledger) == {
        "Users": (USERS, (full(0), diff(24)))
    }


class TestGathering:
    def test_what_was_delivered_apart_is_known_when_the_parts_are_listed_together(self, ledger):
        apart = ledger.folders.folders_for([ITS_FULL, ITS_DIFFERENTIAL])
        for folder, extract in zip(apart, (full(0), diff(24)), strict=True):
            deliver(ledger, folder, extract)
        ledger.folders.gather([USERS])
        folder = ledger.folders.folder_for(USERS)
        state = ledger.syncs.state(folder, [full(0).identity, diff(24).identity])
        assert folder == apart[0] != apart[1]
        assert state.delivered.keys() == {full(0).identity, diff(24).identity}

    def test_what_is_owed_and_missed_goes_with_the_last_plugin(self, ledger):
        folder = ledger.folders.folder_for(ITS_DIFFERENTIAL)
        deliver(ledger, folder, diff(24))
        ledger.syncs.keep({folder: Kept(None, LOOK, (Missed(at(24), at(48)),), frozenset({diff(72).identity}))})
        ledger.folders.folder_for(ITS_FULL)
        ledger.folders.gather([USERS])
        state = ledger.syncs.state(ledger.folders.folder_for(USERS), [])
        assert (state.owed, state.open_gaps) == (frozenset({diff(72).identity}), (Missed(at(24), at(48)),))
        assert state.last_look == LOOK

    def test_nothing_moves_where_all_is_in_place(self, ledger):
        deliver(ledger, ledger.folders.folder_for(USERS), full(0), diff(24))
        before = list(ledger.deliveries.all())
        ledger.folders.gather([USERS])
        assert list(ledger.deliveries.all()) == before
