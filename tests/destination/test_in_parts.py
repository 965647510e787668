"""A file that a worker uploads to S3 and another machine completes: no object before that, and no part is left."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from bds_async.destination import Brought, Recorded
from bds_async.errors import DestinationError, Stopped
from tests.destination.test_object_store import PATH, Place, proxied
from tests.support.store_proxy import HANG, LOSE, Answer, first
from tests.support.stores import Store

ROOM = "0123456789abcdef"
#: Content of two parts.
LARGE = os.urandom(6_000_000)
WANTED = Recorded(len(LARGE), hashlib.sha256(LARGE).hexdigest())


@pytest.fixture
def place(tmp_path: Path, s3: Store, monkeypatch: pytest.MonkeyPatch, quick_retries: None) -> Iterator[Place]:
    with proxied(tmp_path, s3, monkeypatch) as found:
        yield found


def brought(place: Place, content: bytes = LARGE) -> Brought:
    return place.store.bring(place.staged(content), PATH, hashlib.sha256(content).hexdigest(), ROOM)


@pytest.mark.parametrize("content", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_the_object_appears_when_it_is_completed(place: Place, content: bytes) -> None:
    """With its SHA-256; the worker's file is removed."""
    wanted, sent = Recorded(len(content), hashlib.sha256(content).hexdigest()), brought(place, content)
    assert (place.content(), place.unfinished()) == (None, [f"p/{PATH}"])
    assert not (place.workspace.partials / "key.part").exists()
    place.opened(place.workspace).name_brought(sent, PATH, wanted)
    assert (place.content() == content, place.store.recorded(PATH), place.unfinished()) == (True, wanted, [])


def test_a_fault_is_overcome(place: Place) -> None:
    """A completion whose answer was lost is not repeated; an upload whose creation was lost is left to the next run."""
    requests = [("POST", "uploads"), ("PUT", "partNumber=2"), ("POST", "uploadId")]
    faults: list[Answer | str] = [Answer(503, "SlowDown"), LOSE]
    for (method, part), what in product(requests, faults):
        place.proxy.seen.clear()
        place.proxy.rule = first(1, method, part, what)
        place.store.name_brought(brought(place), PATH, WANTED)
        assert place.content() == LARGE, (method, part, what)
        assert len(place.unfinished()) == (part == "uploads" and what is LOSE)
        assert place.proxy.count("POST", "uploadId") == 1 + (part == "uploadId" and what is not LOSE)
        place.store.drop_unfinished()
        place.s3.client.delete_object(Bucket=place.bucket, Key=f"p/{PATH}")


def test_parts_are_aborted_where_sending_fails(place: Place) -> None:
    """Other uploads of the same object are not aborted: one may belong to the worker that took over."""
    other = place.s3.client.create_multipart_upload(Bucket=place.bucket, Key=f"p/{PATH}")
    place.proxy.rule = first(99, "PUT", "partNumber=2", Answer(403, "AccessDenied"))
    with pytest.raises(DestinationError, match=r"grant s3:PutObject"):
        brought(place)
    left = place.s3.client.list_multipart_uploads(Bucket=place.bucket)["Uploads"]
    assert [each["UploadId"] for each in left] == [other["UploadId"]]


def test_a_stop_while_parts_are_sent_is_answered_at_once_and_leaves_none(place: Place) -> None:
    hung, caught = threading.Event(), list[BaseException]()

    def rule(method: str, target: str) -> str | None:
        if "partNumber=2" in target:
            hung.set()
            return HANG
        return None

    def run() -> None:
        try:
            brought(place)
        except BaseException as error:
            caught.append(error)

    place.proxy.rule = rule
    thread = threading.Thread(target=run)
    thread.start()
    assert hung.wait(20)
    place.patience.cut()
    began = time.monotonic()
    thread.join(20)
    assert (isinstance(caught[0], Stopped), time.monotonic() - began < 2) == (True, True)
    assert (place.content(), place.unfinished()) == (None, [])


def test_an_upload_that_the_next_run_aborted_cannot_be_completed(place: Place) -> None:
    late = brought(place)
    place.store.open_room("fedcba9876543210")
    assert place.unfinished() == []
    with pytest.raises(DestinationError, match="in vain: write an object"):
        place.store.name_brought(late, PATH, WANTED)
    assert place.content() is None
