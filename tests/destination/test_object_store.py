"""Further promises of object stores: faults are retried or named, nothing stays half done, no secret is shown."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bds_async.destination import Recorded
from bds_async.destination.object_store import ObjectStore, calls
from bds_async.destination.object_store.opening import Limits, S3Access
from bds_async.errors import ConfigError, DestinationError, Stopped
from bds_async.options import RunOptions
from bds_async.support.patience import Patience
from bds_async.workspace import Workspace, workspace_of
from tests.support.store_proxy import HANG, LOSE, RESET, Answer, Proxy, Rule, first, nothing, proxy_of
from tests.support.stores import SECRET, Store, folder_of_state, objects, unfinished

PATH = "Users/full/Users_full_20260101T000000Z_v9.4.zip"
LARGE = os.urandom(12_000_000)


class Place:
    """A store behind a proxy, whose rule a test changes."""

    attempts = 4

    def __init__(self, home: Path, s3: Store, proxy: Proxy) -> None:
        self.s3, self.proxy = s3, proxy
        self.bucket = s3.bucket()
        self.patience = Patience()
        self.workspace = workspace_of(f"s3://{self.bucket}/p", folder_of_state(home))
        self.store = self.opened(self.workspace)

    def opened(self, workspace: Workspace, **options: Any) -> ObjectStore:
        assert workspace.store is not None
        chosen = RunOptions(**{"attempts": self.attempts, "stall_timeout": 5, **options})
        return ObjectStore(workspace, workspace.store, chosen, self.patience)

    def staged(self, content: bytes) -> Path:
        path = self.workspace.partials / "key.part"
        path.write_bytes(content)
        return path

    def place(self, content: bytes, store: ObjectStore | None = None) -> None:
        (store or self.store).place(self.staged(content), PATH, hashlib.sha256(content).hexdigest())

    def content(self) -> bytes | None:
        return objects(self.s3, self.bucket).get(f"p/{PATH}")

    def unfinished(self) -> list[str]:
        return unfinished(self.s3, self.bucket)


@pytest.fixture
def place(tmp_path: Path, s3: Store, monkeypatch: pytest.MonkeyPatch, quick_retries: None) -> Iterator[Place]:
    with proxied(tmp_path, s3, monkeypatch) as found:
        yield found


@contextmanager
def proxied(home: Path, s3: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with proxy_of(s3.endpoint, nothing) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield Place(home, s3, proxy)


@pytest.mark.parametrize("what", [Answer(503, "SlowDown"), Answer(500, "InternalError"), Answer(429), RESET, LOSE])
@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_a_fault_of_an_upload_is_overcome(place: Place, what: Answer | str, content: bytes) -> None:
    place.proxy.rule = first(2, "PUT", PATH, what)
    place.place(content)
    assert (place.content() == content, place.unfinished()) == (True, [])


@pytest.mark.parametrize("what", [Answer(503, "SlowDown"), RESET, LOSE])
def test_a_fault_at_the_completion_of_parts_is_overcome(place: Place, what: Answer | str) -> None:
    place.proxy.rule = first(1, "POST", "uploadId", what)
    place.place(LARGE)
    assert (place.content() == LARGE, place.unfinished()) == (True, [])


def test_an_object_whose_answer_was_lost_is_looked_at_and_not_uploaded_again(place: Place) -> None:
    place.proxy.rule = first(1, "PUT", PATH, LOSE)
    place.place(b"content")
    assert (place.content(), place.proxy.count("PUT", PATH)) == (b"content", 1)


def test_a_fault_that_lasts_ends_after_so_many_attempts(place: Place) -> None:
    place.proxy.rule = first(100, "PUT", PATH, Answer(503, "SlowDown"))
    with pytest.raises(DestinationError, match="SlowDown"):
        place.place(b"content")
    assert (place.proxy.count("PUT", PATH), place.content()) == (4, None)
    assert (place.workspace.partials / "key.part").read_bytes() == b"content", "the next run can place it"


def test_parts_are_aborted_when_an_upload_fails(place: Place) -> None:
    place.proxy.rule = first(1000, "PUT", "partNumber=2", Answer(403, "AccessDenied"))
    with pytest.raises(DestinationError, match="s3:PutObject"):
        place.place(LARGE)
    assert (place.content(), place.unfinished()) == (None, [])


def test_a_store_that_goes_away_is_tried_until_the_time_is_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of attempts."""
    monkeypatch.setattr(calls, "OUTAGE", 1.0)
    place.proxy.rule = first(10_000, "PUT", PATH, RESET)
    with pytest.raises(DestinationError, match="broke, or stalled"):
        place.place(b"content")
    assert place.proxy.count("PUT", PATH) > 4


