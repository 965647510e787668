"""Which bytes a `Range` selects, compared with RFC 9110."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.sandbox.web.ranges import Selection, select

MARKS = {"ETag": '"abc"', "Last-Modified": "Sun, 22 Nov 2026 02:04:27 GMT"}
TOTALS = st.integers(1, 10_000)


def asked(value=None, condition=None, total=100, marks=MARKS):
    headers = {"Range": value, "If-Range": condition}
    request: Any = SimpleNamespace(headers={name: text for name, text in headers.items() if text is not None})
    return select(request, marks, total)


@given(TOTALS, st.integers(0, 12_000), st.integers(0, 12_000))
def test_first_and_last_byte_are_both_included(total, first, last):
    selection = asked(f"bytes={first}-{last}", total=total)
    if last < first:
        assert selection == Selection(200, 0, total)
    elif first >= total:
        assert selection.status == 416
    else:
        assert selection == Selection(206, first, min(last, total - 1) + 1)


@given(TOTALS, st.integers(0, 12_000))
def test_an_open_range_goes_to_the_end(total, first):
    selection = asked(f"bytes={first}-", total=total)
    assert selection == (Selection(206, first, total) if first < total else Selection(416, 0, 0))


@given(TOTALS, st.integers(0, 12_000))
def test_a_suffix_counts_from_the_end(total, length):
    selection = asked(f"bytes=-{length}", total=total)
    assert selection == (Selection(206, max(0, total - length), total) if length else Selection(416, 0, 0))


@given(st.text(max_size=20), TOTALS)
def test_whatever_the_header_says_the_bytes_lie_within_the_object(text, total):
    selection = asked(text, total=total)
    assert 0 <= selection.start <= selection.stop <= total
    assert selection.status in (200, 206, 416)


@pytest.mark.parametrize("condition", ['"abc"', "Sun, 22 Nov 2026 02:04:27 GMT", None])
def test_an_unchanged_object_is_continued(condition):
    assert asked("bytes=5-", condition).status == 206


@pytest.mark.parametrize("condition", ['"abd"', 'W/"abc"', "abc", "Sun, 22 Nov 2026 02:04:28 GMT"])
def test_a_changed_object_starts_over(condition):
    assert asked("bytes=5-", condition).status == 200


def test_without_validators_no_condition_holds():
    assert asked("bytes=5-", '"abc"', marks={}).status == 200
    assert asked("bytes=5-", marks={}).status == 206
