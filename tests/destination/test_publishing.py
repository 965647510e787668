"""A published file is whole and recorded once, after a kill at any moment, and even if a loader takes the file."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import random
import signal
import sys
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bds_async.destination import LocalFolder, Published, Publisher
from bds_async.errors import DestinationError
from bds_async.formats import Staged, format_of, unwatched
from bds_async.formats.csv import unzip_csv
from bds_async.formats.csv_header import columns_of
from bds_async.formats.zip import check
from bds_async.ledger import Delivery, Ledger
from bds_async.models import Extract
from bds_async.options import PublishAs, Verify
from bds_async.planning import Step
from bds_async.support import durable
from bds_async.transfer import Partial
from bds_async.workspace import Workspace, workspace_of
from tests.destination.test_destination import other_file_system
from tests.support.places import ledger_path, partial_folder, prepared, state_folder
from tests.support.publishing_process import TENANT, USERS, Publishing, extract_number, publish_all, zip_number

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals, modes and links are POSIX")
ONE = extract_number(0)
PATH = "Users/full/Users_full_20260101T000000Z_v9.4.zip"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepared(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(ledger_path(folder), TENANT) as opened:
        opened.folders.folder_for(USERS)
        yield opened


@pytest.fixture
def publisher(folder: Path, ledger: Ledger) -> Publisher:
    return Publisher(workspace_of(folder), LocalFolder(folder), ledger)


def stage(folder: Path, number: int = 0) -> Path:
    path = Partial(workspace_of(folder), extract_number(number).identity).path
    path.write_bytes(zip_number(number))
    path.with_suffix(".ranges").write_bytes(b"{}")
    return path


def publish(publisher: Publisher, staged: Path, number: int = 0) -> Delivery:
    path = PATH if number == 0 else f"Users/full/{number}.zip"
    return published(publisher, a_step(extract_number(number), path), Staged(staged, check(staged, Verify.FULL)))


def published(publisher: Publisher, step: Step, staged: Staged) -> Delivery:
    (result,) = publisher.publish([(step, staged)])
    assert isinstance(result, Published), result
    return result.delivery


def a_step(extract: Extract = ONE, path: str = PATH, kind: PublishAs = PublishAs.ZIP) -> Step:
    return Step(extract, "Users", path, kind)


def adopt(publisher: Publisher, path: str = PATH) -> Delivery | None:
    kind = PublishAs.of(path)
    size = publisher._destination.size
    return publisher.adopt(a_step(path=path, kind=kind), format_of(kind), Verify.FULL, unwatched, size)


# Publishing


def test_a_staged_file_gets_its_name_and_its_row(publisher: Publisher, ledger: Ledger, folder: Path) -> None:
    staged = stage(folder)
    checked = check(staged, Verify.FULL)
    delivery = publish(publisher, staged)
    assert (folder / PATH).read_bytes() == zip_number(0)
    assert list(partial_folder(folder).iterdir()) == []
    assert (delivery.path, delivery.bytes, delivery.sha256, delivery.columns) == (
        PATH,
        checked.bytes,
        checked.sha256,
        ("UserId", "Number"),
    )
    assert ledger.deliveries.delivered(ONE.identity) == delivery
    assert ledger.deliveries.intents() == []


def test_a_csv_is_published_and_its_zip_goes(publisher: Publisher, ledger: Ledger, folder: Path) -> None:
    """The ledger then has the CSV's length, hash and columns."""
    staged = stage(folder)
    table = staged.with_suffix(".csv")
    checked = unzip_csv(staged, table, free_space=10**6)
    content = table.read_bytes()
    path = PATH.replace(".zip", ".csv")
    delivery = published(publisher, a_step(path=path, kind=PublishAs.CSV), Staged(table, checked))
    assert (folder / path).read_bytes() == content
    assert (delivery.bytes, delivery.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert delivery.columns == columns_of(folder / path) == ("UserId", "Number")
    assert list(partial_folder(folder).iterdir()) == []


def test_a_file_is_replaced_by_a_whole_one(publisher: Publisher, ledger: Ledger, folder: Path) -> None:
    """As with `--force`; the ledger then has the new one."""
    publish(publisher, stage(folder))
    staged = stage(folder)
    staged.write_bytes(zip_number(7))
    delivery = publish(publisher, staged)
    assert (folder / PATH).read_bytes() == zip_number(7)
    assert [each.sha256 for each in ledger.deliveries.all()] == [delivery.sha256]


@pytest.mark.parametrize("others", [0, 1, 2])
def test_a_file_that_the_ledger_does_not_know_is_kept(
    publisher: Publisher, folder: Path, caplog: pytest.LogCaptureFixture, others: int
) -> None:
    (folder / PATH).parent.mkdir(parents=True)
    kept = [f"{PATH}.kept", f"{PATH}.kept2", f"{PATH}.kept3"]
    for number, name in enumerate([*kept[:others], PATH]):
        (folder / name).write_bytes(b"mine %d" % number)
    staged = stage(folder)
    content = staged.read_bytes()
    publish(publisher, staged)
    assert (folder / PATH).read_bytes() == content
    assert [(folder / name).read_bytes() for name in kept[: others + 1]] == [b"mine %d" % n for n in range(others + 1)]
    assert f"was in the place of {PATH}: it is now {kept[others]}." in caplog.text


def test_one_that_is_the_same_file_is_not(publisher: Publisher, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    staged = stage(folder)
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(staged.read_bytes())
    publish(publisher, staged)
    assert [path.name for path in (folder / PATH).parent.iterdir()] == [Path(PATH).name]
    assert not caplog.records


@posix_only
def test_published_files_and_folders_follow_the_umask(publisher: Publisher, folder: Path) -> None:
    before = os.umask(0o027)
    try:
        publish(publisher, stage(folder))
    finally:
        os.umask(before)
    modes = [(folder / part).stat().st_mode & 0o777 for part in (PATH, "Users/full", "Users")]
    assert modes == [0o640, 0o750, 0o750]


def test_each_step_comes_after_the_one_that_it_relies_on(
    publisher: Publisher, ledger: Ledger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes and their name come before the intent, the intent before the final name, and that before done."""
    steps: list[str] = []

    def noting(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def noted(*args: object, **kwargs: object) -> object:
            steps.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, noted)

    (folder / PATH).parent.mkdir(parents=True)
    for name in ("fsync_file", "fsync_folder", "rename"):
        noting(durable, name)
    for name in ("intend", "finish"):
        noting(ledger.deliveries, name)
    publish(publisher, stage(folder))
    assert steps == ["fsync_file", "fsync_folder", "intend", "rename", *3 * ["fsync_folder"], "finish"]


async def test_many_at_a_time_are_all_published(publisher: Publisher, ledger: Ledger, folder: Path) -> None:
    await asyncio.gather(
        *(asyncio.to_thread(publish, publisher, stage(folder, number), number) for number in range(1, 9))
    )
    assert {each.identity for each in ledger.deliveries.all()} == {
        extract_number(each).identity for each in range(1, 9)
    }
    assert all((folder / f"Users/full/{number}.zip").read_bytes() == zip_number(number) for number in range(1, 9))


def test_a_folder_that_cannot_be_made_is_a_fault_of_the_destination(
    publisher: Publisher, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The staged file and the intent stay, so that the next run finishes the publication."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    staged = stage(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refused)
        with pytest.raises(DestinationError):
            publish(publisher, staged)
    assert staged.exists()
    assert [each.identity for each in publisher.recover()] == [ONE.identity]
    assert (folder / PATH).read_bytes() == zip_number(0)


def test_a_staged_file_that_vanished_is_a_fault_of_the_destination(
    publisher: Publisher, ledger: Ledger, folder: Path
) -> None:
    checked = check(stage(folder), Verify.FULL)
    staged = stage(folder)
    staged.unlink()
    with pytest.raises(DestinationError, match="is gone"):
        publisher.publish([(a_step(), Staged(staged, checked))])
    assert ledger.deliveries.intents() == []


# Recovery


def intend(ledger: Ledger, folder: Path, staged: Path) -> Delivery:
    checked = check(staged, Verify.FULL)
    delivery = Delivery.of(ONE, "Users", path=PATH, bytes=checked.bytes, sha256=checked.sha256)
    ledger.deliveries.intend(replace(delivery, staged=staged.relative_to(state_folder(folder)).as_posix()))
    return delivery


def test_csvs_that_were_not_as_far_as_an_intent_go_and_what_can_be_resumed_stays(
    publisher: Publisher, folder: Path
) -> None:
    """They are unzipped again, and would occupy the space for that."""
    staged = stage(folder)
    staged.with_suffix(".csv").write_bytes(b"UserId\r\n")
    notes = partial_folder(folder) / "notes.csv"
    notes.write_bytes(b"nobody knows whose")
    publisher.recover()
    assert set(partial_folder(folder).iterdir()) == {staged, staged.with_suffix(".ranges"), notes}


def test_nothing_to_recover_is_nothing(publisher: Publisher) -> None:
    assert publisher.recover() == []


def test_a_file_still_staged_gets_its_name(publisher: Publisher, ledger: Ledger, folder: Path) -> None:
    intend(ledger, folder, stage(folder))
    (done,) = publisher.recover()
    assert (folder / PATH).read_bytes() == zip_number(0)
    assert ledger.deliveries.delivered(ONE.identity) == done
    assert ledger.deliveries.intents() == []


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_file_that_had_its_name_is_done(publisher: Publisher, ledger: Ledger, folder: Path, is_taken: bool) -> None:
    """Even if a loader took it meanwhile."""
    staged = stage(folder)
    intend(ledger, folder, staged)
    (folder / PATH).parent.mkdir(parents=True)
    staged.rename(folder / PATH)
    if is_taken:
        (folder / PATH).unlink()
    assert [each.identity for each in publisher.recover()] == [ONE.identity]
    assert ledger.deliveries.delivered(ONE.identity) is not None
    assert (folder / PATH).exists() is not is_taken


@pytest.mark.parametrize("is_published", [False, True])
def test_a_staged_file_of_another_length_is_never_published(
    publisher: Publisher, ledger: Ledger, folder: Path, is_published: bool
) -> None:
    """It is not the verified file; unless the right file already has the name, the extract is fetched again."""
    staged = stage(folder)
    intend(ledger, folder, staged)
    if is_published:
        (folder / PATH).parent.mkdir(parents=True)
        (folder / PATH).write_bytes(zip_number(0))
    os.truncate(staged, 10)
    settled = publisher.recover()
    assert [each.identity for each in settled] == ([ONE.identity] if is_published else [])
    assert (ledger.deliveries.delivered(ONE.identity) is not None) is is_published
    assert (folder / PATH).exists() is is_published
    assert ledger.deliveries.intents() == []


def test_an_intent_that_leaves_the_folder_is_refused(publisher: Publisher, ledger: Ledger, folder: Path) -> None:
    """A ledger is a file, which can be manipulated."""
    staged = stage(folder)
    delivery = intend(ledger, folder, staged)
    ledger.deliveries.intend(
        replace(delivery, path="../outside.zip", staged=staged.relative_to(state_folder(folder)).as_posix())
    )
    with pytest.raises(DestinationError, match="no path inside"):
        publisher.recover()
    assert not (folder.parent / "outside.zip").exists()


# Adopting


@pytest.mark.parametrize("mode", [0o644, 0o444])
def test_a_whole_file_is_adopted(publisher: Publisher, ledger: Ledger, folder: Path, mode: int) -> None:
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(zip_number(0))
    (folder / PATH).chmod(mode)
    checked = check(folder / PATH, Verify.FULL)
    delivery = adopt(publisher)
    assert delivery is not None
    assert (delivery.bytes, delivery.sha256, delivery.columns) == (checked.bytes, checked.sha256, checked.columns)
    assert ledger.deliveries.delivered(ONE.identity) == delivery


@pytest.mark.parametrize("content", [b"", b"<html>", zip_number(0)[:-1]])
def test_a_file_that_is_not_whole_is_not_adopted(
    publisher: Publisher, ledger: Ledger, folder: Path, content: bytes
) -> None:
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(content)
    assert adopt(publisher) is None
    assert ledger.deliveries.delivered(ONE.identity) is None
    assert (folder / PATH).read_bytes() == content


def test_what_cannot_be_verified_is_not_adopted(publisher: Publisher, ledger: Ledger, folder: Path) -> None:
    """No file, a folder, a CSV."""
    (folder / "Users/full/folder.zip").mkdir(parents=True)
    (folder / "Users/full/Users.csv").write_bytes(b"UserId\r\n1\r\n")
    for path in (PATH, "Users/full/folder.zip", "Users/full/Users.csv"):
        assert adopt(publisher, path) is None
    assert list(ledger.deliveries.all()) == []


# Killing


COUNT = 4
WHEN, CALLS = ("before", "after"), (0, 2)
PLACES = [
    f"{target}:{when}:{call}"
    for target in (
        "bds_async.support.durable.fsync_file",
        "bds_async.Deliveries.intend",
        "bds_async.support.durable.rename",
        "bds_async.support.durable.fsync_folder",
        "bds_async.Deliveries.finish",
    )
    for when in WHEN
    for call in CALLS
]


def take_away(folder: Path, taken: Counter[str]) -> None:
    """Act as a loader: move whole files away, and count how often each was seen."""
    for path in folder.glob("Users/full/*"):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
        taken[path.name] += 1
        path.unlink()


def assert_each_came_once(workspace: Workspace, taken: Counter[str], count: int) -> None:
    with Ledger.open(workspace.ledger, TENANT) as ledger:
        assert [each.identity for each in ledger.deliveries.all()] == [
            extract_number(each).identity for each in range(count)
        ]
        assert {Path(each.path or "").name for each in ledger.deliveries.all()} == set(taken)
        assert ledger.deliveries.intents() == []
    assert set(taken.values()) == {1}
    assert list(workspace.partials.iterdir()) == []
    assert {path.name for path in Path(workspace.to).iterdir()} <= {"Users", ".bds-async"}


def killed_and_finished(workspace: Workspace, place: str) -> None:
    """A loader takes every file as soon as the killed process has ended."""
    taken: Counter[str] = Counter()
    assert Publishing(workspace, COUNT, place).ends() == 9
    take_away(Path(workspace.to), taken)
    asyncio.run(publish_all(prepared(Path(workspace.to), workspace.state), COUNT, lambda _: None))
    take_away(Path(workspace.to), taken)
    assert_each_came_once(workspace, taken, COUNT)


@pytest.mark.crash
@pytest.mark.parametrize("place", PLACES)
def test_a_kill_at_any_step_delivers_each_extract_once(tmp_path: Path, place: str) -> None:
    killed_and_finished(workspace_of(tmp_path), place)


@pytest.mark.crash
@pytest.mark.parametrize("place", [*PLACES, *(f"shutil.copyfileobj:{when}:{call}" for when in WHEN for call in CALLS)])
def test_a_kill_at_any_step_of_a_copy_does_too(tmp_path: Path, place: str) -> None:
    """From a state folder on another file system."""
    with other_file_system(tmp_path) as folder:
        killed_and_finished(workspace_of(tmp_path / "to", folder / "state"), place)


@posix_only
@pytest.mark.crash
def test_kills_at_random_moments_deliver_each_extract_once(tmp_path: Path) -> None:
    chosen, workspace = random.Random(20261122), workspace_of(tmp_path)
    taken: Counter[str] = Counter()
    count, kills, returned = 40, 0, -1
    while returned != 0:
        process = Publishing(workspace, count)
        for _ in range(chosen.randrange(1, 6)):
            process.next_published()
        timer = threading.Timer(chosen.random() * 0.01, process.kill)
        timer.start()
        returned = process.ends()
        timer.cancel()
        kills += returned == -signal.SIGKILL
        take_away(tmp_path, taken)
    assert kills > 3
    assert_each_came_once(workspace, taken, count)
