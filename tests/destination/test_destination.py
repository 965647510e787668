"""The contract of every destination: a file appears whole or not at all, and placing it again does no harm.

A new destination is added to `makers`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bds_async.destination import Destination, LocalFolder, Recorded, destination_of
from bds_async.errors import DestinationError, ExtractError, Stopped
from bds_async.support.patience import Patience
from bds_async.workspace import workspace_of
from tests.support.stores import azure_container, folder_of_state

PATH = "Users/full/Users_full_20260101T000000Z_v9.4.zip"
OTHER = "Users/full/Users_full_20260102T000000Z_v9.4.zip"
#: Memory and a disk: on most machines one of them is on another file system than temporary folders.
PLACES = (Path("/dev/shm"), Path("/var/tmp"))


class Place:
    """A destination, and a staging folder in its state folder."""

    def __init__(self, destination: Destination, staging: Path) -> None:
        self.destination = destination
        self.staging = staging
        destination.prepare()

    def staged(self, content: bytes) -> Path:
        """A file to be placed."""
        path = self.staging / "key.part"
        path.write_bytes(content)
        return path

    def place(self, content: bytes, path: str = PATH) -> None:
        self.destination.place(self.staged(content), path, hashlib.sha256(content).hexdigest())

    def content(self, path: str = PATH) -> bytes:
        with self.destination.local(path) as file:
            return file.read_bytes()


def on_one_file_system(home: Path) -> Iterator[Place]:
    """A local folder whose state folder is in it."""
    staging = home / "to" / ".bds-async" / "partial"
    staging.mkdir(parents=True)
    yield Place(LocalFolder(home / "to"), staging)


def on_two_file_systems(home: Path) -> Iterator[Place]:
    """A local folder whose state folder is on another file system, so that placing copies."""
    with other_file_system(home) as staging:
        yield Place(LocalFolder(home / "to"), staging)


@contextmanager
def other_file_system(home: Path) -> Iterator[Path]:
    """A folder on another file system than `home`."""
    others = [place for place in PLACES if place.is_dir() and place.stat().st_dev != home.stat().st_dev]
    if not others:
        pytest.skip("there is no second file system")
    folder = Path(tempfile.mkdtemp(dir=others[0]))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def in_s3(home: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A prefix in an S3 bucket."""
    bucket = request.getfixturevalue("s3").bucket()
    yield in_a_store(home, f"s3://{bucket}/some/prefix")


