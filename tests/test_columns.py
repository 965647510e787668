"""Headers are compared by the effect on consumers: appended columns are harmless, other changes are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.columns import ChangeKind, Columns, Header, SchemaChange, compare, history, predecessor

START = datetime(2026, 11, 22, tzinfo=UTC)
headers = st.lists(st.sampled_from("ABCDEF"), max_size=8).map(tuple)


def change(kind: ChangeKind, added: str = "", removed: str = "") -> SchemaChange:
    return SchemaChange(kind, tuple(added), tuple(removed))


def header(day: int, columns: str, version: str = "9.4") -> Header:
    return Header(START + timedelta(days=day), version, tuple(columns))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("AB", "AB", None),
        ("AB", "ABC", change(ChangeKind.ADDITIVE, added="C")),
        ("AB", "ABCD", change(ChangeKind.ADDITIVE, added="CD")),
        ("AB", "ACB", change(ChangeKind.BREAKING, added="C")),
        ("AB", "CAB", change(ChangeKind.BREAKING, added="C")),
        ("AB", "A", change(ChangeKind.BREAKING, removed="B")),
        ("AB", "AX", change(ChangeKind.BREAKING, added="X", removed="B")),
        ("AB", "BA", change(ChangeKind.BREAKING)),
        ("AB", "BAC", change(ChangeKind.BREAKING, added="C")),
        ("AA", "A", change(ChangeKind.BREAKING, removed="A")),
        ("A", "AA", change(ChangeKind.ADDITIVE, added="A")),
        ("", "A", change(ChangeKind.ADDITIVE, added="A")),
        ("AB", "Ab", change(ChangeKind.BREAKING, added="b", removed="B")),
    ],
)
def test_only_what_is_appended_at_the_end_is_additive(before: str, after: str, expected: SchemaChange | None) -> None:
    assert compare(tuple(before), tuple(after)) == expected


@given(headers, headers)
def test_a_comparison_turned_round_swaps_what_was_added_and_removed(before: Columns, after: Columns) -> None:
    there, back = compare(before, after), compare(after, before)
    assert (there is None) == (back is None) == (before == after)
    if there is not None and back is not None:
        assert (sorted(there.added), sorted(there.removed)) == (sorted(back.removed), sorted(back.added))


@given(headers, st.lists(st.sampled_from("ABCDEF"), min_size=1).map(tuple))
def test_appending_is_always_additive(before: Columns, appended: Columns) -> None:
    assert compare(before, before + appended) == SchemaChange(ChangeKind.ADDITIVE, appended, ())


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (change(ChangeKind.ADDITIVE, added="CD"), "added C, D"),
        (change(ChangeKind.BREAKING, added="X", removed="B"), "added X; removed B"),
        (change(ChangeKind.BREAKING), "reordered"),
    ],
)
def test_a_change_in_words(found: SchemaChange, text: str) -> None:
    assert str(found) == text


def test_a_column_s_name_does_not_steer_the_terminal_of_whoever_reads_of_a_change() -> None:
    found = SchemaChange(ChangeKind.BREAKING, ("\x1b]0;owned\x07Name",), ("Old\nName",))
    assert str(found) == "added \ufffd]0;owned\ufffdName; removed Old\ufffdName"
    assert found.added == ("\x1b]0;owned\x07Name",)


class TestPredecessor:
    def test_the_same_version_goes_before_a_higher_one(self):
        assert predecessor("9.4", {"9.4": ("A",), "10.0": ("B",)}) == ("A",)

    def test_a_new_version_follows_the_highest_by_number(self):
        assert predecessor("10.0", {"9.9": ("A",), "9.10": ("B",)}) == ("B",)

    def test_of_nothing_there_is_none(self):
        assert predecessor("9.4", {}) is None


class TestHistory:
    def test_it_begins_with_the_first_header_and_tells_each_change(self):
        found = list(history([header(0, "AB"), header(1, "AB"), header(2, "ABC", "9.5"), header(3, "AC", "10.0")]))
        assert [(entry.since - START, entry.version, "".join(entry.columns)) for entry in found] == [
            (timedelta(days=0), "9.4", "AB"),
            (timedelta(days=2), "9.5", "ABC"),
            (timedelta(days=3), "10.0", "AC"),
        ]
        assert [entry.change for entry in found] == [
            None,
            change(ChangeKind.ADDITIVE, added="C"),
            change(ChangeKind.BREAKING, removed="B"),
        ]

    def test_versions_side_by_side_change_once(self):
        """A major version is listed beside the former one for a while; that is one change, not one each day."""
        old, new = [header(day, "AB") for day in range(5)], [header(day, "B", "10.0") for day in range(2, 9)]
        together = sorted([*old, *new], key=lambda each: each.queued_for_processing_date)
        assert [(entry.version, entry.change) for entry in history(together)] == [
            ("9.4", None),
            ("10.0", change(ChangeKind.BREAKING, removed="A")),
        ]

    def test_there_and_back_are_two_changes(self):
        found = list(history([header(0, "AB"), header(1, "ABC"), header(2, "AB")]))
        assert [entry.change and entry.change.kind for entry in found] == [
            None,
            ChangeKind.ADDITIVE,
            ChangeKind.BREAKING,
        ]

    def test_of_nothing_there_is_none(self):
        assert list(history([])) == []

    @given(st.lists(headers, min_size=1))
    def test_the_last_entry_has_the_last_columns(self, many):
        found = list(history(header(day, columns) for day, columns in enumerate(many)))
        assert found[-1].columns == many[-1]
        assert all(one.columns != other.columns for one, other in pairwise(found))
