"""Published files against the ledger and their own CRCs, without lock and without config."""

import asyncio
import errno
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bds_async import Verify, verify
from bds_async.errors import ConfigError, DestinationError, Stopped
from bds_async.events import Event, Examined, Read, Reviewed, Surveyed
from bds_async.formats import Checked
from bds_async.formats.zip import ZipFormat
from bds_async.ledger import Delivery, Ledger
from bds_async.runs.discrepancies import Discrepancy, Fault, Remedy, Verification
from bds_async.support.running import Stop, beside
from tests.support.builders import QUEUED, a_data_set, an_extract
from tests.support.places import folder_lock, ledger_path, prepared

TENANT = "https://school.example"
USERS = a_data_set("Users")


def a_zip(number: int, method: int = zipfile.ZIP_DEFLATED, rows: int = 500) -> bytes:
    """A different zip for each number."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        content = b"UserId,Name\r\n" + b"%d,x\r\n" % number * rows
        archive.writestr(zipfile.ZipInfo("Users.csv"), content, compress_type=method)
    return buffer.getvalue()


class Folder:
    """A destination, and the ledger of its deliveries."""

    def __init__(self, path: Path) -> None:
        self.path = path
        prepared(path)

    def deliver(self, number: int, content: bytes | None = None, suffix: str = "zip", **known: object) -> Delivery:
        """Publish a file, and record it."""
        content = a_zip(number) if content is None else content
        extract = an_extract(queued_for_processing_date=QUEUED + timedelta(hours=number))
        path = f"Users/full/Users_full_{number:03}.{suffix}"
        sha256 = hashlib.sha256(content).hexdigest()
        described = {"path": path, "bytes": len(content), "sha256": sha256}
        delivery = Delivery.of(extract, "Users", **described | known)
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_bytes(content)
        with Ledger.open(ledger_path(self.path), TENANT) as ledger:
            ledger.folders.folder_for(USERS)
            ledger.deliveries.record(delivery)
        return delivery

    def file(self, delivery: Delivery) -> Path:
        return self.path / str(delivery.path)

    async def faults(self, how: Verify = Verify.FULL) -> dict[str, Fault]:
        return {each.path: each.fault for each in (await verify(self.path, how)).discrepancies}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "to")


def flip(file: Path, position: int) -> None:
    """Flip one bit."""
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)


async def test_files_that_are_right_are_no_discrepancies(folder: Folder) -> None:
    for number in range(20):
        folder.deliver(number)
    folder.deliver(20, b"\xef\xbb\xbfUserId\r\n1\r\n", suffix="csv")
    found = await verify(folder.path)
    assert found == Verification(21, ())
    assert found.exit_code == 0


async def test_a_missing_file_is_listed_and_is_nothing_bad(folder: Folder) -> None:
    gone = folder.deliver(1)
    folder.deliver(2)
    folder.file(gone).unlink()
    found = await verify(folder.path)
    assert [(each.path, each.fault, each.delivery.identity) for each in found.discrepancies] == [
        (gone.path, Fault.MISSING, gone.identity)
    ]
    assert found.exit_code == 0


async def test_a_data_set_whose_folder_is_a_file_now_is_missing(folder: Folder) -> None:
    delivery = folder.deliver(1)
    folder.file(delivery).unlink()
    folder.file(delivery).parent.rmdir()
    folder.file(delivery).parent.write_bytes(b"")
    assert (await folder.faults())[str(delivery.path)] is Fault.MISSING


@pytest.mark.parametrize("position", [0, 60, -30, -5])
async def test_one_flipped_bit_anywhere_is_found(folder: Folder, position: int) -> None:
    """In the first bytes, the data, the directory and the end record."""
    delivery = folder.deliver(1)
    flip(folder.file(delivery), position)
    assert set((await folder.faults()).values()) <= {Fault.CORRUPT, Fault.CHANGED}
    assert (await verify(folder.path)).exit_code == 3


async def test_a_damaged_member_is_corrupt_and_says_which(folder: Folder) -> None:
    delivery = folder.deliver(1)
    flip(folder.file(delivery), 60)
    (found,) = (await verify(folder.path)).discrepancies
    assert found.fault is Fault.CORRUPT
    assert "Users.csv" in found.detail


@pytest.mark.parametrize("content", [b"", b"<html>", a_zip(1)[:-1], a_zip(1) + b"x"])
async def test_what_is_no_whole_zip_is_corrupt(folder: Folder, content: bytes) -> None:
    delivery = folder.deliver(1)
    folder.file(delivery).write_bytes(content)
    assert await folder.faults() == {delivery.path: Fault.CORRUPT}


@pytest.mark.parametrize("content", [a_zip(2), a_zip(1, zipfile.ZIP_STORED)])
async def test_another_whole_zip_is_changed(folder: Folder, content: bytes) -> None:
    delivery = folder.deliver(1)
    folder.file(delivery).write_bytes(content)
    found = await verify(folder.path)
    assert [each.fault for each in found.discrepancies] == [Fault.CHANGED]
    assert found.exit_code == 3


async def test_a_csv_is_held_to_its_length_and_its_sha256(folder: Folder) -> None:
    longer, other, right = (folder.deliver(number, b"UserId\r\n1\r\n", suffix="csv") for number in range(3))
    folder.file(longer).write_bytes(b"UserId\r\n1\r\n2\r\n")
    folder.file(other).write_bytes(b"UserId\r\n2\r\n")
    found = {each.path: each for each in (await verify(folder.path)).discrepancies}
    assert right.path not in found
    assert found[str(longer.path)].detail == "it has 14 bytes, 11 were delivered"
    assert "SHA-256" in found[str(other.path)].detail


async def test_a_zip_that_was_delivered_damaged_is_corrupt_although_nobody_changed_it(folder: Folder) -> None:
    """As possibly published with `--verify fast`: the SHA-256 is right, the CRC-32 is not."""
    content = bytearray(a_zip(1, zipfile.ZIP_STORED, rows=300_000))
    content[-1000] ^= 1
    delivery = folder.deliver(1, bytes(content))
    assert await folder.faults(Verify.FAST) == {}
    assert await folder.faults() == {delivery.path: Fault.CORRUPT}


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo] if os.name == "posix" else [Path.mkdir])
async def test_what_is_no_plain_file_is_corrupt_and_not_opened(folder: Folder, make: Callable[[Path], None]) -> None:
    """Opening a named pipe waits for its writer, for ever if there is none."""
    zipped, csv = folder.deliver(1), folder.deliver(2, b"UserId\r\n1\r\n", suffix="csv")
    for delivery in (zipped, csv):
        folder.file(delivery).unlink()
        make(folder.file(delivery))
    found = await asyncio.wait_for(verify(folder.path), 30)
    known = {each.path: each for each in found.discrepancies}
    assert {known[str(delivery.path)].fault for delivery in (zipped, csv)} == {Fault.CORRUPT}
    assert {known[str(delivery.path)].detail for delivery in (zipped, csv)} == {
        "it cannot be read (it is no plain file)"
    }


async def test_a_file_that_cannot_be_read_is_corrupt_and_called_unreadable(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.deliver(1)

    def refuse(*_: object, **__: object) -> None:
        """Fail as the system does for a file of another user."""
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    (found,) = (await verify(folder.path)).discrepancies
    assert found.fault is Fault.CORRUPT
    assert found.detail == "it is unreadable (Permission denied): let this user read it"


@pytest.mark.skipif(os.name != "posix", reason="links")
async def test_a_link_to_a_plain_file_is_read_as_that(folder: Folder) -> None:
    delivery = folder.deliver(1)
    file = folder.file(delivery)
    elsewhere = file.rename(folder.path.parent / "elsewhere.zip")
    file.symlink_to(elsewhere)
    assert await folder.faults() == {}
    elsewhere.unlink()
    assert await folder.faults() == {delivery.path: Fault.MISSING}


async def test_length_and_hash_that_the_ledger_does_not_know_are_not_compared(folder: Folder) -> None:
    folder.deliver(1, bytes=None, sha256=None)
    assert await folder.faults() == {}


async def test_what_was_never_a_file_here_is_not_looked_for(folder: Folder) -> None:
    folder.deliver(1)
    with Ledger.open(ledger_path(folder.path), TENANT) as ledger:
        extract = an_extract(queued_for_processing_date=QUEUED - timedelta(hours=1))
        ledger.deliveries.record(Delivery.of(extract, "Users"))
    found = await verify(folder.path)
    assert found.files == 1
    assert found.count(Fault.MISSING) == 0


async def test_unknown_files_are_listed_but_not_those_of_the_program(folder: Folder) -> None:
    folder.deliver(1)
    for name in ("notes.txt", "Users/full/Users_full_002.zip", "Other/x.csv", "mirror.duckdb", "mirror.duckdb.wal"):
        (folder.path / name).parent.mkdir(exist_ok=True)
        (folder.path / name).write_bytes(b"x")
    found = await verify(folder.path)
    assert [each.path for each in found.discrepancies] == ["Other/x.csv", "Users/full/Users_full_002.zip", "notes.txt"]
    assert {each.fault for each in found.discrepancies} == {Fault.UNKNOWN}
    assert found.exit_code == 0


async def test_a_file_that_a_killed_run_was_about_to_publish_is_not_unknown(folder: Folder) -> None:
    delivery = folder.deliver(1)
    with Ledger.open(ledger_path(folder.path), TENANT) as ledger:
        ledger.deliveries.intend(replace(delivery, staged=".bds-async/partial/x.part"))
    assert await folder.faults() == {}


@pytest.mark.skipif(os.name != "posix", reason="names that are no text")
async def test_a_name_that_is_no_text_is_unknown_like_others(folder: Folder) -> None:
    folder.deliver(1)
    (folder.path / os.fsdecode(b"x\x80?.zip")).write_bytes(b"")
    assert set((await folder.faults()).values()) == {Fault.UNKNOWN}


async def test_a_folder_without_a_ledger_is_a_wrong_one_and_stays_untouched(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(a_zip(1))
    with pytest.raises(ConfigError, match="no folder of bds-async"):
        await verify(tmp_path)
    assert not (tmp_path / ".bds-async").exists()


async def test_a_folder_that_is_not_there_is_an_error_and_not_made(tmp_path: Path) -> None:
    """An unmounted disk must not pass for a folder whose files a loader took."""
    with pytest.raises(DestinationError, match="mount"):
        await verify(tmp_path / "to")
    assert not (tmp_path / "to").exists()


async def test_a_ledger_that_leads_out_of_the_folder_is_an_error(folder: Folder) -> None:
    folder.deliver(1)
    with Ledger.open(ledger_path(folder.path), TENANT) as ledger:
        ledger.deliveries.record(replace(next(ledger.deliveries.all()), path="../outside.zip"))
    with pytest.raises(DestinationError, match="no path inside"):
        await verify(folder.path)


async def test_it_runs_beside_a_run_that_holds_the_lock(folder: Folder) -> None:
    folder.deliver(1)
    with folder_lock(folder.path):
        assert (await verify(folder.path)).exit_code == 0


async def test_what_a_run_replaces_meanwhile_is_no_discrepancy(folder: Folder) -> None:
    """The file differs from what the ledger said at first, but agrees with the ledger when it is read again."""
    first = folder.deliver(1)

    def replaced(event: Event) -> None:
        if isinstance(event, Surveyed):
            folder.deliver(1, a_zip(99))

    slow = replace(first, sha256="0" * 64)
    with Ledger.open(ledger_path(folder.path), TENANT) as ledger:
        ledger.deliveries.record(slow)
    assert (await verify(folder.path, observer=replaced)).discrepancies == ()


async def test_progress_is_told_file_by_file_and_ends_however_it_ends(folder: Folder) -> None:
    for number in range(5):
        folder.deliver(number)
    told: list[Event] = []
    await verify(folder.path, observer=told.append)
    size = sum(len(a_zip(number)) for number in range(5))
    assert told[0] == Surveyed(5, size)
    assert told[-1] == Reviewed()
    assert sum(isinstance(event, Examined) for event in told) == 5
    assert sum(event.new_bytes for event in told if isinstance(event, Read)) == size


async def test_a_stop_ends_it_in_the_middle_of_a_file(folder: Folder) -> None:
    folder.deliver(1, b"x" * 300_000_000, suffix="csv")
    told: list[Event] = []
    stop = Stop()

    def watch(event: Event) -> None:
        told.append(event)
        if isinstance(event, Read):
            stop.request(Stopped("enough", 130))

    with pytest.raises(Stopped):
        await beside(verify(folder.path, observer=watch), stop.obey())
    assert not any(isinstance(event, Examined) for event in told)
    assert told.count(Reviewed()) == 1


async def test_files_are_read_in_parallel(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two readers run at the same time: each waits for the other before it continues."""
    monkeypatch.setattr("bds_async.runs.verification.THREADS", 2)
    both = threading.Barrier(2)
    for number in range(6):
        folder.deliver(number)
    original = ZipFormat.check

    def meeting(*arguments: Any) -> Checked:
        both.wait(30)
        return original(*arguments)

    monkeypatch.setattr(ZipFormat, "check", meeting)
    assert (await asyncio.wait_for(verify(folder.path), 60)).discrepancies == ()


