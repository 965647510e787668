"""What any format promises: a whole zip becomes a file that checks as what it is, and a bad one becomes nothing.

A new format is added to `FORMATS`.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from bds_async.errors import DestinationError, Stopped, UnusableArchive, VerificationError
from bds_async.formats import Format, Staged
from bds_async.formats.csv import CsvFormat
from bds_async.formats.zip import ZipFormat
from bds_async.options import PublishAs, Verify
from bds_async.support.prefix import Prefix
from tests.support.builders import a_step, an_extract

FORMATS: dict[PublishAs, Format] = {PublishAs.ZIP: ZipFormat(), PublishAs.CSV: CsvFormat()}
HEADER = ("UserId", "UserName")
TABLE = b"\xef\xbb\xbfUserId,UserName\r\n" + b"".join(b"%d,user%d\r\n" % (number, number) for number in range(2000))


@pytest.fixture(params=FORMATS, ids=str)
def form(request: pytest.FixtureRequest) -> Format:
    return FORMATS[request.param]


def a_zip(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


ONE_TABLE = a_zip(("Users.csv", TABLE))


def stage(form: Format, folder: Path, content: bytes, verify: Verify = Verify.FULL) -> Staged:
    (folder / "key.part").write_bytes(content)
    step = a_step(an_extract(), f"X/full/x{form.kind.suffix}", kind=form.kind)
    return form.stage(step, folder / "key.part", Prefix(), verify)


def test_every_kind_of_file_has_a_format() -> None:
    assert {kind: form.kind for kind, form in FORMATS.items()} == {kind: kind for kind in PublishAs}


@pytest.mark.parametrize("verify", Verify)
def test_what_is_staged_is_described_as_it_is(form: Format, tmp_path: Path, verify: Verify) -> None:
    """Length, SHA-256 and columns; the file lies beside the zip, which stays."""
    staged = stage(form, tmp_path, ONE_TABLE, verify)
    content = staged.path.read_bytes()
    assert (staged.checked.bytes, staged.checked.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert staged.checked.columns == HEADER
    assert staged.path.parent == tmp_path
    assert (tmp_path / "key.part").read_bytes() == ONE_TABLE


@pytest.mark.parametrize("verify", Verify)
def test_a_published_file_checks_as_it_was_staged(form: Format, tmp_path: Path, verify: Verify) -> None:
    staged = stage(form, tmp_path, ONE_TABLE, verify)
    assert form.check(staged.path, Verify.FULL) == staged.checked


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", ONE_TABLE[:-1], ONE_TABLE + b"x", ONE_TABLE.replace(b"user7\r", b"user8\r")],
    ids=["empty", "a page", "cut", "foreign bytes", "a changed byte"],
)
def test_a_zip_that_did_not_arrive_whole_may_be_fetched_again(form: Format, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(VerificationError):
        stage(form, tmp_path, content)
    assert [path.name for path in tmp_path.iterdir()] == ["key.part"]


def test_a_zip_that_cannot_be_used_is_not_fetched_again(form: Format, tmp_path: Path) -> None:
    encrypted = bytearray(ONE_TABLE)
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        encrypted[encrypted.find(magic) + offset] |= 1
    with pytest.raises(UnusableArchive, match="encrypted"):
        stage(form, tmp_path, bytes(encrypted))
    assert [path.name for path in tmp_path.iterdir()] == ["key.part"]


def test_staging_again_replaces_what_a_killed_run_left(form: Format, tmp_path: Path) -> None:
    first = stage(form, tmp_path, ONE_TABLE)
    if form.kind is not PublishAs.ZIP:
        first.path.write_bytes(b"half of it")
    assert stage(form, tmp_path, ONE_TABLE).checked == first.checked


def test_a_changed_file_is_found_out(form: Format, tmp_path: Path) -> None:
    """By itself where the format proves it whole, else by its SHA-256."""
    staged = stage(form, tmp_path, ONE_TABLE)
    content = staged.path.read_bytes()
    staged.path.write_bytes(content.replace(b"user7\r", b"user8\r"))
    if form.is_proof:
        with pytest.raises(VerificationError):
            form.check(staged.path, Verify.FULL)
    else:
        assert form.check(staged.path, Verify.FULL).sha256 != staged.checked.sha256


def test_a_file_that_is_not_there_is_a_fault_of_the_destination(form: Format, tmp_path: Path) -> None:
    with pytest.raises(DestinationError):
        form.check(tmp_path / "missing", Verify.FULL)


def test_whoever_watches_ends_the_work(form: Format, tmp_path: Path) -> None:
    """A stop must not wait for the end of a large file."""

    def stop(count: int) -> None:
        raise Stopped("enough", 130)

    staged = stage(form, tmp_path, ONE_TABLE)
    with pytest.raises(Stopped):
        form.check(staged.path, Verify.FULL, stop)
    step = a_step(an_extract(), f"X/full/x{form.kind.suffix}", kind=form.kind)
    with pytest.raises(Stopped):
        form.stage(step, tmp_path / "key.part", Prefix(), Verify.FULL, stop)
