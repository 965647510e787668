"""The columns of the live view at each width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bds_async.watching.layout import MARGIN, Layout, Row, time_left
from bds_async.watching.transfers import State

WAITING = State("waiting for the rate limit until 12:03", "rate limit until 12:03")
ROW = Row("  Content User Progress (differential)", 113_700_000, 123_900_000, 113_700_000.0)


def drawn(row: Row, width: int) -> str:
    return Layout(width).row(row).plain


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (40, "  Content User Progre…  113.7/123.9 MB"),
        (80, "  Content User Progress (differential)  113.7/123.9 MB  113.7 MB/s      0:00"),
        (
            120,
            "  Content User Progress (differential)                                113.7/123.9 MB  113.7 MB/s      "
            "0:00  ━━━━━━━━━━━━━━━─",
        ),
    ],
)
def test_a_narrow_terminal_drops_whole_columns(width: int, shown: str) -> None:
    found = drawn(ROW, width)
    assert " ".join(found.split()) == " ".join(shown.split())
    assert cell_len(found) == width - MARGIN


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (40, "  Content Use…  rate limit until 12:03"),
        (80, "  Content User Progress (differential)  waiting for the rate limit until 12:03"),
        (200, "  Content User Progress (differential)" + " " * 112 + "113.7/123.9 MB  waiting for the rate limit"),
    ],
)
def test_a_state_is_shown_in_place_of_the_rate_and_in_short_where_it_has_no_room(width: int, shown: str) -> None:
    row = Row(ROW.name, ROW.received, ROW.size, 0.0, WAITING)
    assert " ".join(drawn(row, width).split()).startswith(" ".join(shown.split()))


@given(
    st.builds(
        Row,
        st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60),
        st.integers(0, 10**13),
        st.none() | st.integers(0, 10**13),
        st.floats(0, 1e12),
        st.none() | st.just(WAITING),
    ),
    st.integers(1, 250),
)
def test_no_row_is_ever_wider_than_the_terminal(row: Row, width: int) -> None:
    found = drawn(row, width)
    assert cell_len(found) <= max(1, width - MARGIN)
    assert "\n" not in found


def test_a_terminal_without_unicode_gets_bars_in_ascii() -> None:
    assert Layout(120, is_unicode=False).row(ROW).plain.isascii()


@pytest.mark.parametrize(
    ("to_do", "rate", "text"),
    [(0, 5.0, "0:00"), (65, 1.0, "1:05"), (7805, 1.0, "2:10:05"), (10, 0.0, ""), (10**12, 1.0, ""), (-5, 1.0, "")],
)
def test_the_time_left_is_given_where_it_is_known(to_do: int, rate: float, text: str) -> None:
    assert time_left(to_do, rate) == text