def a_discrepancy(fault: Fault, remedy: Remedy | None = None) -> Discrepancy:
    return Discrepancy("x", fault, "", remedy=remedy)


@pytest.mark.parametrize(
    ("fault", "remedy", "code"),
    [
        (Fault.MISSING, None, 0),
        (Fault.UNKNOWN, None, 0),
        (Fault.CHANGED, None, 3),
        (Fault.CORRUPT, None, 3),
        (Fault.MISSING, Remedy.REPAIRED, 0),
        (Fault.CORRUPT, Remedy.REPAIRED, 0),
        (Fault.CHANGED, Remedy.UNLISTED, 3),
        (Fault.MISSING, Remedy.UNLISTED, 0),
        (Fault.MISSING, Remedy.FAILED, 3),
        (Fault.CORRUPT, Remedy.FAILED, 3),
    ],
)
def test_exit_code_3_says_that_something_bad_stays(fault: Fault, remedy: Remedy | None, code: int) -> None:
    found = Verification(1, (a_discrepancy(Fault.UNKNOWN), a_discrepancy(fault, remedy)))
    assert found.exit_code == code
    assert found.count(fault) >= 1


async def test_an_unknown_way_to_verify_is_refused(folder: Folder) -> None:
    unknown: Any = "quick"
    with pytest.raises(ConfigError, match=r"`verify` can't be 'quick': write full or fast\."):
        await verify(folder.path, unknown)
