"""What an answer serves, and which answers are useless."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bds_async.brightspace.http import Transport
from bds_async.errors import TransientError
from bds_async.transfer.served import Served, check_magic, content_range, strong_validator

sizes = st.integers(0, 10**15)


def answer(status: int = 200, length: int | None = None, **headers: str) -> Any:
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return SimpleNamespace(status=status, content_length=length, headers=named)


class TestContentRange:
    @given(sizes, sizes, sizes)
    def test_what_rfc_9110_writes_is_read(self, start, more, rest):
        last, total = start + more, start + more + 1 + rest
        assert content_range(f"bytes {start}-{last}/{total}") == (start, last + 1, total)
        assert content_range(f" Bytes {start}-{last}/* ") == (start, last + 1, None)

    @given(sizes, sizes, sizes)
    def test_a_range_that_no_object_can_have_continues_nothing(self, start, less, total):
        assert content_range(f"bytes {start + 1 + less}-{start}/*") == (-1, None, None)
        assert content_range(f"bytes 0-{total + less}/{total}") == (-1, None, None)

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "bytes */1000",
            "bytes 0-99",
            "bytes 0-99/",
            "items 0-99/100",
            "bytes=0-99/100",
            "bytes -5-9/10",
            "bytes ٠-٩/*",
        ],
    )
    def test_nonsense_continues_nothing(self, header):
        assert content_range(header) == (-1, None, None)

    @given(st.text())
    def test_no_text_makes_it_raise(self, text):
        start, stop, total = content_range(text)
        assert start == -1 or 0 <= start < (stop or 0) <= (total or 2**63)

    @given(st.integers(10**17, 10**40))
    def test_numbers_without_measure_are_nonsense_or_kept_whole(self, number):
        assert content_range(f"bytes 0-{number}/*")[1] in (None, number + 1)


class TestStrongValidator:
    @given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"')))
    def test_a_strong_etag_is_one(self, opaque):
        assert strong_validator(f'"{opaque}"') == f'"{opaque}"'

    @given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"')))
    def test_a_weak_one_is_none(self, opaque):
        assert strong_validator(f'W/"{opaque}"') is None

    @pytest.mark.parametrize("etag", [None, "", '"', "abc", '"a" "b"', '"a b"', '"a"b', 'w/"a"', '"a\n"', '"a"\n'])
    def test_what_is_malformed_is_none(self, etag):
        assert strong_validator(etag) is None

    @given(st.text())
    def test_what_is_taken_can_be_sent_back_in_a_header(self, text):
        etag = strong_validator(text)
        assert etag is None or (etag == text and etag.isprintable() and " " not in etag)


class TestServed:
    def test_a_200_serves_the_whole_object(self):
        assert Served.of(answer(200, 1000, ETag='"a"')) == Served(0, None, 1000, '"a"')

    def test_a_206_serves_its_range(self):
        partial = answer(206, 100, ETag='"a"', Content_Range="bytes 100-199/1000")
        assert Served.of(partial) == Served(100, 200, 1000, '"a"')

    def test_a_206_without_a_range_continues_nothing(self):
        assert Served.of(answer(206, 100, ETag='"a"')).start == -1

    def test_without_a_length_the_total_is_unknown(self):
        assert Served.of(answer(200)) == Served(0, None, None, None)

    @pytest.mark.parametrize("status", [200, 206])
    def test_a_body_in_another_coding_has_no_length_and_no_validator(self, status):
        """A compressing proxy serves other bytes than those that the ETag and the length describe."""
        coded = answer(status, 77, ETag='"a"', Content_Encoding="gzip", Content_Range="bytes 100-199/1000")
        assert Served.of(coded) == Served(0, None, None, None)

    def test_identity_is_no_other_coding(self):
        assert Served.of(answer(200, 7, Content_Encoding="Identity")).total == 7

    async def test_it_reads_real_answers(self, serve):
        async def handler(request: web.Request) -> web.Response:
            headers = {"ETag": '"a"', "Content-Range": "bytes 5-9/10"}
            return web.Response(status=206, body=b"56789", headers=headers)

        url = await serve(handler)
        async with Transport() as transport, transport.open("GET", url) as response:
            assert Served.of(response) == Served(5, 10, 10, '"a"')


class TestMagic:
    @given(st.binary())
    def test_what_begins_as_a_zip_or_may_still_do_so_is_let_through(self, rest):
        for head in (b"PK" + rest, b"P", b""):
            check_magic(head)
            check_magic(bytearray(head))

    @given(st.binary(min_size=1).filter(lambda head: head[:2] not in (b"P", b"PK", b"\x1f", b"\x1f\x8b")))
    def test_anything_else_is_a_fault_that_may_pass(self, head):
        with pytest.raises(TransientError, match="in place of a zip"):
            check_magic(head)

    @pytest.mark.parametrize(
        ("head", "kind"),
        [(b"\r\n <!DOCTYPE html>", "HTML"), (b'{"a": 1}', "JSON"), (b" [1]", "JSON"), (b"\x1f\x8c", "something else")],
    )
    def test_it_says_what_came_instead_and_quotes_none_of_it(self, head, kind):
        with pytest.raises(TransientError, match=kind) as caught:
            check_magic(head + b"hush")
        assert "hush" not in str(caught.value)
