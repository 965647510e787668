"""The ledger counts its contents, names its data sets, and drops entries on request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bds_async.ledger import Baseline, Delivery, Kept, LastLook, Ledger, Selection, Stock, database, deliveries
from bds_async.models import DataSet, Extract, Plugin
from tests.support.places import ledger_path, prepared
from tests.support.sync_world import at, diff, full

USERS = DataSet("schema-1", Plugin("full-1", "Users"), Plugin("diff-1", "Users Differential"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    prepared(tmp_path)
    with Ledger.open(ledger_path(tmp_path), "https://school.example") as opened:
        opened.folders.folder_for(USERS)
        yield opened


def deliver(ledger: Ledger, *extracts: Extract) -> None:
    for extract in extracts:
        path = ledger.folders.path_for(extract, "Users", ".zip")
        ledger.deliveries.record(Delivery.of(extract, "Users", path=path, bytes=10))


class TestDataSets:
    def test_they_are_known_as_they_were_last_seen(self, ledger):
        deliver(ledger, full(0), diff(24))
        assert ledger.folders.data_sets() == {"Users": USERS}

    def test_one_flavour_alone_is_enough(self, ledger):
        deliver(ledger, diff(24))
        found = ledger.folders.data_sets()["Users"]
        assert (found.name, found.ids) == ("Users", ("schema-1", "diff-1"))

    def test_one_that_only_has_a_folder_goes_by_that(self, ledger):
        found = ledger.folders.data_sets()["Users"]
        assert found.name == "Users"
        assert len(found.ids) == 1


class TestStock:
    def test_of_nothing(self, ledger):
        assert ledger.deliveries.stock("Users") == Stock(0, 0, None)

    def test_what_was_delivered_counts_and_what_is_intended_does_not(self, ledger):
        deliver(ledger, full(0), diff(24))
        ledger.deliveries.intend(Delivery.of(diff(48), "Users", path="Users/differential/x.zip", bytes=10))
        assert ledger.deliveries.stock("Users") == Stock(2, 20, at(24))


class TestNewest:
    def test_it_is_that_of_what_was_delivered_for_each_data_set_that_has_any(self, ledger):
        ledger.folders.folder_for(DataSet("schema-2", Plugin("full-2", "Tools"), None))
        deliver(ledger, full(0), diff(24), diff(12))
        ledger.deliveries.intend(Delivery.of(diff(48), "Users", path="Users/differential/x.zip", bytes=10))
        assert ledger.deliveries.newest() == {"Users": at(24)}

    def test_it_is_looked_up_and_nothing_is_counted(self, ledger):
        """A ledger grows by a million rows in some years, and every sync with metrics needs this value."""
        deliver(ledger, full(0))
        steps = [row["detail"] for row in ledger._database.rows(f"EXPLAIN QUERY PLAN {deliveries._NEWEST}")]
        assert [step for step in steps if "SCAN extracts" in step] == []
        assert any("SEARCH extracts USING INDEX" in step for step in steps)


class TestChosen:
    @pytest.mark.parametrize("size", [1, 2, 1000])
    def test_they_come_page_by_page_in_queued_order(self, ledger, monkeypatch, size):
        """So that memory does not grow with their number."""
        monkeypatch.setattr(database, "PAGE", size)
        deliver(ledger, *(diff(hours) for hours in (72, 24, 48)), full(0), diff(24, version="9.5"))
        found = list(ledger.deliveries.chosen("Users", Selection(since=at(24), until=at(48))))
        assert [each.identity for each in found] == [
            each.identity for each in (diff(24), diff(24, version="9.5"), diff(48))
        ]

    def test_only_a_page_of_them_is_held(self, ledger, monkeypatch):
        monkeypatch.setattr(database, "PAGE", 10)
        deliver(ledger, *(diff(hours) for hours in range(40)))
        held: list[int] = []
        rows = ledger._database.rows

        def counted(*query, **values):
            found = rows(*query, **values)
            held.append(len(found))
            return found

        monkeypatch.setattr(ledger._database, "rows", counted)
        assert sum(1 for _ in ledger.deliveries.chosen("Users", Selection())) == 40
        assert max(held) == 10


class TestDrop:
    def dropped(self, ledger: Ledger, selection: Selection) -> tuple[int, list[float]]:
        deliver(ledger, full(0), *(diff(hours) for hours in (24, 48, 72)))
        count = ledger.deliveries.drop("Users", selection)
        left = [each.identity.queued_for_processing_date for each in ledger.deliveries.all("Users")]
        return count, [(moment - at(0)) / timedelta(hours=1) for moment in left]

    @pytest.mark.parametrize(
        ("selection", "left"),
        [
            (Selection(), []),
            (Selection(since=at(48)), [0, 24]),
            (Selection(until=at(24)), [48, 72]),
            (Selection(since=at(24), until=at(48)), [0, 72]),
            (Selection(path="Users/full/*"), [24, 48, 72]),
            (Selection(path="*/differential/Users_differential_20260106T*"), [0, 24, 72]),
            (Selection(path="users/*"), [0, 24, 48, 72]),
            (Selection(path="[!T]*/full/*"), [24, 48, 72]),
            (Selection(path="[^T]*"), [0, 24, 48, 72]),
            (Selection(path="*[2]*" + "*" * 120_000), []),
            (Selection(path="x" * 120_000), [0, 24, 48, 72]),
            (Selection(since=at(999)), [0, 24, 48, 72]),
        ],
    )
    def test_what_is_selected_goes(self, ledger, selection, left):
        assert self.dropped(ledger, selection) == (4 - len(left), left)

    def test_what_was_never_a_file_has_no_path_that_matches(self, ledger):
        ledger.deliveries.record(Delivery.of(diff(96), "Users"))
        assert ledger.deliveries.drop("Users", Selection(path="*")) == 0
        assert ledger.deliveries.drop("Users", Selection()) == 1

    def test_a_sync_owes_it_then_from_its_baseline_on(self, ledger):
        look = LastLook(at(100), at(99), at(98), None)
        ledger.syncs.keep({"Users": Kept(Baseline.of(full(24)), look, (), frozenset())})
        self.dropped(ledger, Selection(until=at(48)))
        assert ledger.syncs.owed("Users") == {diff(24).identity, diff(48).identity}

    def test_everything_at_once_is_not_owed(self, ledger):
        look = LastLook(at(100), at(99), at(98), None)
        ledger.syncs.keep({"Users": Kept(None, look, (), frozenset())})
        self.dropped(ledger, Selection())
        assert ledger.syncs.owed("Users") == frozenset()

    def test_another_data_set_s_stays(self, ledger):
        deliver(ledger, full(0))
        assert ledger.deliveries.drop("Tools", Selection()) == 0
        assert ledger.deliveries.stock("Users").extracts == 1
