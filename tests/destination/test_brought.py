"""What cluster workers deliver is published once, only by the coordinator, no matter which machine ends when."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bds_async.destination import ROOMS, Brought, Destination, LocalFolder, Publisher, Recorded, destination_of
from bds_async.destination.object_store import ObjectStore
from bds_async.errors import DestinationError, ExtractError
from bds_async.formats import Checked
from bds_async.formats.zip import check
from bds_async.ledger import Ledger
from bds_async.options import Verify
from bds_async.support import durable
from bds_async.workspace import Workspace, workspace_of
from tests.destination.test_publishing import ONE, PATH, a_step
from tests.support.places import prepared
from tests.support.publishing_process import TENANT, USERS, zip_number
from tests.support.stores import azure_container, folder_of_state

ROOM, LATER = "0123456789abcdef", "fedcba9876543210"


class Killed(BaseException):
    """A kill of the coordinator."""


class Scene:
    """The ledger and the publisher of a coordinator, and a destination that its workers can reach."""

    def __init__(self, workspace: Workspace, ledger: Ledger, scratch: Path) -> None:
        ledger.folders.folder_for(USERS)
        scratch.mkdir()
        self.workspace, self.ledger, self.scratch = workspace, ledger, scratch
        self.begin(ROOM)

    def begin(self, room: str) -> None:
        """Begin a run with a new destination object; an earlier run was killed."""
        self.destination: Destination = destination_of(self.workspace)
        self.destination.open_room(room)
        self.publisher = Publisher(self.workspace, self.destination, self.ledger)

    def staged(self, content: bytes, name: str) -> Path:
        path = self.scratch / name
        path.write_bytes(content)
        return path

    def bring(self, room: str = ROOM) -> tuple[Checked, Brought]:
        """Act as a worker, with a separate destination object."""
        staged = self.staged(zip_number(0), "key-1.zip")
        checked = check(staged, Verify.FULL)
        return checked, destination_of(self.workspace).bring(staged, PATH, checked.sha256, room)

    def killed_in(self, name: str, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
        """Publish a worker's file, with a kill before or after a call of the destination."""
        brought, call = self.bring(), getattr(self.destination, name)

        def dies(*arguments: Any) -> None:
            if after:
                call(*arguments)
            raise Killed

        monkeypatch.setattr(self.destination, name, dies)
        with pytest.raises(Killed):
            self.publisher.publish_brought(a_step(), *brought)

    def content(self, path: str = PATH) -> bytes | None:
        if self.destination.size(path) is None:
            return None
        with self.destination.local(path) as file:
            return file.read_bytes()

    def left(self) -> list[str]:
        """Files, objects and uploads to S3 that workers have left and no coordinator has named."""
        if isinstance(self.destination, LocalFolder):
            return [path.name for path in self.destination.root.glob(".bds-async-tmp-*/*")]
        assert isinstance(self.destination, ObjectStore)
        access = self.destination._requests.opening.s3
        uploads = access.client(5).list_multipart_uploads(Bucket=self.destination.address.bucket) if access else {}
        return [*self.destination.paths(ROOMS), *(each["Key"] for each in uploads.get("Uploads", ()))]

    @property
    def is_delivered(self) -> bool:
        return self.ledger.deliveries.delivered(ONE.identity) is not None


def in_a_folder(home: Path, request: pytest.FixtureRequest) -> Workspace:
    return prepared(home / "to")


def in_s3(home: Path, request: pytest.FixtureRequest) -> Workspace:
    bucket = request.getfixturevalue("s3").bucket()
    return workspace_of(f"s3://{bucket}/p", folder_of_state(home))


def in_azure(home: Path, request: pytest.FixtureRequest) -> Workspace:
    return workspace_of(f"az://{azure_container(request.getfixturevalue('azure'))}", folder_of_state(home))


def in_google(home: Path, request: pytest.FixtureRequest) -> Workspace:
    request.getfixturevalue("google")
    bucket = request.getfixturevalue("s3_server").bucket()
    return workspace_of(f"gs://{bucket}/p", folder_of_state(home))


PLACES: list[Callable[[Path, pytest.FixtureRequest], Workspace]] = [in_a_folder, in_s3, in_google, in_azure]


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    workspace = request.param(tmp_path, request)
    with Ledger.open(workspace.ledger, TENANT) as ledger:
        yield Scene(workspace, ledger, tmp_path / "scratch")


