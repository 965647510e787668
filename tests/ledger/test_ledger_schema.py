"""The ledger knows which columns each data set had, and which are pinned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bds_async.columns import Columns, Header
from bds_async.ledger import Delivery, Ledger, database
from bds_async.models import DataSet, Extract, Plugin
from tests.support.places import ledger_path, prepared
from tests.support.sync_world import START, diff, full

USERS = DataSet("schema-1", Plugin("full-1", "Users"), Plugin("diff-1", "Users Differential"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    prepared(tmp_path)
    with Ledger.open(ledger_path(tmp_path), "https://school.example") as opened:
        opened.folders.folder_for(USERS)
        yield opened


def deliver(ledger: Ledger, extract: Extract, columns: str | None) -> None:
    path = ledger.folders.path_for(extract, "Users", ".zip")
    ledger.deliveries.record(
        Delivery.of(extract, "Users", path=path, columns=None if columns is None else tuple(columns))
    )


def before(ledger: Ledger, extract: Extract) -> str | None:
    found = ledger.columns.before("Users", extract.identity)
    return None if found is None else "".join(found)


class TestColumnsBefore:
    def test_they_come_from_either_flavour_next_before_in_queued_order(self, ledger):
        deliver(ledger, full(0), "A")
        deliver(ledger, diff(24), "AB")
        assert [before(ledger, diff(hours)) for hours in (0, 12, 24, 36, 900)] == [None, "A", "A", "AB", "AB"]

    def test_unknown_columns_are_passed_over(self, ledger):
        deliver(ledger, full(0), "A")
        deliver(ledger, diff(24), None)
        assert before(ledger, diff(48)) == "A"

    def test_what_is_only_intended_does_not_count(self, ledger):
        ledger.deliveries.intend(Delivery.of(full(0), "Users", path="Users/full/x.zip", columns=("A",)))
        assert before(ledger, diff(24)) is None

    def test_of_versions_side_by_side_the_own_one_counts(self, ledger):
        deliver(ledger, diff(0, version="9.4"), "AB")
        deliver(ledger, diff(0, version="10.0"), "B")
        assert before(ledger, diff(24, version="9.4")) == "AB"
        assert before(ledger, diff(24, version="10.0")) == "B"
        assert before(ledger, diff(24, version="11.0")) == "B"

    def test_of_two_makings_of_one_moment_the_later_one_counts(self, ledger):
        again = replace(diff(0), created_date=START + timedelta(hours=9))
        deliver(ledger, again, "AB")
        deliver(ledger, diff(0), "A")
        assert before(ledger, diff(24)) == "AB"

    def test_another_data_set_s_columns_do_not_count(self, ledger):
        deliver(ledger, full(0), "A")
        assert ledger.columns.before("Tools", diff(24).identity) is None


class TestHeaders:
    def test_they_come_in_queued_order_page_by_page(self, ledger, monkeypatch):
        monkeypatch.setattr(database, "PAGE", 2)
        for hours in (96, 24, 72, 48):
            deliver(ledger, diff(hours), f"A{hours}")
        deliver(ledger, full(24), "AF")
        deliver(ledger, diff(60), None)
        found = list(ledger.columns.headers("Users"))
        assert [(each.queued_for_processing_date - START) / timedelta(hours=1) for each in found] == [
            24,
            24,
            48,
            72,
            96,
        ]
        assert found[-1] == Header(diff(96).queued_for_processing_date, "9.4", tuple("A96"))

    def test_of_nothing_there_are_none(self, ledger):
        assert list(ledger.columns.headers("Users")) == []


class TestPins:
    def pins(self, ledger: Ledger) -> Columns | None:
        return ledger.columns.pinned("Users")

    def test_without_any_delivery_the_next_one_s_are_to_be_pinned(self, ledger):
        assert self.pins(ledger) is None

    def test_the_columns_first_seen_are_pinned_without_saying_so(self, ledger):
        deliver(ledger, diff(24), "AB")
        deliver(ledger, full(0), "ABC")
        assert self.pins(ledger) == ("A", "B")

    def test_what_was_pinned_stays(self, ledger):
        deliver(ledger, full(0), "AB")
        ledger.columns.pin("Users", ("B", "A"))
        deliver(ledger, diff(24), "ABC")
        assert self.pins(ledger) == ("B", "A")

    def test_none_lets_the_next_one_s_be_pinned(self, ledger):
        deliver(ledger, full(0), "AB")
        ledger.columns.pin("Users", ("A", "B"))
        ledger.columns.pin("Users", None)
        assert self.pins(ledger) is None
        ledger.columns.pin("Users", ("C",))
        assert self.pins(ledger) == ("C",)
