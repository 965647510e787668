"""The progress of a run, and its numbers in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.events import Ended, Planned, Received, Restarted, Sized, unobserved
from bds_async.support.text import size_text
from bds_async.watching import Tally
from bds_async.watching.tally import sizes_text
from tests.support.builders import an_extract, an_outcome
from tests.watching.a_run import A_MIRROR, A_REVIEW, LARGE, SMALL, a_run


class TestSizes:
    @pytest.mark.parametrize(
        ("size", "text"),
        [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (28_709_805, "28.7 MB"), (5e9, "5.0 GB"), (2.5e15, "2500.0 TB")],
    )
    def test_are_in_powers_of_ten(self, size, text):
        assert size_text(size) == text

    @given(st.integers(0, 10**16))
    def test_are_short(self, size):
        assert len(size_text(size)) <= 10


class TestDoneOfAll:
    @pytest.mark.parametrize(
        ("done", "total", "text"),
        [(6_900_000, 7e6, "6.9/7.0 MB"), (0, 999, "0/999 B"), (1, 5e9, "0.0/5.0 GB"), (2000, 1000, "2.0/1.0 kB")],
    )
    def test_both_have_the_unit_of_the_larger(self, done, total, text):
        assert sizes_text(done, total) == text


class TestTally:
    def test_it_counts_what_is_wanted_and_what_is_there(self):
        tally = Tally()
        for event in a_run():
            tally(event)
        assert (tally.files, tally.files_done, tally.failed) == (2, 2, 1)
        assert (tally.bytes, tally.bytes_done) == (1000, 1000)

    def test_the_size_that_an_answer_states_replaces_the_listed_one(self):
        tally = Tally()
        for event in (Planned((LARGE, SMALL), 0), Sized(LARGE, 5_000_000), Received(LARGE, 5_000_000)):
            tally(event)
        assert (tally.bytes, tally.bytes_done) == (5_000_500, 5_000_000)

    def test_what_an_earlier_run_had_received_counts_as_done(self):
        """It is published without receiving a byte, and both the bytes done and the bytes wanted include it."""
        tally = Tally()
        tally(Planned((an_extract(download_size=1000),), 0))
        tally(Ended(an_outcome(extract=an_extract(download_size=1000))))
        assert (tally.files_done, tally.bytes_done, tally.bytes) == (1, 1000, 1000)

    def test_an_unknown_size_counts_as_nothing(self):
        tally = Tally()
        tally(Planned((an_extract(download_size=None),), 0))
        assert (tally.files, tally.bytes) == (1, 0)

    def test_a_verification_is_counted_too_and_the_repair_after_it_on_its_own(self):
        tally = Tally()
        for event in A_REVIEW:
            tally(event)
        assert (tally.files, tally.files_done, tally.bytes, tally.bytes_done) == (2, 2, 3000, 3000)
        tally(Planned((SMALL,), 0))
        assert (tally.files, tally.files_done, tally.bytes, tally.bytes_done) == (1, 0, 500, 0)

    def test_a_mirror_is_counted_on_its_own_after_the_run(self):
        tally = Tally()
        for event in (*a_run(), *A_MIRROR):
            tally(event)
        assert (tally.done, tally.failures) == ("mirror: 1 of 2 extracts", "")
        assert (tally.bytes, tally.bytes_done) == (1500, 700)

    @given(st.lists(st.integers(1, 10**9)), st.lists(st.integers(1, 10**9)))
    def test_what_is_lost_is_taken_back(self, kept, lost):
        tally = Tally()
        for new_bytes in lost:
            tally(Received(LARGE, new_bytes))
        tally(Restarted(LARGE, sum(lost)))
        for new_bytes in kept:
            tally(Received(LARGE, new_bytes))
        assert tally.bytes_done == sum(kept)


def test_a_run_that_nobody_watches_goes_on():
    for event in a_run():
        unobserved(event)