@pytest.fixture
def shared(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A scene with a folder."""
    workspace = in_a_folder(tmp_path, request)
    with Ledger.open(workspace.ledger, TENANT) as ledger:
        yield Scene(workspace, ledger, tmp_path / "scratch")


def test_only_the_coordinator_gives_a_file_its_name(scene: Scene) -> None:
    """An abandoned worker that delivers the same file late changes nothing; the next run removes its file."""
    checked, brought = scene.bring()
    assert (scene.content(), [*scene.destination.paths("Users")]) == (None, [])
    published = scene.publisher.publish_brought(a_step(), checked, brought)
    scene.bring()
    assert (scene.content(), published.delivery.sha256) == (zip_number(0), checked.sha256)
    assert (scene.ledger.deliveries.intents(), len(scene.left())) == ([], 1)
    scene.begin(LATER)
    assert (scene.publisher.recover(), scene.left(), [*scene.destination.paths()]) == ([], [], [PATH])


def test_a_kill_before_the_name_is_finished_or_begun_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder the file exists and gets its name; with a store the extract is fetched again."""
    scene.killed_in("name_brought", monkeypatch, after=False)
    scene.begin(LATER)
    is_folder = scene.workspace.store is None
    assert [each.path for each in scene.publisher.recover()] == ([PATH] if is_folder else [])
    assert (scene.is_delivered, scene.content() is not None, scene.left()) == (is_folder, is_folder, [])
    assert scene.publisher.recover() == []


def test_a_kill_after_the_name_is_a_delivery(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder this holds even if a loader takes the file before the next run."""
    scene.killed_in("name_brought", monkeypatch, after=True)
    if scene.workspace.store is None:
        Path(scene.workspace.to, PATH).unlink()
    scene.begin(LATER)
    assert [each.path for each in scene.publisher.recover()] == [PATH]
    assert (scene.is_delivered, scene.left(), scene.publisher.recover()) == (True, [], [])


def test_a_worker_of_an_earlier_run_brings_nothing_to_a_folder(shared: Scene) -> None:
    """Neither a rename nor a copy from another file system leaves anything there, even if the run ended in order."""
    shared.begin(LATER)
    shared.publisher.recover()
    with pytest.raises(DestinationError, match="is gone"):
        shared.bring()
    shared.destination.close_room(LATER)
    with pytest.raises(DestinationError):
        shared.bring(LATER)
    assert [path.name for path in Path(shared.workspace.to).iterdir()] == [".bds-async"]


def test_a_file_that_the_ledger_does_not_know_is_kept(shared: Scene) -> None:
    place = Path(shared.workspace.to, PATH)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    shared.publisher.publish_brought(a_step(), *shared.bring())
    assert (shared.content(), place.with_name(f"{place.name}.kept").read_bytes()) == (zip_number(0), b"mine")


def test_a_folder_on_another_file_system_gets_a_copy(shared: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = durable.rename

    def across(source: Path, target: Path) -> None:
        if source.parent == shared.scratch:
            raise OSError(errno.EXDEV, "another file system")
        rename(source, target)

    monkeypatch.setattr(durable, "rename", across)
    shared.publisher.publish_brought(a_step(), *shared.bring())
    assert (shared.content(), shared.left()) == (zip_number(0), [])
    with pytest.raises(DestinationError):
        shared.bring(LATER)
    assert not any(Path(shared.workspace.to).glob(f"*{LATER}"))


def test_a_brought_file_that_has_no_room_is_named_as_its_extract(
    shared: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def across(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(durable, "rename", across)
    monkeypatch.setattr("bds_async.workspace.space.free_space", lambda _: 3)
    with pytest.raises(DestinationError, match=f"No room for {Path(PATH).name}: "):
        shared.bring()


def test_a_brought_file_that_vanished_is_not_delivered(shared: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    checked, brought = shared.bring()
    monkeypatch.setattr(LocalFolder, "check_brought", lambda *_: None)
    Path(shared.workspace.to, brought.name).unlink()
    with pytest.raises(DestinationError):
        shared.publisher.publish_brought(a_step(), checked, brought)
    assert (shared.publisher.recover(), shared.is_delivered) == ([], False)


@pytest.mark.parametrize("content", [None, b"torn"])
def test_there_is_no_intent_for_what_did_not_arrive_whole(shared: Scene, content: bytes | None) -> None:
    """A worker may have another folder mounted under the same path."""
    checked, brought = shared.bring()
    Path(shared.workspace.to, brought.name).unlink()
    if content is not None:
        Path(shared.workspace.to, brought.name).write_bytes(content)
    with pytest.raises(ExtractError, match="check that each worker has that folder mounted"):
        shared.publisher.publish_brought(a_step(), checked, brought)
    assert (shared.ledger.deliveries.intents(), shared.publisher.recover(), shared.is_delivered) == ([], [], False)


def test_a_folder_in_the_place_of_the_file_is_a_fault_of_the_extract(shared: Scene) -> None:
    Path(shared.workspace.to, PATH).mkdir(parents=True)
    with pytest.raises(ExtractError, match="A folder is in the place"):
        shared.publisher.publish_brought(a_step(), *shared.bring())
    assert shared.ledger.deliveries.intents() == []


def test_files_of_several_workers_do_not_meet(shared: Scene) -> None:
    """Each has a separate name."""
    first, second = (
        shared.destination.bring(shared.staged(content, name), PATH, "", ROOM)
        for content, name in ((b"one", "key-1.zip"), (b"two", "key-2.zip"))
    )
    shared.destination.name_brought(second, PATH, Recorded(3, None))
    assert shared.content() == b"two"
    shared.destination.check_brought(first, 3)
