"""The contract of every format: a whole file beside the zip or none, and measures that `check` confirms."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bds_async.errors import DestinationError, Stopped, UnusableArchive, VerificationError
from bds_async.formats import Format, format_of
from bds_async.options import PublishAs, Verify
from bds_async.planning import Step
from bds_async.support.prefix import Prefix
from tests.support.builders import a_step, an_extract

CONTENT = b"\xef\xbb\xbfUserId,UserName\r\n" + b'7,"O""Neil"\r\n' * 20_000


@pytest.fixture(params=list(PublishAs))
def form(request: pytest.FixtureRequest) -> Format:
    return format_of(request.param)


def step(form: Format) -> Step:
    return dataclasses.replace(a_step(an_extract(), f"Users/full/x{form.kind.suffix}"), kind=form.kind)


def put(folder: Path, content: bytes = CONTENT) -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Users.csv", content)
    path = folder / "x.part"
    path.write_bytes(buffer.getvalue())
    return path


def test_a_staged_file_lies_beside_the_zip_and_is_described(form: Format, tmp_path: Path) -> None:
    """`check` of the published file gives the same length, SHA-256 and columns."""
    staged = form.stage(step(form), put(tmp_path), Prefix(), Verify.FULL)
    data = staged.path.read_bytes()
    assert staged.path.parent == tmp_path
    assert (staged.checked.bytes, staged.checked.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert staged.checked.columns == ("UserId", "UserName")
    published = staged.path.rename(tmp_path / f"published{form.kind.suffix}")
    assert form.check(published, Verify.FULL) == dataclasses.replace(staged.checked, text_columns=None)


def test_staging_twice_gives_the_same_file(form: Format, tmp_path: Path) -> None:
    """A half-written file of a killed run is replaced."""
    zipped = put(tmp_path)
    first = form.stage(step(form), zipped, Prefix(), Verify.FULL)
    if first.path != zipped:
        first.path.write_bytes(b"half")
    assert form.stage(step(form), zipped, Prefix(), Verify.FULL) == first


def flipped(data: bytes) -> bytes:
    """The same with one byte changed in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "a page": lambda data: b"<html>Log in</html>",
    "cut": lambda data: data[:-9],
    "foreign bytes": lambda data: data + b"x",
    "flipped": flipped,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_zip_leaves_no_staged_file(form: Format, tmp_path: Path, damage: str) -> None:
    """Another download may help."""
    zipped = put(tmp_path)
    zipped.write_bytes(DAMAGE[damage](zipped.read_bytes()))
    with pytest.raises(VerificationError):
        form.stage(step(form), zipped, Prefix(), Verify.FULL)
    assert list(tmp_path.iterdir()) == [zipped]


def test_the_end_of_a_run_ends_the_work_and_leaves_no_staged_file(form: Format, tmp_path: Path) -> None:
    def watch(_: int) -> None:
        raise Stopped("The run is over.", 3)

    zipped = put(tmp_path)
    with pytest.raises(Stopped):
        form.stage(step(form), zipped, Prefix(), Verify.FULL, watch)
    assert list(tmp_path.iterdir()) == [zipped]


def test_an_encrypted_zip_leaves_no_staged_file(form: Format, tmp_path: Path) -> None:
    """Another download does not help."""
    zipped = put(tmp_path)
    data = bytearray(zipped.read_bytes())
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.find(magic) + offset] |= 1
    zipped.write_bytes(data)
    with pytest.raises(UnusableArchive, match="encrypted"):
        form.stage(step(form), zipped, Prefix(), Verify.FULL)
    assert list(tmp_path.iterdir()) == [zipped]


def test_the_end_of_a_run_ends_a_check(form: Format, tmp_path: Path) -> None:
    staged = form.stage(step(form), put(tmp_path), Prefix(), Verify.FULL)

    def watch(_: int) -> None:
        raise Stopped("The run is over.", 3)

    with pytest.raises(Stopped):
        form.check(staged.path, Verify.FULL, watch)


def test_a_changed_file_is_found_out(form: Format, tmp_path: Path) -> None:
    """From the file itself if the format has checksums, else by its SHA-256."""
    staged = form.stage(step(form), put(tmp_path), Prefix(), Verify.FULL)
    staged.path.write_bytes(flipped(staged.path.read_bytes()))
    if form.is_proof:
        with pytest.raises(VerificationError):
            form.check(staged.path, Verify.FULL)
    else:
        assert form.check(staged.path, Verify.FULL).sha256 != staged.checked.sha256


def test_a_missing_file_is_a_fault_of_the_destination(form: Format, tmp_path: Path) -> None:
    with pytest.raises(DestinationError):
        form.check(tmp_path / f"x{form.kind.suffix}", Verify.FULL)


def test_a_zip_of_two_members_is_published_as_a_zip_alone(form: Format, tmp_path: Path) -> None:
    """The error names the form that accepts it."""
    zipped = put(tmp_path)
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr("Other.csv", CONTENT)
    if form.kind is PublishAs.ZIP:
        assert form.stage(step(form), zipped, Prefix(), Verify.FULL).path == zipped
        return
    with pytest.raises(UnusableArchive, match="--as zip"):
        form.stage(step(form), zipped, Prefix(), Verify.FULL)
    assert list(tmp_path.iterdir()) == [zipped]
