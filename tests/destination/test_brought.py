"""A file that a worker of a cluster has staged is published once, whichever machine ends when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bds_async.destination import REMOTE, Destination, LocalFolder, Publisher, destination_of
from bds_async.errors import DestinationError, ExtractError
from bds_async.formats import Checked
from bds_async.formats.zip import check
from bds_async.ledger import Delivery, Ledger
from bds_async.options import Verify
from bds_async.workspace import Workspace, workspace_of
from tests.destination.test_publishing import ONE, PATH, a_step
from tests.support.places import prepared
from tests.support.publishing_process import TENANT, USERS, zip_number
from tests.support.stores import Store, folder_of_state

NAME = "key-0011223344556677.zip"


class Coordinator:
    """A ledger and its publisher on this machine, and the staged file of a worker on another."""

    def __init__(self, workspace: Workspace, ledger: Ledger, scratch: Path) -> None:
        ledger.folders.folder_for(USERS)
        self.ledger = ledger
        self.home = Path(workspace.to)
        self.destination: Destination = destination_of(workspace)
        self.publisher = Publisher(workspace, self.destination, ledger)
        self.staged = scratch / NAME
        self.staged.write_bytes(zip_number(0))
        self.checked: Checked = check(self.staged, Verify.FULL)

    def intended(self) -> Delivery:
        intent = self.publisher.intend(a_step(), self.checked, f"{REMOTE}{NAME}")
        assert isinstance(intent, Delivery)
        return intent

    @property
    def is_delivered(self) -> bool:
        return self.ledger.deliveries.delivered(ONE.identity) is not None


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Coordinator]:
    """With a folder that both machines reach."""
    workspace = workspace_of(tmp_path / "to")
    prepared(tmp_path / "to")
    (tmp_path / "scratch").mkdir()
    with Ledger.open(workspace.ledger, TENANT) as ledger:
        yield Coordinator(workspace, ledger, tmp_path / "scratch")


@pytest.fixture
def stored(tmp_path: Path, s3: Store) -> Iterator[Coordinator]:
    """With an object store."""
    workspace = workspace_of(f"s3://{s3.bucket()}/p", folder_of_state(tmp_path))
    (tmp_path / "scratch").mkdir()
    with Ledger.open(workspace.ledger, TENANT) as ledger:
        yield Coordinator(workspace, ledger, tmp_path / "scratch")


def test_what_a_worker_has_brought_gets_its_name(shared: Coordinator, tmp_path: Path) -> None:
    assert shared.destination.bring(shared.staged)
    published = shared.publisher.settle(shared.intended())
    assert (tmp_path / "to" / PATH).read_bytes() == zip_number(0)
    assert (published.delivery.sha256, shared.ledger.deliveries.intents()) == (shared.checked.sha256, [])
    assert [path.name for path in (tmp_path / "to").glob(".bds-async-tmp-*")] == []


def test_a_kill_after_the_intent_is_finished_by_the_next_run(shared: Coordinator, tmp_path: Path) -> None:
    """What is brought gets its name once, though a loader takes the file away at once."""
    shared.destination.bring(shared.staged)
    shared.intended()
    assert [delivery.path for delivery in shared.publisher.recover()] == [PATH]
    (tmp_path / "to" / PATH).unlink()
    assert (shared.is_delivered, shared.publisher.recover()) == (True, [])
    assert not (tmp_path / "to" / PATH).exists()


def test_a_brought_file_that_vanished_is_not_delivered(shared: Coordinator) -> None:
    shared.destination.bring(shared.staged)
    intent = shared.intended()
    next(shared.home.glob(".bds-async-tmp-*")).unlink()
    with pytest.raises(DestinationError):
        shared.publisher.settle(intent)
    assert (shared.publisher.recover(), shared.is_delivered) == ([], False)


@pytest.mark.parametrize("content", [None, b"torn"])
def test_there_is_no_intent_for_what_did_not_arrive_whole(shared: Coordinator, content: bytes | None) -> None:
    """A worker may have another folder mounted under the same path."""
    if content is not None:
        shared.staged.write_bytes(content)
        shared.destination.bring(shared.staged)
    refused = shared.publisher.intend(a_step(), shared.checked, f"{REMOTE}{NAME}")
    assert isinstance(refused, ExtractError)
    assert (shared.ledger.deliveries.intents(), shared.publisher.recover(), shared.is_delivered) == ([], [], False)


def test_a_folder_in_the_place_of_the_file_is_a_fault_of_the_extract(shared: Coordinator, tmp_path: Path) -> None:
    (tmp_path / "to" / PATH).mkdir(parents=True)
    assert isinstance(shared.publisher.intend(a_step(), shared.checked, NAME), ExtractError)
    assert shared.ledger.deliveries.intents() == []


def test_an_upload_of_a_worker_counts_only_if_the_object_is_there(stored: Coordinator) -> None:
    """A coordinator that was killed in between does not know; the object itself says it."""
    assert not stored.destination.bring(stored.staged)
    intent = stored.intended()
    assert not stored.publisher.is_placed(intent)
    assert (stored.publisher.recover(), stored.is_delivered) == ([], False)
    intent = stored.intended()
    stored.destination.place(stored.staged, PATH, stored.checked.sha256)
    assert [delivery.path for delivery in stored.publisher.recover()] == [PATH]
    assert stored.is_delivered


def test_a_local_folder_is_what_a_worker_sees(tmp_path: Path) -> None:
    """Two workers that have the same extract bring it under names of their own, and neither tears the other's."""
    folder = LocalFolder(tmp_path)
    for name, content in (("key-1.zip", b"one"), ("key-2.zip", b"two")):
        (tmp_path / name).write_bytes(content)
        folder.bring(tmp_path / name)
    folder.name_copy(tmp_path / "key-2.zip", "a/b.zip")
    assert (tmp_path / "a/b.zip").read_bytes() == b"two"
