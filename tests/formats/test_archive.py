"""A zip counts as whole only if no part of it is missing, foreign or changed; and no zip can do harm."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import struct
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bds_async.errors import DestinationError, ExtractError, TransientError, UnusableArchive, VerificationError
from bds_async.formats import Checked, inflate, zip_members
from bds_async.formats.csv import unzip_csv
from bds_async.formats.reading import measure
from bds_async.formats.zip import check
from bds_async.options import Verify

HEADER = b"\xef\xbb\xbfUserId,UserName\r\n"
COLUMNS = ("UserId", "UserName")
ROOM = 10**9
HOSTILE = ["../../x.csv", "/etc/passwd", "C:\\windows\\x.csv", "NUL", "a\nb\x1b[31m.csv", "\u202efdp.csv", "x" * 60_000]
in_place = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def csv_bytes(rows: int) -> bytes:
    chosen = random.Random(7)
    return HEADER + b"".join(b"%d,user%d\r\n" % (chosen.randrange(10**6), number) for number in range(rows))


SMALL = csv_bytes(300)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
        archive.comment = comment
    return buffer.getvalue()


def patched(archive: bytes, magic: bytes, offset: int, field: bytes) -> bytes:
    """The archive with a field of each record that starts with `magic` replaced."""
    result, position = bytearray(archive), archive.find(magic)
    while position >= 0:
        result[position + offset : position + offset + len(field)] = field
        position = archive.find(magic, position + 1)
    return bytes(result)


def in_both_headers(archive: bytes, local_offset: int, field: bytes) -> bytes:
    """Change a field in the member's local header and in the directory, where it is 2 bytes further on."""
    return patched(patched(archive, b"PK\3\4", local_offset, field), b"PK\1\2", local_offset + 2, field)


ENCRYPTED = in_both_headers(zipped(("Users.csv", SMALL)), 6, b"\1\0")
ORDINARY = zipped(("Users.csv", SMALL))


@pytest.fixture(params=["isal", "zlib"])
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with both libraries, since some platforms have no wheel of the fast one."""
    if request.param == "zlib":
        monkeypatch.setattr(inflate, "codec", zlib)
        monkeypatch.setattr(inflate, "_DAMAGE", zlib.error)


def put(folder: Path, archive: bytes) -> Path:
    path = folder / "a.zip"
    path.write_bytes(archive)
    return path


def refusal(path: Path, verify: Verify = Verify.FULL) -> ExtractError:
    with pytest.raises(ExtractError) as caught:
        check(path, verify)
    return caught.value


def contents_by_zipfile(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


# What is whole


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize("verify", Verify)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_whole_zip_gives_its_length_hash_and_columns(tmp_path: Path, verify: Verify, method: int) -> None:
    archive = zipped(("Users.csv", csv_bytes(100_000)), method=method)
    assert check(put(tmp_path, archive), verify) == Checked(len(archive), hashlib.sha256(archive).hexdigest(), COLUMNS)


@pytest.mark.parametrize("verify", Verify)
def test_a_zip_without_members_is_whole(tmp_path: Path, verify: Verify) -> None:
    assert check(put(tmp_path, zipped()), verify).columns is None


@pytest.mark.parametrize("verify", Verify)
def test_the_columns_are_those_of_the_first_csv(tmp_path: Path, verify: Verify) -> None:
    members = [("read.me", b"a,b\r\n"), ("folder/", b""), ("Users.CSV", SMALL), ("Other.csv", b"c,d\r\n")]
    assert check(put(tmp_path, zipped(*members)), verify).columns == COLUMNS
    assert check(put(tmp_path, zipped(members[0])), verify).columns is None


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize("content", [b"", HEADER, b"x" * (2 * inflate.BLOCK), os.urandom(inflate.BLOCK + 1)])
def test_contents_of_any_length_pass(tmp_path: Path, content: bytes) -> None:
    """Including contents that end exactly at the end of a block."""
    check(put(tmp_path, zipped(("Users.csv", content))), Verify.FULL)


def test_an_empty_member_may_have_no_deflate_stream_at_all(tmp_path: Path) -> None:
    archive = zipped(("Users.csv", b""), method=zipfile.ZIP_STORED)
    check(put(tmp_path, in_both_headers(archive, 8, b"\x08\0")), Verify.FULL)


def test_a_comment_at_the_end_belongs_to_the_zip(tmp_path: Path) -> None:
    for comment in (b"made by a tool", b"x" * 65_535):
        check(put(tmp_path, zipped(("Users.csv", SMALL), comment=comment)), Verify.FULL)


def with_extra(extra: bytes) -> bytes:
    """A zip whose directory has an extra field of these bytes."""
    archive = zipped(("x.csv", SMALL))
    start = archive.index(b"PK\1\2")
    end = start + 46 + len("x.csv")
    entry = bytearray(archive[start:end])
    entry[30:32] = struct.pack("<H", len(extra))
    record = bytearray(archive[end:])
    record[12:16] = struct.pack("<L", len(entry) + len(extra))
    return archive[:start] + bytes(entry) + extra + bytes(record)


#: Fields of a directory that no reader of an extract needs, each with a value that Python's zipfile refuses.
IGNORED = {
    "an extra field that runs past its end": with_extra(struct.pack("<2H", 0x5455, 500) + b"abc"),
    "a single byte of an extra field": with_extra(b"\0"),
    "a name that is not the UTF-8 that it claims to be": in_both_headers(
        zipped(("x.csv", SMALL)).replace(b"x.csv", b"\xff.csv"), 6, struct.pack("<H", 0x800)
    ),
}


@pytest.mark.parametrize("verify", list(Verify))
@pytest.mark.parametrize("archive", IGNORED.values(), ids=list(IGNORED))
def test_fields_that_are_not_needed_are_not_judged(tmp_path: Path, verify: Verify, archive: bytes) -> None:
    path = put(tmp_path, archive)
    assert check(path, verify).columns == COLUMNS
    unzip_csv(path, tmp_path / "x.csv", free_space=ROOM)
    assert (tmp_path / "x.csv").read_bytes() == SMALL


class Unseekable(io.RawIOBase):
    """Acts like a pipe: zipfile then writes sizes and CRC after the member, as streaming servers do."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, block: object) -> int:
        self.content += cast("bytes", block)
        return len(cast("bytes", block))


