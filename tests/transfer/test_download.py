"""The state of one download: which pieces are wanted, what counts as progress, when another try is pointless."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from yarl import URL

from bds_async.errors import DestinationError, ExtractError, TransientError
from bds_async.ledger import Delivery
from bds_async.models import Extract
from bds_async.report import Status
from bds_async.runs.outcomes import delivered, failed, way
from bds_async.transfer import download as downloads
from bds_async.transfer.download import LARGE, PIECE, Download
from bds_async.transfer.partial import Partial
from bds_async.workspace import workspace_of
from tests.support.builders import a_step, an_extract
from tests.support.places import prepared

TAG = '"one"'
SIGNED = URL("https://storage.example/x?sig=hush")
OTHER = URL("https://storage.example/y?sig=hush")
MEBIBYTE = 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepared(tmp_path)
    return tmp_path


def a_download(folder: Path, *, attempts: int = 3, **changes: object) -> Download:
    extract: Extract = an_extract(**changes)
    return Download(a_step(extract), Partial.load(workspace_of(folder), extract.identity), attempts)


async def hold(download: Download, start: int, stop: int) -> None:
    """Receive these bytes of the download."""
    async with await download.partial.open_writer(start) as writer:
        await writer.write(b"\0" * (stop - start))


async def left_behind(folder: Path, total: int | None, *held: tuple[int, int]) -> Download:
    """The state that an earlier run left of an extract, loaded by the next run."""
    former = a_download(folder)
    former.begin_object(TAG, total)
    for start, stop in held:
        await hold(former, start, stop)
    return a_download(folder)


def bounds(*pieces: downloads.Piece | None) -> list[tuple[int, int | None]]:
    return [(piece.start, piece.stop) for piece in pieces if piece is not None]


class TestFirstPiece:
    @pytest.mark.parametrize(("size", "stop"), [(None, None), (0, None), (LARGE - 1, None), (LARGE, PIECE)])
    def test_a_large_extract_is_begun_by_its_head_and_any_other_is_asked_for_whole(self, folder, size, stop):
        piece = a_download(folder, download_size=size).first_piece()
        assert bounds(piece) == [(0, stop)]
        assert piece.is_whole_extract == (stop is None)

    async def test_what_a_former_run_left_is_gone_on_with(self, folder):
        download = await left_behind(folder, 1000, (0, 300), (500, 600))
        assert bounds(download.first_piece()) == [(300, 500)]
        assert download.resumed_bytes == 400

    async def test_if_it_left_everything_there_is_none(self, folder):
        download = await left_behind(folder, 1000, (0, 1000))
        assert download.first_piece() is None
        assert download.is_ready_to_finish()

    async def test_of_a_body_whose_length_nobody_knew_the_rest_is_asked_for(self, folder):
        download = await left_behind(folder, None, (0, 300))
        assert bounds(download.first_piece()) == [(300, None)]

    async def test_nothing_held_is_nothing_to_go_on_with(self, folder):
        assert bounds((await left_behind(folder, 1000)).first_piece()) == [(0, None)]


class TestRest:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
    @given(total=st.integers(1, 1000), held=st.lists(st.tuples(st.integers(0, 999), st.integers(1, 300)), max_size=5))
    async def test_first_and_rest_are_all_that_is_missing_and_nothing_twice(self, folder, total, held):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(downloads, "PIECE", 64)
            ranges = [(start, min(start + length, total)) for start, length in held if start < total]
            assume(ranges)
            download = await left_behind(folder, total, *ranges)
            first = download.first_piece()
            pieces = bounds(first, *download.rest(first)) if first is not None else []
        missing = [byte for start, stop in pieces for byte in range(start, stop or total)]
        there = {byte for start, stop in ranges for byte in range(start, stop)}
        assert sorted(missing) == sorted(set(range(total)) - there)
        assert all((stop or total) - start <= 64 for start, stop in pieces)

    async def test_it_is_given_once_for_each_generation_the_end_of_a_zip_first(self, folder):
        download = a_download(folder, download_size=LARGE)
        piece = download.first_piece()
        assert piece is not None
        download.begin_object(TAG, 3 * PIECE)
        assert bounds(*download.rest(piece)) == [(2 * PIECE, 3 * PIECE), (PIECE, 2 * PIECE)]
        assert download.rest(piece) == []
        download.begin_object(TAG, 2 * PIECE)
        assert bounds(*download.rest(piece)) == [(PIECE, 2 * PIECE)]


class TestStalePieces:
    def test_a_piece_is_stale_once_its_download_has_begun_anew(self, folder):
        download = a_download(folder)
        piece = download.first_piece()
        assert piece.is_wanted
        download.restart()
        assert piece.is_stale
        assert not piece.is_wanted

    def test_or_is_settled(self, folder):
        download = a_download(folder)
        piece = download.first_piece()
        download.settle(failed(download, ExtractError("no")))
        assert piece.is_stale

    def test_one_that_is_complete_is_not_wanted(self, folder):
        piece = a_download(folder).first_piece()
        piece.start = piece.stop = 0
        assert piece.is_complete
        assert not piece.is_wanted


class TestBeginningAnew:
    def test_what_was_resumed_counts_no_more(self, folder):
        download = a_download(folder)
        download.resumed_bytes = 7
        download.begin_object(None, None)
        assert download.resumed_bytes == 0

    def test_starting_over_has_an_end(self, folder):
        download = a_download(folder, attempts=3)
        download.signed_link = SIGNED
        pieces = [download.restart(), download.restart()]
        assert bounds(*pieces) == [(0, None), (0, None)]
        assert [piece.tries.used for piece in pieces] == [0, 1]
        assert download.signed_link is None
        with pytest.raises(ExtractError, match="never served one object to its end in 3 tries"):
            download.restart()

    @pytest.mark.parametrize(("total", "listed"), [(2000, 2000), (2000, None)])
    def test_a_file_without_room_is_not_begun(self, folder, monkeypatch, total, listed):
        monkeypatch.setattr("bds_async.workspace.space.free_space", lambda path: 1999)
        with pytest.raises(DestinationError, match=r"No room for .* 2000 bytes are wanted, 1999 are free"):
            a_download(folder, download_size=listed).begin_object(TAG, total)

    @pytest.mark.parametrize(("total", "listed"), [(1999, 2**61), (2**61, 1999), (None, 2**61)])
    def test_one_absurd_size_of_two_stops_nothing(self, folder, monkeypatch, total, listed):
        """Either the listing or the answer may be wrong; nor is an unknown length a reason to stop."""
        monkeypatch.setattr("bds_async.workspace.space.free_space", lambda path: 1999)
        a_download(folder, download_size=listed).begin_object(TAG, total)


class TestProgress:
    async def test_only_bytes_beyond_all_that_ever_were_there_count(self, folder):
        download = a_download(folder)
        download.begin_object(None, 1000)
        await hold(download, 0, 300)
        assert download.advance() == 300
        download.begin_object(None, 1000)
        await hold(download, 0, 300)
        assert download.advance() == 0
        await hold(download, 300, 350)
        assert download.advance() == 50

    async def test_those_of_a_former_run_do_not(self, folder):
        download = await left_behind(folder, 1000, (0, 300))
        download.first_piece()
        await hold(download, 300, 310)
        assert download.advance() == 10

    async def test_after_a_failed_verification_they_count_anew(self, folder):
        download = a_download(folder)
        download.begin_object(TAG, 300)
        await hold(download, 0, 300)
        download.advance()
        download.reject()
        download.begin_object(TAG, 300)
        await hold(download, 0, 200)
        assert download.advance() == 200


class TestRejecting:
    def rejected(self, download: Download, validator: str | None, total: int | None) -> bool:
        """Whether it is fetched again after it arrived whole and was invalid."""
        download.begin_object(validator, total)
        return download.reject() is not None

    def test_the_same_validator_and_length_twice_is_the_end(self, folder):
        download = a_download(folder, attempts=6)
        assert self.rejected(download, TAG, 1000)
        assert not self.rejected(download, TAG, 1000)

    @pytest.mark.parametrize(("first", "second"), [((TAG, 1000), ('"two"', 1000)), ((TAG, 1000), (TAG, 999))])
    def test_another_of_either_is_not(self, folder, first, second):
        download = a_download(folder, attempts=6)
        assert self.rejected(download, *first)
        assert self.rejected(download, *second)
        assert self.rejected(download, *first)

    @pytest.mark.parametrize("version", [(None, 1000), (TAG, None), (None, None)])
    def test_where_either_is_unknown_it_is_tried_as_often_as_allowed(self, folder, version):
        download = a_download(folder, attempts=3)
        assert [self.rejected(download, *version) for _ in range(3)] == [True, True, False]

    def test_what_was_rejected_has_used_up_tries_of_the_next(self, folder):
        download = a_download(folder, attempts=3)
        download.begin_object(None, 1000)
        assert download.reject().tries.used == 1


class TestLinks:
    def test_the_signed_one_is_used_while_it_lives(self, folder):
        download = a_download(folder)
        assert str(download.link) == "https://school.example/download?sig=hush"
        download.signed_link = SIGNED
        assert download.link == SIGNED
        download.forget_link(SIGNED)
        assert download.signed_link is None

    def test_one_that_another_piece_has_brought_meanwhile_is_kept(self, folder):
        download = a_download(folder)
        download.signed_link = OTHER
        download.forget_link(SIGNED)
        assert download.signed_link == OTHER

    def test_no_link_is_shown(self, folder):
        download = a_download(folder)
        download.signed_link = SIGNED
        assert "hush" not in repr(download)


class TestFinishing:
    async def test_it_is_ready_once_when_every_byte_is_there(self, folder):
        download = a_download(folder)
        download.begin_object(TAG, 300)
        assert not download.is_ready_to_finish()
        await hold(download, 0, 300)
        assert [download.is_ready_to_finish() for _ in range(2)] == [True, False]
        download.reject()
        download.begin_object(TAG, 300)
        await hold(download, 0, 300)
        assert download.is_ready_to_finish()

    async def test_not_once_it_is_settled(self, folder):
        download = a_download(folder)
        download.begin_object(TAG, 0)
        download.settle(failed(download, TransientError("no")))
        assert not download.is_ready_to_finish()


class TestOutcomes:
    def test_one_that_failed_says_why_and_how_often_it_was_tried(self, folder):
        download = a_download(folder)
        assert failed(download, ExtractError("no")).attempts == 1
        download.failures = 3
        outcome = failed(download, ExtractError("no"))
        assert (outcome.status, outcome.attempts, outcome.error, outcome.path) == (Status.FAILED, 3, "no", None)

    async def test_one_that_was_published_says_where_and_what(self, folder):
        download = a_download(folder)
        download.failures, download.resumed_bytes = 2, 17
        assert download.begin()
        assert not download.begin()
        known = {"path": "X/full/x.zip", "bytes": 300, "sha256": "ab", "columns": ("Id",)}
        outcome = delivered(
            download.extract,
            Delivery.of(download.extract, "X", **known),
            Status.DOWNLOADED,
            **way(download),
        )
        assert (outcome.status, outcome.attempts, outcome.resumed_bytes) == (Status.DOWNLOADED, 3, 17)
        assert {name: getattr(outcome, name) for name in known} == known
        download.settle(outcome)
        await download.settled()
        assert download.outcome is outcome
        assert outcome.seconds >= 0
