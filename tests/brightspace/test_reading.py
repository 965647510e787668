"""Time limits of bodies and headers: what must make progress, what must end; and JSON with a Content-Encoding."""

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from bds_async.brightspace.http import Transport, chunks, read_bounded, reading
from bds_async.errors import ConnectionLost, ExtractError

Send = Callable[[bytes], Awaitable[None]]
Talk = Callable[[Send], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
#: Seconds, far more than any test may take: a test that hangs fails.
ENDLESS = 60


@pytest.fixture
async def listen() -> AsyncIterator[Callable[[Talk], Awaitable[URL]]]:
    """A function that serves raw bytes as a test writes them, after each request, and returns the URL."""
    talks: set[Any] = set()
    async with contextlib.AsyncExitStack() as stack:

        async def start(talk: Talk) -> URL:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                async def send(block: bytes) -> None:
                    writer.write(block)
                    await writer.drain()

                talks.add(asyncio.current_task())
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    await reader.readuntil(b"\r\n\r\n")
                    await talk(send)
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            stack.callback(server.close)
            return URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

        yield start
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks)


def dripping(head: bytes, drop: bytes, pause: float = 0.01) -> Talk:
    """Send `head`, then `drop` again and again."""

    async def talk(send: Send) -> None:
        await send(head)
        while True:
            await send(drop)
            await asyncio.sleep(pause)

    return talk


async def received(url: URL, stall_timeout: float) -> bytes:
    """Read a body as a download does."""
    async with Transport(stall_timeout=stall_timeout) as transport, transport.open("GET", url) as response:
        return b"".join([chunk async for chunk in chunks(response, stall_timeout)])