def test_a_zip_that_was_streamed_by_its_writer_is_whole(tmp_path: Path) -> None:
    pipe = Unseekable()
    with zipfile.ZipFile(cast("io.BufferedIOBase", pipe), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Users.csv", SMALL)
    assert check(put(tmp_path, bytes(pipe.content)), Verify.FULL).columns == COLUMNS


def zip64() -> bytes:
    """A small zip that has every zip64 structure."""
    buffer = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0)
        with (
            zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("Users.csv", "w", force_zip64=True) as member,
        ):
            member.write(SMALL)
    assert b"PK\6\6" in buffer.getvalue()
    return buffer.getvalue()


@pytest.mark.parametrize("verify", Verify)
def test_zip64_is_read(tmp_path: Path, verify: Verify) -> None:
    assert check(put(tmp_path, zip64()), verify).columns == COLUMNS


# What is not


@pytest.mark.parametrize(
    ("body", "looks_like"),
    [
        (b"", "nothing"),
        (b"<!DOCTYPE html><html>Sign in</html>", "an HTML page"),
        (b"\xef\xbb\xbf\r\n <HTML><head>", "an HTML page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "an XML document"),
        (b' {"error": "x"}', "JSON"),
        (b"[]", "JSON"),
        (b"UserId,UserName\r\n", "something else"),
    ],
)
@pytest.mark.parametrize("verify", Verify)
def test_a_body_that_is_no_zip_is_said_to_be_what_it_is(
    tmp_path: Path, verify: Verify, body: bytes, looks_like: str
) -> None:
    error = refusal(put(tmp_path, body), verify)
    assert isinstance(error, VerificationError)
    assert f"sent {looks_like} in place of a zip" in str(error)


@pytest.mark.parametrize("verify", Verify)
@pytest.mark.parametrize("archive", [ORDINARY, zip64(), zipped(("a.zip", ORDINARY), method=zipfile.ZIP_STORED)])
def test_a_zip_cut_anywhere_is_found_out(tmp_path: Path, verify: Verify, archive: bytes) -> None:
    """Even if the cut zip ends with the end of another zip."""
    for length in range(len(archive)):
        assert isinstance(refusal(put(tmp_path, archive[:length]), verify), VerificationError)


@pytest.mark.parametrize("verify", Verify)
@pytest.mark.parametrize("garbage", [b"\0", b"<html>", ORDINARY])
def test_foreign_bytes_before_or_after_a_zip_are_found_out(tmp_path: Path, verify: Verify, garbage: bytes) -> None:
    for archive in (ORDINARY + garbage, garbage + ORDINARY):
        assert isinstance(refusal(put(tmp_path, archive), verify), VerificationError)


@in_place
@given(data=st.data(), method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
@pytest.mark.usefixtures("codec")
def test_a_changed_byte_in_a_member_is_found_out(tmp_path: Path, data: st.DataObject, method: int) -> None:
    """Unless it has no effect: a deflate stream ends with a few meaningless bits."""
    archive = bytearray(zipped(("Users.csv", SMALL), ("b.csv", HEADER), method=method))
    place = data.draw(st.integers(0, archive.index(b"PK\1\2") - 1))
    archive[place] ^= data.draw(st.integers(1, 255))
    path = put(tmp_path, bytes(archive))
    try:
        check(path, Verify.FULL)
    except ExtractError:
        return
    assert contents_by_zipfile(path) == [("Users.csv", SMALL), ("b.csv", HEADER)]


@pytest.mark.usefixtures("codec")
def test_compressed_data_that_is_damaged_is_named_in_plain_words(tmp_path: Path) -> None:
    """Not in those of the library that inflates it. The three lowest bits of 7 begin a block of no known type."""
    start = ORDINARY.index(b"Users.csv") + len(b"Users.csv")
    error = refusal(put(tmp_path, ORDINARY[:start] + b"\7" + ORDINARY[start + 1 :]))
    assert str(error) == "The member 'Users.csv' of the zip is damaged: its compressed data cannot be unpacked."


@in_place
@given(data=st.data(), archive=st.sampled_from([ORDINARY, zip64(), zipped(*[(f"{n}.csv", HEADER) for n in range(9)])]))
def test_rubbish_in_any_place_is_refused_in_an_orderly_way_or_harmless(
    tmp_path: Path, data: st.DataObject, archive: bytes
) -> None:
    """Damage to directory or end records causes either an expected error or yields the right contents.

    A version unknown to zipfile is no damage to the contents, but zipfile does not read them then.
    """
    path = put(tmp_path, archive)
    expected = [content for _, content in contents_by_zipfile(path)]
    start = data.draw(st.integers(0, len(archive) - 1))
    rubbish = data.draw(st.binary(min_size=1, max_size=8))
    put(tmp_path, archive[:start] + rubbish + archive[start + len(rubbish) :])
    with contextlib.suppress(ExtractError):
        check(path, Verify.FAST)
        check(path, Verify.FULL)
        with contextlib.suppress(NotImplementedError):
            assert [content for _, content in contents_by_zipfile(path)] == expected


@in_place
@given(st.binary(max_size=300), st.binary(max_size=100))
def test_what_only_begins_and_ends_as_a_zip_is_refused(tmp_path: Path, middle: bytes, comment: bytes) -> None:
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(middle), 4, len(comment))
    error = refusal(put(tmp_path, b"PK\3\4" + middle + end + comment))
    assert isinstance(error, VerificationError)


def test_a_bad_crc_names_the_member_and_only_full_verification_sees_it(tmp_path: Path) -> None:
    content = HEADER + b"1,x\r\n" * 400_000
    archive = bytearray(zipped(("Users.csv", content), method=zipfile.ZIP_STORED))
    archive[-200] ^= 1
    path = put(tmp_path, bytes(archive))
    error = refusal(path)
    assert isinstance(error, VerificationError)
    assert "Users.csv" in str(error)
    assert "CRC-32" in str(error)
    assert check(path, Verify.FAST).columns == COLUMNS


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    """The trick of the most compact zip bombs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("Users.csv", SMALL)
        archive.filelist.append(archive.filelist[0])
    error = refusal(put(tmp_path, buffer.getvalue()))
    assert "overlaps" in str(error)


def test_a_directory_that_names_places_beyond_itself_is_refused(tmp_path: Path) -> None:
    error = refusal(put(tmp_path, patched(ORDINARY, b"PK\1\2", 42, b"\xf0\xff\xff\x7f")))
    assert isinstance(error, VerificationError)


def test_a_directory_with_a_member_less_than_counted_is_refused(tmp_path: Path) -> None:
    error = refusal(put(tmp_path, patched(ORDINARY, b"PK\5\6", 8, b"\2\0\2\0")))
    assert "does not match its end record" in str(error)


@pytest.mark.parametrize("position", [2**63, 2**64 - 1, 0])
def test_zip64_records_that_point_nowhere_are_refused(tmp_path: Path, position: int) -> None:
    error = refusal(put(tmp_path, patched(zip64(), b"PK\6\7", 8, struct.pack("<Q", position))))
    assert isinstance(error, VerificationError)
    assert "zip64" in str(error)


def test_a_member_with_two_lengths_is_refused(tmp_path: Path) -> None:
    archive = zipped(("Users.csv", SMALL), method=zipfile.ZIP_STORED)
    error = refusal(put(tmp_path, in_both_headers(archive, 22, struct.pack("<L", 5))))
    assert "sizes" in str(error)


def test_a_directory_beyond_all_reason_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_members, "DIRECTORY_LIMIT", 40)
    assert isinstance(refusal(put(tmp_path, ORDINARY)), UnusableArchive)


@pytest.mark.parametrize("verify", Verify)
@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (ENCRYPTED, "is encrypted"),
        (in_both_headers(ORDINARY, 6, b"\x41\0"), "is encrypted"),
        (in_both_headers(ORDINARY, 6, b"\x20\0"), "is a patch"),
        (zipped(("Users.csv", SMALL), method=zipfile.ZIP_LZMA), "method 14"),
        (zipped(("Users.csv", SMALL), method=zipfile.ZIP_BZIP2), "method 12"),
    ],
)
def test_a_member_that_cannot_be_read_is_no_reason_to_try_again(
    tmp_path: Path, verify: Verify, archive: bytes, reason: str
) -> None:
    error = refusal(put(tmp_path, archive), verify)
    assert isinstance(error, UnusableArchive)
    assert not isinstance(error, TransientError)
    assert reason in str(error)


# What is hostile


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_escaped_and_never_opened(tmp_path: Path, name: str) -> None:
    """Neither as a path nor as text with control characters for a terminal."""
    folder = tmp_path / "only"
    folder.mkdir()
    archive = bytearray(zipped((name, SMALL), method=zipfile.ZIP_STORED))
    path = put(folder, bytes(archive))
    check(path, Verify.FULL)
    unzip_csv(path, folder / "out.csv", free_space=ROOM)
    archive[archive.index(b"PK\1\2") - 1] ^= 1
    text = str(refusal(put(folder, bytes(archive))))
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 250
    assert sorted(each.name for each in folder.iterdir()) == ["a.zip", "out.csv"]
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.usefixtures("codec")
def test_memory_does_not_grow_with_what_a_member_inflates_to(tmp_path: Path) -> None:
    """A member that inflates a thousandfold is read in blocks, even if its compressed bytes are few."""
    path = put(tmp_path, zipped(("Users.csv", bytes(64 * 1024 * 1024))))
    tracemalloc.start()
    try:
        check(path, Verify.FULL)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_twenty_thousand_members_are_checked_like_one(tmp_path: Path) -> None:
    archive = zipped(*[(f"{number}.csv", b"A\r\n") for number in range(20_000)], method=zipfile.ZIP_STORED)
    assert check(put(tmp_path, archive), Verify.FULL).columns == ("A",)


# Extracting the CSV


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_csv_is_written_and_described(tmp_path: Path, method: int) -> None:
    content = csv_bytes(100_000)
    target = tmp_path / "out.csv"
    checked = unzip_csv(put(tmp_path, zipped(("any name", content), method=method)), target, free_space=len(content))
    assert target.read_bytes() == content
    assert checked == Checked(len(content), hashlib.sha256(content).hexdigest(), COLUMNS)
    assert measure(target).sha256 == checked.sha256


@pytest.mark.parametrize("number", [0, 2, 20])
def test_anything_but_one_member_cannot_become_a_csv(tmp_path: Path, number: int) -> None:
    path = put(tmp_path, zipped(*[(f"{each}.csv", SMALL) for each in range(number)]))
    with pytest.raises(UnusableArchive, match=f"has {number} members"):
        unzip_csv(path, tmp_path / "out.csv", free_space=ROOM)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("archive", [ENCRYPTED, zipped(("Users.csv", SMALL), method=zipfile.ZIP_LZMA)])
def test_an_unreadable_member_cannot_become_a_csv(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(UnusableArchive):
        unzip_csv(put(tmp_path, archive), tmp_path / "out.csv", free_space=ROOM)


def test_a_csv_larger_than_the_free_space_is_not_begun(tmp_path: Path) -> None:
    path = put(tmp_path, zipped(("Users.csv", bytes(10_000_000))))
    with pytest.raises(DestinationError, match="10000000 bytes; 9999999 are free"):
        unzip_csv(path, tmp_path / "out.csv", free_space=9_999_999)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize("claimed", [0, 1, 1000, inflate.BLOCK, 5 * inflate.BLOCK])
def test_a_member_never_yields_more_than_its_directory_claims(tmp_path: Path, claimed: int) -> None:
    """A bomb that lies about its size is stopped before the block that exceeds it."""
    path = put(tmp_path, in_both_headers(zipped(("Users.csv", bytes(5_000_000))), 22, struct.pack("<L", claimed)))
    yielded: list[int] = []
    with path.open("rb") as file:
        (member,) = zip_members.members_of(file, path.stat().st_size)
        file.seek(member.start)
        with pytest.raises(VerificationError, match="more than its directory says"):
            yielded.extend(map(len, inflate.contents(member, [file.read(member.stop - member.start)])))
    assert sum(yielded) <= claimed
    with pytest.raises(VerificationError):
        unzip_csv(path, tmp_path / "out.csv", free_space=ROOM)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.usefixtures("codec")
def test_a_damaged_csv_leaves_nothing(tmp_path: Path) -> None:
    archive = bytearray(zipped(("Users.csv", csv_bytes(100_000))))
    archive[len(archive) // 2] ^= 0xFF
    with pytest.raises(VerificationError):
        unzip_csv(put(tmp_path, bytes(archive)), tmp_path / "out.csv", free_space=ROOM)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("find", [b",x", b"UserName"])
def test_damage_that_ends_as_an_irregular_csv_is_damage_all_the_same(tmp_path: Path, find: bytes) -> None:
    """A bit flip in a comma or a column's name, long before the CRC-32: another download helps."""
    content = HEADER + b"1,x\r\n" * 1_000_000
    archive = bytearray(zipped(("Users.csv", content), method=zipfile.ZIP_STORED))
    archive[archive.index(find)] ^= 1
    with pytest.raises(VerificationError, match="CRC-32"):
        unzip_csv(put(tmp_path, bytes(archive)), tmp_path / "out.csv", free_space=ROOM, wanted=COLUMNS[1:])
    assert not (tmp_path / "out.csv").exists()


def test_an_irregular_csv_that_came_as_it_was_sent_is_no_reason_to_try_again(tmp_path: Path) -> None:
    path = put(tmp_path, zipped(("Users.csv", HEADER + b"1\r\n" + b"1,x\r\n" * 1_000_000)))
    with pytest.raises(UnusableArchive, match="Row 2"):
        unzip_csv(path, tmp_path / "out.csv", free_space=ROOM, wanted=COLUMNS[1:])


@contextlib.contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let the kernel limit every file of this process to `size` bytes."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is POSIX")
def test_a_disk_that_takes_no_more_is_a_fault_of_the_destination(tmp_path: Path) -> None:
    path = put(tmp_path, zipped(("Users.csv", csv_bytes(200_000))))
    with pytest.raises(DestinationError), files_limited_to(1_000_000):
        unzip_csv(path, tmp_path / "out.csv", free_space=ROOM)
    assert not (tmp_path / "out.csv").exists()


def test_a_file_that_is_not_there_is_a_fault_of_the_destination(tmp_path: Path) -> None:
    with pytest.raises(DestinationError):
        check(tmp_path / "gone.zip", Verify.FULL)


def test_a_folder_is_no_csv(tmp_path):
    """A zip whose only member is a folder has nothing to publish as a CSV."""
    path = put(tmp_path, zipped(("d/", b"")))
    with pytest.raises(UnusableArchive, match="folder"):
        unzip_csv(path, tmp_path / "out.csv", free_space=ROOM)
    assert not (tmp_path / "out.csv").exists()