def in_azure(home: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A whole Azure container."""
    yield in_a_store(home, f"az://{azure_container(request.getfixturevalue('azure'))}")


def in_google(home: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A prefix in a bucket, accessed as in Google Cloud Storage."""
    request.getfixturevalue("google")
    bucket = request.getfixturevalue("s3_server").bucket()
    yield in_a_store(home, f"gs://{bucket}/some/prefix")


def in_a_store(home: Path, address: str) -> Place:
    state = folder_of_state(home)
    return Place(destination_of(workspace_of(address, state)), state / "partial")


Maker = Callable[..., Iterator[Place]]
makers: list[Maker] = [on_one_file_system, on_two_file_systems, in_s3, in_google, in_azure]


@pytest.fixture(params=makers, ids=lambda maker: maker.__name__)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    needs = (request,) if request.param in (in_s3, in_google, in_azure) else ()
    yield from request.param(tmp_path, *needs)


def test_a_placed_file_has_its_content_and_its_size(place: Place) -> None:
    place.place(b"content")
    assert (place.content(), place.destination.size(PATH)) == (b"content", 7)


def test_an_empty_file_can_be_placed(place: Place) -> None:
    place.place(b"")
    assert (place.content(), place.destination.size(PATH)) == (b"", 0)


def test_a_large_file_is_placed_whole(place: Place) -> None:
    """It is larger than any block of a copy."""
    content = os.urandom(9_000_001)
    place.place(content)
    assert place.content() == content


def test_what_is_not_there_has_no_size_and_no_moment(place: Place) -> None:
    assert place.destination.size(PATH) is None
    assert place.destination.modified(PATH) is None
    with pytest.raises(DestinationError) as caught, place.destination.local(PATH):
        pass
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_what_is_below_a_file_is_not_there(place: Place) -> None:
    """A path through a file, for example if a data set's folder is now a file."""
    place.place(b"x", "Users")
    assert place.destination.size(PATH) is None
    assert list(place.destination.paths("Users/full")) == []


def test_the_moment_of_a_file_is_that_of_its_placing(place: Place) -> None:
    from time import time

    before = time()
    place.place(b"content")
    modified = place.destination.modified(PATH)
    assert modified is not None
    assert before - 5 < modified < time() + 5


def test_placing_replaces_what_is_there(place: Place) -> None:
    place.place(b"old")
    place.place(b"the new one")
    assert (place.content(), list(place.destination.paths())) == (b"the new one", [PATH])


def test_placing_the_same_file_again_does_no_harm(place: Place) -> None:
    """As in a recovery, which does not know how far a killed run got."""
    place.place(b"content")
    place.place(b"content")
    assert (place.content(), list(place.destination.paths())) == (b"content", [PATH])


def test_nothing_but_the_file_itself_is_listed(place: Place) -> None:
    """Neither staged files, nor temporary copies, nor the state folder."""
    place.place(b"content")
    place.staged(b"another")
    assert list(place.destination.paths()) == [PATH]


def test_every_file_below_a_folder_is_listed(place: Place) -> None:
    for path in (PATH, OTHER, "Tools/full/x.csv", "note.txt"):
        place.place(b"x", path)
    assert sorted(place.destination.paths()) == sorted([PATH, OTHER, "Tools/full/x.csv", "note.txt"])
    assert sorted(place.destination.paths("Users/full")) == [PATH, OTHER]
    assert list(place.destination.paths("Nothing/full")) == []


def test_names_of_any_language_are_kept(place: Place) -> None:
    path = "Übungen漢字/full/Übungen漢字_full_20260101T000000Z_v9.4.zip"
    place.place(b"x", path)
    assert list(place.destination.paths()) == [path]


@pytest.mark.parametrize("path", ["../outside.zip", "/etc/x.zip", "Users/../../x.zip", "", "Users//x.zip"])
def test_a_path_that_leaves_the_destination_is_refused(place: Place, path: str) -> None:
    staged = place.staged(b"x")
    with pytest.raises(DestinationError):
        place.destination.place(staged, path)
    with pytest.raises(DestinationError):
        place.destination.size(path)
    assert staged.exists()


def test_a_place_that_is_free_or_has_a_file_can_be_used(place: Place) -> None:
    place.destination.check_place(PATH)
    place.place(b"x")
    place.destination.check_place(PATH)


def test_a_staged_file_that_is_gone_publishes_nothing(place: Place) -> None:
    staged = place.staged(b"x")
    staged.unlink()
    with pytest.raises(DestinationError):
        place.destination.place(staged, PATH)
    assert list(place.destination.paths()) == []


def test_finishing_what_is_placed_or_was_never_begun_does_no_harm(place: Place) -> None:
    """As in a recovery that finds no staged file; a file that a loader has taken does not return."""
    place.destination.finish_placing(place.staging / "key.part", PATH)
    assert list(place.destination.paths()) == []
    place.place(b"x")
    place.destination.finish_placing(place.staging / "key.part", PATH)
    assert place.content() == b"x"


def test_the_staged_file_is_gone_once_a_file_is_placed(place: Place) -> None:
    """Its space is needed."""
    place.place(b"x")
    assert list(place.staging.iterdir()) == []


def test_preparing_and_cleaning_keep_every_file(place: Place) -> None:
    place.place(b"x")
    place.destination.prepare()
    place.destination.clean()
    place.destination.demand()
    assert list(place.destination.paths()) == [PATH]


WANTED = Recorded(6, hashlib.sha256(b"wanted").hexdigest())


def make_pipe(path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no such files")
    os.mkfifo(path)


def refused(*_: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


class TestLocalFolder:
    """Further promises of a local folder."""

    def test_a_folder_in_the_place_of_a_file_fails_the_extract(self, tmp_path: Path) -> None:
        (tmp_path / PATH).mkdir(parents=True)
        with pytest.raises(ExtractError, match="A folder is in the place of"):
            LocalFolder(tmp_path).check_place(PATH)

    @pytest.mark.parametrize("folder", ["Users", "Users/full"])
    @pytest.mark.parametrize("is_link", [False, True])
    def test_a_file_in_the_place_of_a_folder_fails_the_extract_and_is_named(
        self, tmp_path: Path, folder: str, is_link: bool
    ) -> None:
        """So does a link that leads nowhere."""
        blocking = tmp_path / folder
        blocking.parent.mkdir(exist_ok=True)
        blocking.symlink_to("nowhere") if is_link else blocking.write_text("x")
        with pytest.raises(ExtractError, match=f"A file is in the place of the folder {folder}; move it away"):
            LocalFolder(tmp_path).check_place(PATH)

    def test_a_folder_that_may_not_be_entered_is_exit_6_and_named(self, tmp_path: Path, monkeypatch) -> None:
        def refuse(path: Path) -> bool:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr(Path, "lstat", refuse)
        with pytest.raises(DestinationError) as caught:
            LocalFolder(tmp_path).check_place(PATH)
        assert (caught.value.exit_code, f"{(tmp_path / PATH).parent} cannot be written" in str(caught.value)) == (
            6,
            True,
        )

    @pytest.mark.parametrize("kind", ["larger", "other", "unreadable", "dangling link", "pipe"])
    def test_another_file_is_renamed_whatever_it_is(
        self, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place, folder = tmp_path / PATH, LocalFolder(tmp_path)
        place.parent.mkdir(parents=True)
        if kind == "dangling link":
            place.symlink_to("unmounted")
        elif kind == "pipe":
            make_pipe(place)
        else:
            place.write_bytes(b"wanted, and more" if kind == "larger" else b"mine!!")
        if kind == "unreadable":
            monkeypatch.setattr(Path, "open", refused)
        assert folder.check_place(PATH)
        assert folder.set_aside(PATH, WANTED) == f"{PATH}.kept"
        assert os.path.lexists(tmp_path / f"{PATH}.kept")
        assert not folder.check_place(PATH)

    def test_the_same_file_stays(self, tmp_path: Path) -> None:
        place, folder = tmp_path / PATH, LocalFolder(tmp_path)
        place.parent.mkdir(parents=True)
        place.write_bytes(b"wanted")
        assert folder.set_aside(PATH, WANTED) is None
        assert place.exists()

    def test_a_file_that_a_loader_has_taken_needs_no_other_name(self, tmp_path: Path) -> None:
        assert LocalFolder(tmp_path).set_aside(PATH, WANTED) is None

    def test_a_stop_ends_the_comparison(self, tmp_path: Path) -> None:
        (tmp_path / PATH).parent.mkdir(parents=True)
        (tmp_path / PATH).write_bytes(b"mine!!")
        patience = Patience()
        patience.cut()
        with pytest.raises(Stopped):
            LocalFolder(tmp_path, patience).set_aside(PATH, WANTED)

    def test_a_folder_that_is_not_there_is_demanded_in_vain(self, tmp_path: Path) -> None:
        """And it lists no files, as a preview needs before the first run."""
        missing = LocalFolder(tmp_path / "missing")
        assert list(missing.paths()) == []
        with pytest.raises(DestinationError, match="There is no folder"):
            missing.demand()

    def test_a_copy_that_breaks_off_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The old file is still there, and no copy takes space."""
        with other_file_system(tmp_path) as staging:
            place = Place(LocalFolder(tmp_path / "to"), staging)
            place.place(b"old")

            def fail(*_: object) -> None:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(shutil, "copyfileobj", fail)
            with pytest.raises(DestinationError, match="is full"):
                place.place(b"new")
            assert place.content() == b"old"
            assert [path.name for path in (tmp_path / "to").iterdir()] == ["Users"]

    def test_a_copy_ends_once_the_run_is_stopped(self, tmp_path: Path) -> None:
        """The staged file stays, so that the next run places it."""
        patience = Patience()
        with other_file_system(tmp_path) as staging:
            place = Place(LocalFolder(tmp_path / "to", patience), staging)
            place.place(b"old")
            patience.cut()
            with pytest.raises(Stopped):
                place.place(b"new")
            assert place.content() == b"old"
            assert [path.read_bytes() for path in staging.iterdir()] == [b"new"]
            assert [path.name for path in (tmp_path / "to").iterdir()] == ["Users"]

    def test_a_copy_that_has_no_room_is_not_begun(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with other_file_system(tmp_path) as staging:
            place = Place(LocalFolder(tmp_path / "to"), staging)
            monkeypatch.setattr("bds_async.workspace.space.free_space", lambda _: 3)
            with pytest.raises(DestinationError, match=r"No room .* 7 bytes are wanted, 3 are free"):
                place.place(b"content")
        assert list((tmp_path / "to").rglob("*.zip")) == []

    def test_copies_that_a_killed_run_left_are_removed_and_nothing_else(self, tmp_path: Path) -> None:
        left = tmp_path / f".bds-async-tmp-{'0123456789abcdef'}"
        others = [
            tmp_path / name for name in (".bds-async-tmp-", ".bds-async-tmp-mine", "x.bds-async-tmp-0123456789abcdef")
        ]
        for path in (left, *others):
            path.write_bytes(b"x")
        LocalFolder(tmp_path).clean()
        assert set(tmp_path.iterdir()) == set(others)

    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
    def test_a_copied_file_follows_the_umask(self, tmp_path: Path) -> None:
        umask = os.umask(0o027)
        try:
            with other_file_system(tmp_path) as staging:
                Place(LocalFolder(tmp_path / "to"), staging).place(b"x")
        finally:
            os.umask(umask)
        assert (tmp_path / "to" / PATH).stat().st_mode & 0o777 == 0o640