class TestHeaders:
    @pytest.mark.parametrize(
        ("head", "drop"),
        [
            (HEAD, b"X-Header: more\r\n"),
            (HEAD + b"X-Header: ", b"x"),
            (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            (b"H", b""),
        ],
        ids=["lines", "a line", "early hints", "continue", "silence"],
    )
    async def test_they_are_complete_within_the_stall_timeout(self, listen, head, drop):
        url = await listen(dripping(head, drop))
        async with asyncio.timeout(ENDLESS), Transport(stall_timeout=0.2) as transport:
            with pytest.raises(ConnectionLost, match=r"127\.0\.0\.1 sent nothing for too long"):
                await transport.fetch("GET", url)

    async def test_a_slow_connection_takes_nothing_of_their_time(self, listen, monkeypatch):
        """The time limit of the headers starts at the connection."""

        async def talk(send: Send) -> None:
            await send(HEAD + b"Content-Length: 2\r\n\r\nok")

        connect = asyncio.BaseEventLoop.create_connection

        async def slow(*arguments: Any, **more: Any) -> Any:
            await asyncio.sleep(1.2)
            return await connect(*arguments, **more)

        monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", slow)
        async with Transport(stall_timeout=1.0) as transport:
            assert (await transport.fetch("GET", await listen(talk))).body == b"ok"

    async def test_headers_on_a_connection_used_before_are_bounded_too(self, listen):
        async def talk(send: Send) -> None:
            await send(HEAD + b"Content-Length: 2\r\n\r\nok")
            await asyncio.sleep(0.05)
            while True:
                await send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                await asyncio.sleep(0.01)

        url = await listen(talk)
        async with asyncio.timeout(ENDLESS), Transport(stall_timeout=0.2) as transport:
            await transport.fetch("GET", url)
            with pytest.raises(ConnectionLost, match="sent nothing for too long"):
                await transport.fetch("GET", url)


class TestBodies:
    @pytest.mark.parametrize(
        ("head", "drop"),
        [
            (CHUNKED + b"1", b";extension=x"),
            (CHUNKED + b"1\r\nP\r\n1", b";y=z"),
            (CHUNKED, b"1\r\nP\r\n"),
            (HEAD + b"Content-Length: 100000\r\n\r\nPK", b"x"),
            (HEAD + b"Content-Length: 100000\r\n\r\n", b""),
            (CHUNKED + b"2\r\nPK\r\n0\r\n", b"Trailer: x\r\n"),
        ],
        ids=["chunk extension", "later extension", "tiny chunks", "trickle", "silence", "trailers"],
    )
    async def test_one_without_a_kibibyte_of_content_in_time_has_stalled(self, listen, head, drop):
        """Framing does not count as content."""
        url = await listen(dripping(head, drop, pause=0.005))
        async with asyncio.timeout(ENDLESS):
            with pytest.raises(
                ConnectionLost, match=r"127\.0\.0\.1 (sent only \d+ bytes in|sent nothing for too long)"
            ):
                await received(url, 0.25)

    async def test_one_that_brings_it_goes_on_however_long_it_takes(self, listen):
        async def talk(send: Send) -> None:
            await send(HEAD + b"Content-Length: 12288\r\n\r\n")
            for _ in range(12):
                await send(b"x" * 1024)
                await asyncio.sleep(0.1)

        assert len(await received(await listen(talk), 0.8)) == 12288

    async def test_the_time_that_the_reader_takes_does_not_count(self, listen):
        async def talk(send: Send) -> None:
            await send(HEAD + b"Content-Length: 20\r\n\r\n0123456789")
            await asyncio.sleep(0.05)
            await send(b"0123456789")

        async with Transport(stall_timeout=30) as transport, transport.open("GET", await listen(talk)) as response:
            body = b""
            async for chunk in chunks(response, 0.4):
                body += chunk
                await asyncio.sleep(0.5)
        assert body == b"0123456789" * 2

    async def test_a_fast_start_does_not_pay_for_a_trickle_later(self, listen):
        async def talk(send: Send) -> None:
            await send(HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 500_000)
            await asyncio.sleep(ENDLESS)

        with pytest.raises(ConnectionLost):
            await received(await listen(talk), 0.2)

    async def test_an_unforeseen_exception_of_the_stream_is_a_fault_of_the_body(self, listen, monkeypatch):
        async def talk(send: Send) -> None:
            await send(HEAD + b"Content-Length: 2\r\n\r\nok")

        async def fails(_: object) -> bytes:
            raise KeyError("hush")

        monkeypatch.setattr("aiohttp.StreamReader.readchunk", fails)
        with pytest.raises(ConnectionLost, match=r"failed \(KeyError\)"):
            await received(await listen(talk), 5)


class TestWholeAnswers:
    async def test_one_that_trickles_ends_after_five_minutes_in_all(self, listen, monkeypatch):
        monkeypatch.setattr(reading, "ANSWER_TIMEOUT", 0.5)
        url = await listen(dripping(HEAD + b"Content-Length: 100000\r\n\r\n[", b" "))
        async with asyncio.timeout(ENDLESS), Transport(stall_timeout=5) as transport:
            with pytest.raises(ConnectionLost, match="did not complete its answer within"):
                await transport.fetch("GET", url)

    async def test_one_of_framing_alone_has_stalled(self, listen):
        url = await listen(dripping(CHUNKED + b"1", b";extension=x"))
        async with asyncio.timeout(ENDLESS), Transport(stall_timeout=0.2) as transport:
            with pytest.raises(ConnectionLost, match="sent nothing for too long"):
                await transport.fetch("GET", url)


def bare(data: bytes) -> bytes:
    """Deflate without a header, as some servers send it."""
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


class TestContentEncoding:
    @pytest.mark.parametrize(
        ("label", "body"),
        [
            ("gzip", gzip.compress(b'{"a": 1}', mtime=0)),
            ("x-gzip", gzip.compress(b'{"a": 1}', mtime=0)),
            ("deflate", zlib.compress(b'{"a": 1}')),
            ("deflate", bare(b'{"a": 1}')),
            ("gzip, deflate", zlib.compress(gzip.compress(b'{"a": 1}', mtime=0))),
            ("identity", b'{"a": 1}'),
            *[(label, b'{"a": 1}') for label in ("gzip", "x-gzip", "deflate", "br", "zstd", "nonsense")],
        ],
    )
    async def test_an_answer_is_read_whatever_its_label_says(self, serve, label, body):
        async def handler(request: web.Request) -> web.Response:
            return web.Response(body=body, headers={"Content-Encoding": label})

        async with Transport() as transport:
            assert (await transport.fetch("GET", await serve(handler))).body == b'{"a": 1}'

    async def test_what_inflates_beyond_all_measure_is_not_inflated(self, serve):
        async def handler(request: web.Request) -> web.Response:
            return web.Response(body=gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"})

        async with Transport() as transport, transport.open("GET", await serve(handler)) as response:
            with pytest.raises(ExtractError, match="more than 1000000 bytes"):
                await read_bounded(response, 60, 1_000_000)