@pytest.mark.parametrize(("part", "faults", "tries"), [(2, 2, 3), (2, 100, 4), (1, 100, 2)])
def test_a_try_in_which_parts_were_taken_counts_as_an_attempt_and_begins_the_time_again(
    place: Place, monkeypatch: pytest.MonkeyPatch, part: int, faults: int, tries: int
) -> None:
    """Even if the limit for a silent store is short; and an upload that always breaks off ends."""
    monkeypatch.setattr(calls, "OUTAGE", 0.01)
    monkeypatch.setattr(Limits, "retry", Limits(5).retry)  # obstore sends no part again
    place.proxy.rule = first(faults, "PUT", f"partNumber={part}", RESET)
    if faults < place.attempts:
        place.place(LARGE)
        assert place.content() == LARGE
    else:
        with pytest.raises(DestinationError, match="broke, or stalled"):
            place.place(LARGE)
    assert (place.proxy.count("POST", "uploads="), place.unfinished()) == (tries, [])


def test_a_request_that_stalls_is_dropped_and_the_next_one_has_longer(place: Place) -> None:
    place.proxy.rule = first(1, "PUT", PATH, HANG)
    began = time.monotonic()
    place.place(b"content", place.opened(place.workspace, stall_timeout=0.5))
    assert (place.content(), time.monotonic() - began < 5) == (b"content", True)


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_a_stop_during_an_upload_is_answered_at_once_and_leaves_no_parts(place: Place, content: bytes) -> None:
    hung = threading.Event()

    def rule(method: str, target: str) -> str | None:
        if method == "PUT" and PATH in target and "partNumber=1" not in target:
            hung.set()
            return HANG
        return None

    place.proxy.rule = rule
    caught: list[BaseException] = []

    def run() -> None:
        try:
            place.place(content)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert hung.wait(20)
    place.patience.cut()
    began = time.monotonic()
    thread.join(20)
    assert isinstance(caught[0], Stopped)
    assert time.monotonic() - began < 2
    assert (place.content(), place.unfinished()) == (None, [])


def test_unfinished_uploads_of_a_killed_run_are_aborted_and_no_others(place: Place) -> None:
    client = place.s3.client
    for key in (f"p/{PATH}", f"p/{PATH}", f"p/{PATH}.other", "p/mine"):
        client.create_multipart_upload(Bucket=place.bucket, Key=key)
    place.store.drop_unfinished()
    assert sorted(place.unfinished()) == [f"p/{PATH}.other", "p/mine"]


@pytest.mark.parametrize(("what", "why"), [(Answer(403, "AccessDenied"), "AccessDenied"), (RESET, "ConnectionClosed")])
def test_uploads_that_cannot_be_aborted_are_a_warning(
    place: Place, caplog: pytest.LogCaptureFixture, what: Answer | str, why: str
) -> None:
    """No data depends on aborting them."""
    place.proxy.rule = first(9, "GET", "uploads", what)
    place.store.drop_unfinished()
    assert f"could not be aborted ({why}" in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_an_endpoint_that_botocore_refuses_is_no_defect(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A host name with an underscore, which obstore accepts; it gets no request."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://minio_server:9000")
    store = place.opened(place.workspace)
    with pytest.raises(DestinationError):
        store.probe()
    store.drop_unfinished()
    assert "could not be aborted (ValueError)" in caplog.text


def test_what_is_recorded_of_an_object_is_its_length_and_sha256(place: Place) -> None:
    place.place(b"content")
    assert place.store.recorded(PATH) == Recorded(7, hashlib.sha256(b"content").hexdigest())
    place.s3.client.put_object(Bucket=place.bucket, Key=f"p/{PATH}", Body=b"another")
    assert place.store.recorded(PATH) is None, "what another program wrote has to be read"


