"""Zips that a server compressed again are decoded, other zips are left alone, no matter what a header says."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bds_async.errors import Stopped
from bds_async.formats import decode_zip
from bds_async.formats.zip import check
from bds_async.options import Verify

in_place = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def a_zip(content: bytes = b"UserId\r\n1\r\n", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.writestr("Users.csv", content)
    return made.getvalue()


def bare(data: bytes) -> bytes:
    """Deflate without a header, as some servers send it."""
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zlib": zlib.compress, "bare deflate": bare}


@pytest.fixture
def received(tmp_path: Path) -> Path:
    """The path of a received file."""
    return tmp_path / f"{'0' * 32}.part"


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_zip_in_a_coding_becomes_that_zip(received, coding, method):
    content = a_zip(bytes(3_000_000), method)
    received.write_bytes(CODINGS[coding](content))
    decode_zip(received)
    assert received.read_bytes() == content
    assert check(received, Verify.FULL).bytes == len(content)
    assert list(received.parent.iterdir()) == [received]


def test_two_codings_after_each_other_are_undone(received):
    received.write_bytes(zlib.compress(gzip.compress(a_zip(), mtime=0)))
    decode_zip(received)
    assert check(received, Verify.FULL).columns == ("UserId",)


def test_members_of_gzip_after_each_other_are_one_content(received):
    content = a_zip()
    received.write_bytes(gzip.compress(content[:50]) + gzip.compress(content[50:]))
    decode_zip(received)
    assert received.read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        a_zip(),
        b"",
        b"P",
        b"<html>busy</html>",
        gzip.compress(b"<html>busy</html>", mtime=0),
        gzip.compress(a_zip(), mtime=0)[:-9],
        b"\x1f\x8b damaged",
    ],
    ids=["a zip", "nothing", "one byte", "a page", "a page in gzip", "a cut gzip", "no gzip"],
)
def test_anything_else_stays_as_it_came(received, content):
    received.write_bytes(content)
    decode_zip(received)
    assert received.read_bytes() == content
    assert list(received.parent.iterdir()) == [received]


def test_a_run_that_ends_meanwhile_leaves_what_was_received(received):
    def over(_: int) -> None:
        raise Stopped("The run is over.", 3)

    content = gzip.compress(a_zip(bytes(5_000_000), zipfile.ZIP_STORED), mtime=0)
    received.write_bytes(content)
    with pytest.raises(Stopped):
        decode_zip(received, over)
    assert received.read_bytes() == content
    assert list(received.parent.iterdir()) == [received]


@in_place
@given(content=st.binary(max_size=200) | st.binary(max_size=200).map(lambda text: gzip.compress(text, mtime=0)))
def test_no_bytes_make_it_raise(received, content):
    received.write_bytes(content)
    decode_zip(received)
    assert received.exists()
