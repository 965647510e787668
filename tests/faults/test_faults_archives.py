"""Damaged archives, and zips of odd shapes: a published file is whole, or nothing is published."""

import hashlib
import shutil
import zipfile

import pytest

from bds_async import PublishAs, Status
from bds_async.errors import DestinationError
from bds_async.sandbox import Fault
from tests.faults.playing import VICTIM, published

AS_CSV = {"publish_as": PublishAs.CSV}
#: Names that would leave the folder, or have a special meaning, if a program opened them.
HOSTILE = [
    "../../outside.csv",
    "/tmp/outside.csv",
    "C:\\outside.csv",
    "C:outside.csv",
    "NUL.csv",
    "a/b/c.csv",
    "con",
    "",
]
MEBIBYTE = 1024 * 1024


def shape(shaped: str, **keys) -> Fault:
    return Fault.of("zip", data_set=VICTIM, shape=shaped, **keys)


def file_of(played):
    return played.folder / str(played.outcome().path)


class TestDamage:
    @pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("how", ["flip", "truncate", "shorten"])
    async def test_that_comes_once_is_fetched_anew(self, play, how, share):
        damage = Fault.of("corrupt", data_set=VICTIM, how=how, share=min(share, 0.99), first=1)
        played = await play(damage, attempts=2)
        played.check_right()

    @pytest.mark.parametrize("how", ["flip", "truncate", "shorten"])
    async def test_that_stays_costs_two_downloads_whatever_is_allowed(self, play, how):
        """If the same validator and length fail twice, the file on the server is damaged."""
        played = await play(Fault.of("corrupt", data_set=VICTIM, how=how), attempts=6)
        played.check_honest(reason="zip")
        assert len(played.requests("storage")) == played.outcome().attempts == 2

    async def test_that_stays_is_tried_as_often_as_allowed_where_no_validator_tells_it_is_the_same(self, play):
        damage = [Fault.of("corrupt", data_set=VICTIM), Fault.of("etag", value="none")]
        played = await play(*damage, attempts=4)
        played.check_honest(reason="damaged")
        assert len(played.requests("storage")) == 4

    async def test_leaves_nothing_that_a_later_run_could_take_for_good(self, player):
        player = await player()
        (await player.pull(Fault.of("corrupt", data_set=VICTIM))).check_honest()
        later = await player.pull()
        later.check_right()
        assert (later.outcome().resumed_bytes, later.body_bytes()) == (0, later.outcome().bytes)

    async def test_is_found_as_csv_too(self, play):
        played = await play(Fault.of("corrupt", data_set=VICTIM), **AS_CSV)
        assert (played.report.exit_code, played.outcome().status) == (3, Status.FAILED)
        assert not list(played.folder.rglob("Users*.csv"))


class TestShapes:
    @pytest.mark.parametrize(("name", "members"), [("empty", 0), ("two", 2), ("twenty", 20), ("zip64", 1)])
    async def test_any_valid_zip_is_published_as_it_came(self, play, name, members):
        played = await play(shape(name))
        with zipfile.ZipFile(file_of(played)) as archive:
            assert (len(archive.namelist()), archive.testzip()) == (members, None)
        assert played.report.exit_code == 0
        assert played.outcome().sha256 == hashlib.sha256(file_of(played).read_bytes()).hexdigest()

    @pytest.mark.parametrize("name", HOSTILE)
    async def test_the_names_in_it_are_never_opened(self, play, name, tmp_path):
        for options in ({}, AS_CSV):
            played = await play(shape("named", name=name), **options)
            assert played.report.exit_code == 0
            assert file_of(played).is_relative_to(played.folder / VICTIM)
            assert len(published(played.folder)) == 2
        assert not list(tmp_path.rglob("*outside*"))

    @pytest.mark.parametrize(("name", "members"), [("empty", 0), ("two", 2), ("twenty", 20)])
    async def test_as_csv_exactly_one_member_is_wanted(self, play, name, members):
        played = await play(shape(name), **AS_CSV)
        assert (played.report.exit_code, played.outcome().status) == (3, Status.FAILED)
        assert f"has {members} members where one CSV is wanted" in str(played.outcome().error)
        assert len(played.requests("storage")) == 1
        assert len(published(played.folder)) == 1

    @pytest.mark.parametrize("options", [{}, AS_CSV], ids=["zip", "csv"])
    async def test_an_encrypted_member_fails_at_once(self, play, options):
        played = await play(shape("encrypted"), **options)
        assert (played.report.exit_code, played.outcome().status) == (3, Status.FAILED)
        assert "is encrypted" in str(played.outcome().error)
        assert len(played.requests("storage")) == 1
        assert len(published(played.folder)) == 1
        assert not list((played.folder / ".bds-async" / "partial").iterdir())


class TestBombs:
    """A member of 32 MiB in a zip of about 32 kB."""

    BOMB = shape("bomb", bytes=32 * MEBIBYTE)

    async def test_as_a_zip_it_is_checked_without_a_byte_on_the_disk(self, play):
        played = await play(self.BOMB)
        assert (played.report.exit_code, played.outcome().status) == (0, Status.DOWNLOADED)
        assert file_of(played).stat().st_size < MEBIBYTE

    async def test_as_csv_it_is_bounded_by_the_free_space(self, play, monkeypatch, tmp_path):
        monkeypatch.setattr("bds_async.formats.csv.free_space", lambda path: 32 * MEBIBYTE)
        with pytest.raises(DestinationError, match=f"would inflate to {32 * MEBIBYTE + 19} bytes"):
            await play(self.BOMB, **AS_CSV)
        assert not list(tmp_path.rglob("Users*.csv"))
        assert list(tmp_path.rglob("partial/*.part")), "the download is kept"

    async def test_where_there_is_room_it_is_a_file_like_others(self, play):
        assert shutil.disk_usage(".").free > 64 * MEBIBYTE
        played = await play(self.BOMB, **AS_CSV)
        assert played.report.exit_code == 0
        assert file_of(played).stat().st_size == played.outcome().bytes > 32 * MEBIBYTE