def test_a_missing_bucket_is_named(place: Place) -> None:
    missing = place.opened(workspace_of("s3://there-is-none/p", place.workspace.state))
    with pytest.raises(DestinationError, match=r"no bucket there-is-none \(NoSuchBucket\): create it"):
        missing.prepare()


REFUSALS: list[tuple[Rule, str]] = [
    (first(9, "GET", "list-type", Answer(403, "AccessDenied")), r"\(AccessDenied\): grant s3:ListBucket"),
    (first(9, "HEAD", "", Answer(403)), r"\(status 403\): grant s3:GetObject and s3:ListBucket"),
    (first(9, "GET", "", Answer(403, "InvalidAccessKeyId")), r"refuses the credentials \(InvalidAccessKeyId\)"),
    (first(9, "GET", "", Answer(400, "ExpiredToken")), r"refuses the credentials \(ExpiredToken\)"),
    (first(9, "GET", "", Answer(403, "RequestTimeTooSkewed")), "set the clock of this machine"),
    (first(9, "GET", "", Answer(301, "PermanentRedirect")), "set AWS_REGION"),
]


@pytest.mark.parametrize(("rule", "expected"), REFUSALS)
def test_a_refusal_says_what_to_do_and_shows_no_address(place: Place, rule: Rule, expected: str) -> None:
    place.proxy.rule = rule
    with pytest.raises(DestinationError, match=expected) as caught:
        place.store.prepare()
    text = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert not any(secret in str(caught.value) for secret in (SECRET, "AKIDEXAMPLE", "127.0.0.1"))
    assert SECRET not in text


def test_the_check_of_a_store_that_does_not_answer_ends(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CHECK", 1.0)
    place.proxy.rule = first(99, "GET", "", HANG)
    with pytest.raises(DestinationError, match="did not answer within 1 seconds"):
        place.store.prepare()


def test_without_credentials_the_sources_are_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(DestinationError, match="there are no credentials: set AWS_ACCESS_KEY_ID"):
        place.store.prepare()


def test_a_profile_gives_credentials_region_and_endpoint(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = f"aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET}\n"
    (tmp_path / "credentials").write_text(f"[extracts]\n{keys}")
    (tmp_path / "config").write_text(f"[profile extracts]\nregion = eu-west-1\nendpoint_url = {place.proxy.url}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "extracts")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    place.place(b"content")
    assert place.content() == b"content"


def test_credentials_that_do_not_come_hold_up_no_other_store_and_the_check_ends(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor do they delay a stop: a program that provides credentials may hang."""
    program = f'{sys.executable} -c "import time; time.sleep(8)"'
    (tmp_path / "config").write_text(f"[profile slow]\ncredential_process = {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    place.store.prepare()
    monkeypatch.setattr(calls, "CHECK", 2.0)
    monkeypatch.setenv("AWS_PROFILE", "slow")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with ThreadPoolExecutor(1) as threads:
        began = time.monotonic()
        checking = threads.submit(place.opened(place.workspace).prepare)
        assert place.store.size(PATH) is None
        assert not checking.done()
        with pytest.raises(DestinationError, match="did not answer within 2 seconds"):
            checking.result(10)
        assert time.monotonic() - began < 4
        checking = threads.submit(place.opened(place.workspace).prepare)
        time.sleep(0.3)
        place.patience.cut()
        with pytest.raises(Stopped):
            checking.result(1)


def test_aws_region_is_the_region_whatever_else_is_set(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message about a bucket in another region advises it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert place.workspace.store is not None
    assert S3Access.found(place.workspace.store).region == "eu-central-1"


def test_an_unknown_profile_is_named_by_its_fault(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(DestinationError, match=r"profile cannot be read \(ProfileNotFound\)"):
        place.store.prepare()


def test_a_service_that_gives_no_credentials_of_google_is_no_missing_permission(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GOOGLE_BASE_URL", place.proxy.url)
    monkeypatch.setenv("GCE_METADATA_HOST", place.proxy.url.removeprefix("http://"))
    place.proxy.rule = first(99, "GET", "computeMetadata", Answer(403))
    store = place.opened(workspace_of(f"gs://{place.bucket}/p", place.workspace.state))
    with pytest.raises(DestinationError, match="check the endpoint and the credentials"):
        store.prepare()
    assert place.proxy.count("GET", "computeMetadata") == 1


def test_without_the_extra_the_command_to_install_it_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bds_async.destination.object_store.opening.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'bds-async\[object-store\]'"):
        place.opened(place.workspace)


def test_an_object_that_is_replaced_while_it_is_read_is_no_whole_file(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bds_async.destination.object_store.copies.BLOCK", 5)
    place.place(b"0123456789")

    def rule(method: str, target: str) -> None:
        if place.proxy.count("GET", PATH) == 2:
            place.s3.client.put_object(Bucket=place.bucket, Key=f"p/{PATH}", Body=b"abcdefghij")

    place.proxy.rule = rule
    with pytest.raises(DestinationError, match="was replaced or removed while it was read"), place.store.local(PATH):
        pass
    assert list(place.workspace.state.glob("object-*")) == []


def test_copies_that_a_killed_command_left_are_removed_and_younger_ones_stay(place: Place) -> None:
    old, young = (place.workspace.state / name for name in ("object-old", "object-young"))
    for file in (old, young):
        file.write_bytes(b"x")
    os.utime(old, (0, 0))
    place.store.clean()
    assert (old.exists(), young.exists()) == (False, True)


def test_sizes_are_those_of_one_listing(place: Place) -> None:
    place.place(b"content")
    sizes = place.store.sizes()
    assert (sizes(PATH), sizes("Users/full/other.zip")) == (7, None)
    assert place.proxy.count("GET", "list-type") == 1


def test_objects_of_others_whose_keys_are_no_paths_are_passed_over(place: Place) -> None:
    """obstore refuses a listing with such a key."""
    place.place(b"content")
    for key in ("p//x", "p/Users//full/x", "p/Users/full/./x", "p/a/../x"):
        place.s3.client.put_object(Bucket=place.bucket, Key=key, Body=b"x")
    sizes = place.store.sizes()
    assert (sizes(PATH), sizes("a")) == (7, None)
    assert [list(place.store.paths(below)) for below in ("", "Users/full", "Users/differential")] == [
        [PATH],
        [PATH],
        [],
    ]


REFUSED_LISTINGS = [(RESET, "broke, or stalled"), (Answer(403, "AccessDenied"), "grant s3:ListBucket")]


@pytest.mark.parametrize(("what", "expected"), REFUSED_LISTINGS)
def test_faults_of_such_a_listing_are_named(
    place: Place, monkeypatch: pytest.MonkeyPatch, what: Answer | str, expected: str
) -> None:
    monkeypatch.setattr(calls, "OUTAGE", 0.5)
    place.s3.client.put_object(Bucket=place.bucket, Key="p//x", Body=b"x")
    place.proxy.rule = lambda method, target: what if "encoding-type" in target else None
    with pytest.raises(DestinationError, match=expected):
        list(place.store.paths())


def test_an_examination_writes_and_leaves_nothing(place: Place) -> None:
    probe = place.store.probe()
    assert probe.uncleaned is None
    assert (objects(place.s3, place.bucket), place.unfinished()) == ({}, [])


def test_an_examination_says_when_uploads_cannot_be_aborted(place: Place) -> None:
    place.proxy.rule = first(9, "DELETE", "uploadId", Answer(403, "AccessDenied"))
    assert place.store.probe().uncleaned == "AccessDenied"


def test_an_examination_names_a_missing_permission_to_write(place: Place) -> None:
    place.proxy.rule = first(9, "POST", "uploads", Answer(403, "AccessDenied"))
    with pytest.raises(DestinationError, match="grant s3:PutObject"):
        place.store.probe()


def test_an_outage_is_two_lines_in_the_log(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """For any number of failing requests; neither line shows a network address."""
    caplog.set_level("INFO")
    place.proxy.rule = first(3, "PUT", PATH, RESET)
    place.place(b"content")
    lines = [each.getMessage() for each in caplog.records if each.name.endswith("calls")]
    assert len(lines) == 2
    assert lines[0].endswith("broke, or stalled. It is tried again for 5 minutes.")
    assert lines[1] == f"s3://{place.bucket}/p answers again."


def test_a_stop_while_unfinished_uploads_are_aborted_is_answered(place: Place) -> None:
    place.proxy.rule = first(9, "GET", "uploads", HANG)
    threading.Timer(0.5, place.patience.cut).start()
    began = time.monotonic()
    place.store.drop_unfinished()
    assert time.monotonic() - began < 4
