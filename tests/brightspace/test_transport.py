"""One HTTP session over real sockets: what it sends, what it accepts, and which error each fault becomes."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bds_async import __version__
from bds_async.brightspace.http import Transport, proxy_address, read_bounded, transport
from bds_async.brightspace.http.faults import translate
from bds_async.brightspace.http.transport import MAX_HEADER
from bds_async.errors import (
    BdsError,
    ConfigError,
    ConnectionFailed,
    DestinationError,
    ExtractError,
    MachineLimit,
    TransientError,
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SIGNED = "/archive.zip?X-Signature=hush"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    """Independent of the machine's environment."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
async def listen():
    """A function that serves raw bytes, since no web framework aborts on purpose, and returns the port."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(talk: Talk, context: ssl.SSLContext | None = None) -> int:
            async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await talk(reader, writer)
                writer.close()

            server = await asyncio.start_server(closing, "127.0.0.1", 0, ssl=context)
            stack.callback(server.close)
            return server.sockets[0].getsockname()[1]

        yield start


class Says:
    """Answers each request with the same bytes and records the requests."""

    def __init__(self, *blocks: bytes, reset: bool = False) -> None:
        self.blocks, self.reset, self.asked = blocks, reset, []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        for block in self.blocks:
            writer.write(block)
            await writer.drain()
        if self.reset:
            writer.transport.abort()


def at(port: int, scheme: str = "http") -> URL:
    return URL(f"{scheme}://127.0.0.1:{port}{SIGNED}")


async def fault(url: URL, **options) -> BdsError:
    """The error of a fetch; it must quote no URL, and carry no error that does."""
    async with Transport(**options) as session:
        with pytest.raises(BdsError) as caught:
            await session.fetch("GET", url)
    assert "hush" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or isinstance(caught.value, ConfigError)
    return caught.value


def may_have_been_carried_out(error: BdsError) -> bool:
    """Whether it can be retried, and does not prove that nothing was sent."""
    return isinstance(error, TransientError) and not isinstance(error, ConnectionFailed)


class TestAnswers:
    async def test_a_whole_answer_comes_with_status_headers_and_body(self, serve):
        async def handler(request: web.Request) -> web.Response:
            return web.Response(status=418, text=f"{request.method} {await request.text()}", headers={"X-A": "b"})

        url = await serve(handler)
        async with Transport() as session:
            answer = await session.fetch("POST", url / "x", data={"key": "value"})
        assert (answer.status, answer.headers["x-a"], answer.body) == (418, "b", b"POST key=value")
        assert answer.url == url / "x"

    async def test_its_repr_shows_nothing_but_the_status(self, listen):
        port = await listen(Says(WHOLE))
        async with Transport() as session:
            assert repr(await session.fetch("GET", at(port))) == "Answer(status=200)"

    async def test_each_request_says_who_asks_and_what_the_caller_adds(self, listen):
        says = Says(WHOLE)
        async with Transport() as session:
            await session.fetch("GET", at(await listen(says)), headers={"If-Range": '"a"'})
        assert f"User-Agent: bds-async/{__version__}\r\n" in says.asked[0]
        assert 'If-Range: "a"\r\n' in says.asked[0]

    async def test_redirects_are_handed_over_not_followed(self, serve):
        async def handler(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": "/elsewhere"})

        async with Transport() as session:
            assert (await session.fetch("GET", await serve(handler))).status == 302

    async def test_signed_urls_much_longer_than_usual_headers_are_taken(self, serve):
        location = "https://storage.example/?sig=" + "x" * (MAX_HEADER - 100)

        async def handler(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": location})

        async with Transport() as session:
            assert (await session.fetch("GET", await serve(handler))).headers["Location"] == location

    async def test_cookies_are_forgotten(self, serve):
        seen = []

        async def handler(request: web.Request) -> web.Response:
            seen.append(dict(request.cookies))
            return web.Response(headers={"Set-Cookie": "session=1; Path=/"})

        url = (await serve(handler)).with_host("localhost")
        async with Transport() as session:
            for _ in range(2):
                await session.fetch("GET", url)
        assert seen == [{}, {}]

    async def test_passwords_of_netrc_stay_there(self, listen, tmp_path, monkeypatch):
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password hush\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        says = Says(WHOLE)
        async with Transport() as session:
            await session.fetch("GET", at(await listen(says)))
        assert "authorization" not in says.asked[0].lower()

    async def test_a_new_connection_is_told_once_and_before_anything_is_sent_on_it(self, serve):
        seen = []

        async def handler(request: web.Request) -> web.Response:
            seen.append("asked")
            return web.Response()

        url = await serve(handler)
        async with Transport(connected=lambda: seen.append("connected")) as session:
            for _ in range(2):
                await session.fetch("GET", url)
        assert seen == ["connected", "asked", "asked"]

    async def test_an_answer_without_end_is_not_read_to_its_end(self, serve):
        async def handler(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                while True:
                    await response.write(b"x" * 1000)
            return response

        async with Transport() as session, session.open("GET", await serve(handler)) as response:
            with pytest.raises(ExtractError, match="more than 5000 bytes"):
                await read_bounded(response, 60, 5000)


class TestFaults:
    async def test_a_refused_connection_means_that_nothing_was_sent(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            error = await fault(at(port))
        assert isinstance(error, ConnectionFailed)
        assert str(error) == f"Could not connect to 127.0.0.1:{port}: Connection refused."

    @pytest.mark.parametrize("reset", [True, False])
    async def test_a_connection_that_breaks_before_the_answer_may_have_carried_the_request(self, listen, reset):
        assert may_have_been_carried_out(await fault(at(await listen(Says(reset=reset)))))

    @pytest.mark.parametrize(
        "said",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n9\r\nsec",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"what is this\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * (MAX_HEADER + 1) + b"\r\n\r\n",
        ],
    )
    async def test_what_is_cut_or_garbled_may_come_better_another_time(self, listen, said):
        assert may_have_been_carried_out(await fault(at(await listen(Says(said)))))

    async def test_what_arrived_of_an_answer_is_shown_if_it_breaks_off(self, listen):
        parts = []
        port = await listen(Says(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nonly this"))
        async with Transport() as session:
            with pytest.raises(TransientError):
                await session.fetch("GET", at(port), broken=parts.append)
        assert [(part.status, part.body) for part in parts] == [(201, b"only this")]

    async def test_or_if_the_caller_is_cancelled(self, listen, monkeypatch):
        has_read, parts = asyncio.Event(), []

        async def reads_in_part(_: object, __: float, *, received: bytearray) -> None:
            received += b"only this"
            has_read.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(transport, "read_bounded", reads_in_part)
        port = await listen(Says(WHOLE))
        async with Transport() as session:
            fetch = asyncio.create_task(session.fetch("GET", at(port), broken=parts.append))
            await has_read.wait()
            fetch.cancel()
            with pytest.raises(asyncio.CancelledError):
                await fetch
        assert [part.body for part in parts] == [b"only this"]

    async def test_bytes_that_arrived_before_the_fault_are_received(self, listen):
        """aiohttp raises the fault first."""
        received = bytearray()
        port = await listen(Says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"))
        async with Transport() as session, session.open("GET", at(port)) as response:
            while response.content.exception() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            with pytest.raises(TransientError):
                await read_bounded(response, 1.0, received=received)
        assert received == b"only this"

    async def test_a_reset_within_a_body_is_a_fault_of_the_body(self, listen):
        says = Says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"some", reset=True)
        assert may_have_been_carried_out(await fault(at(await listen(says))))

    async def test_the_end_of_a_body_without_any_length_is_taken_for_its_end(self, listen):
        """The transport cannot know; its caller checks the received bytes."""
        port = await listen(Says(b"HTTP/1.1 200 OK\r\n\r\nall of it?"))
        async with Transport() as session:
            assert (await session.fetch("GET", at(port))).body == b"all of it?"

    @pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthen nothing"])
    async def test_silence_is_not_waited_for(self, listen, said):
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(said)
            await reader.read()
            await reader.read()

        error = await fault(at(await listen(talk)), stall_timeout=0.05)
        assert may_have_been_carried_out(error)
        assert str(error) == "127.0.0.1 sent nothing for too long."

    async def test_silence_on_a_connection_that_is_used_again_is_not_waited_for(self, listen):
        """The time limit of the headers starts at the request: there is no new connection."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(WHOLE)
            await reader.read()

        port = await listen(talk)
        async with Transport(stall_timeout=0.2) as session:
            assert (await session.fetch("GET", at(port))).body == b"ok"
            with pytest.raises(TransientError) as caught:
                await asyncio.wait_for(session.fetch("GET", at(port)), 10)
        assert may_have_been_carried_out(caught.value)

    async def test_bytes_that_keep_coming_are_waited_for_however_long_it_takes(self, listen):
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
            for _ in range(10):
                await asyncio.sleep(0.08)
                writer.write(b"x")
                await writer.drain()

        port = await listen(talk)
        async with Transport(stall_timeout=0.6) as session:
            assert (await session.fetch("GET", at(port))).body == b"x" * 10

    @pytest.mark.parametrize(
        "error",
        [
            OSError(errno.ENOSPC, "No space left on device"),
            PermissionError(errno.EACCES, "Permission denied"),
            DestinationError("The folder is full."),
            ConnectionFailed("of another request"),
            ValueError("a defect"),
            asyncio.CancelledError(),
        ],
    )
    async def test_what_the_reader_of_a_body_raises_comes_out_as_it_is(self, listen, error):
        port = await listen(Says(WHOLE))
        async with Transport() as session:
            with pytest.raises(type(error)) as caught:
                async with session.open("GET", at(port)):
                    raise error
        assert caught.value is error

    @pytest.mark.parametrize(
        ("link", "kind"),
        [("ftp://127.0.0.1/x", ExtractError), ("/archive.zip", ExtractError), ("http:///x", ExtractError)],
    )
    async def test_what_is_no_link_of_the_web_is_not_tried_again(self, link, kind):
        assert type(await fault(URL(link))) is kind

    @pytest.mark.parametrize("host", ["a..b", f"{'x' * 64}.example", f"{'x' * 300}.example", "xn--\x80.example"])
    async def test_a_host_that_cannot_be_encoded_is_no_usable_link(self, host):
        """IDNA's UnicodeError is not an exception of aiohttp."""
        error = await fault(URL(f"http://{host}{SIGNED}", encoded=True))
        assert type(error) is ExtractError
        assert "not a usable URL" in str(error)

    @pytest.mark.parametrize("kind", [AssertionError, KeyError, ExceptionGroup, ZeroDivisionError])
    async def test_no_exception_of_the_network_layer_passes_for_a_defect(self, kind, monkeypatch):
        async def fails(*_: object, **__: object) -> object:
            raise kind("hush", [ValueError()]) if kind is ExceptionGroup else kind("hush")

        monkeypatch.setattr(aiohttp.TCPConnector, "connect", fails)
        error = await fault(URL("http://127.0.0.1:1"))
        assert may_have_been_carried_out(error)
        assert str(error) == f"The request to 127.0.0.1 failed ({kind.__name__})."

    async def test_no_more_open_files_is_exit_6_and_names_the_limit(self, serve, monkeypatch):
        async def handler(request: web.Request) -> web.Response:
            return web.Response()

        def no_socket(*_: object, **__: object) -> object:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        url = await serve(handler)
        monkeypatch.setattr("aiohappyeyeballs.impl.socket.socket", no_socket)
        error = await fault(url)
        assert (type(error), error.exit_code) == (MachineLimit, 6)
        assert "ulimit -n" in str(error)

    async def test_no_more_threads_is_exit_6_and_names_the_limit(self, monkeypatch):
        def no_thread(_: object) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", no_thread)
        error = await fault(URL("http://localhost:1"))
        assert (type(error), error.exit_code) == (MachineLimit, 6)
        assert "pids limit" in str(error)

    def test_a_connection_that_takes_too_long_means_that_nothing_was_sent(self):
        error = translate(aiohttp.ConnectionTimeoutError(), "school.example")
        assert isinstance(error, ConnectionFailed)
        assert str(error) == "Could not connect to school.example within 30 seconds."

    def test_a_name_that_nobody_knows_means_that_nothing_was_sent(self):
        key = aiohttp.client_reqrep.ConnectionKey("school.example", 443, True, True, None, None, None)
        error = translate(aiohttp.ClientConnectorDNSError(key, socket.gaierror(-2, "Name not known")), "school.example")
        assert isinstance(error, ConnectionFailed)
        assert str(error) == "Could not connect to school.example: Name not known."

    @pytest.mark.parametrize("kind", [aiohttp.ClientError, aiohttp.ServerDisconnectedError, ConnectionResetError])
    def test_anything_else_of_the_network_may_pass(self, kind):
        assert may_have_been_carried_out(translate(kind(), "school.example"))

    async def test_leaving_it_closes_what_is_open(self, listen):
        port = await listen(Says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"))
        async with Transport() as session:
            async with session.open("GET", at(port)) as response:
                pass
            assert response.closed


@pytest.fixture
def context(certificate):
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(*certificate)
    return made


FETCH = """
import asyncio, sys
from yarl import URL
from bds_async.brightspace.http import Transport
async def main():
    async with Transport() as session:
        print((await session.fetch("GET", URL(sys.argv[1]))).status)
asyncio.run(main())
"""


class TestTls:
    async def test_a_certificate_that_nobody_vouches_for_is_not_tried_again(self, listen, context):
        error = await fault(at(await listen(Says(WHOLE), context), "https"))
        assert type(error) is ExtractError
        assert "SSL_CERT_FILE" in str(error)

    async def test_ssl_cert_file_vouches_for_it(self, listen, context, certificate):
        """In a separate process, since the variable is read at its start."""
        url = at(await listen(Says(WHOLE), context), "https")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FETCH, str(url)),
            env={**os.environ, "SSL_CERT_FILE": str(certificate[0]), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
        )
        assert (await process.communicate())[0].split() == [b"200"]

    async def test_a_handshake_that_fails_means_that_nothing_was_sent(self, listen):
        async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(WHOLE)

        error = await fault(at(await listen(no_tls), "https"))
        assert isinstance(error, ConnectionFailed)
        assert "TLS handshake failed" in str(error)


class Proxy(Says):
    """A proxy that answers by itself, or tunnels to the requested port on this machine."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.blocks:
            await super().__call__(reader, writer)
            return
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(request.decode())
        upstream = await asyncio.open_connection("127.0.0.1", int(request.split()[1].rpartition(b":")[2]))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.closing(upstream[1]):
            await asyncio.wait(
                [asyncio.create_task(copy(reader, upstream[1])), asyncio.create_task(copy(upstream[0], writer))],
            )


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
        writer.close()


class TestProxies:
    async def test_plain_http_is_asked_for_through_it(self, listen, monkeypatch):
        proxy = Proxy(WHOLE)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{await listen(proxy)}")
        async with Transport() as session:
            assert (await session.fetch("GET", URL("http://storage.example" + SIGNED))).body == b"ok"
        assert proxy.asked[0].startswith(f"GET http://storage.example{SIGNED} HTTP/1.1\r\n")

    async def test_https_goes_through_a_tunnel(self, listen, context, monkeypatch):
        proxy = Proxy()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{await listen(proxy)}")
        port = await listen(Says(WHOLE), context)
        error = await fault(at(port, "https"))
        assert proxy.asked[0].startswith(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n")
        assert "certificate of 127.0.0.1" in str(error), "the other end of the tunnel is what has to be trusted"

    async def test_no_proxy_names_who_is_asked_directly(self, listen, context, monkeypatch):
        proxy = Proxy(WHOLE)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{await listen(proxy)}")
        monkeypatch.setenv("NO_PROXY", "storage.example,127.0.0.1")
        port = await listen(Says(WHOLE), context)
        assert "certificate of 127.0.0.1" in str(await fault(at(port, "https")))
        assert proxy.asked == []

    async def test_plain_http_never_leaves_this_machine_by_a_proxy(self, listen, monkeypatch):
        """It is accepted only for loopback, because it carries tokens in clear text."""
        proxy = Proxy(WHOLE)
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{await listen(proxy)}")
        port = await listen(Says(WHOLE))
        async with Transport() as session:
            await session.fetch("GET", at(port))
            await session.fetch("GET", at(port).with_host("localhost"))
        assert proxy.asked == []

    async def test_user_and_password_are_for_the_proxy_alone(self, listen, monkeypatch):
        proxy = Proxy(WHOLE)
        monkeypatch.setenv("http_proxy", f"http://me%40home:p%3Ass@127.0.0.1:{await listen(proxy)}")
        async with Transport() as session:
            await session.fetch("GET", URL("http://storage.example/"), headers={"Authorization": "Bearer token"})
        basic = aiohttp.encode_basic_auth("me@home", "p:ss")
        assert f"Proxy-Authorization: {basic}\r\n" in proxy.asked[0]
        assert "\r\nAuthorization: Bearer token\r\n" in proxy.asked[0]

    @pytest.mark.parametrize("status", [b"403 Forbidden", b"502 Bad Gateway"])
    async def test_one_that_refuses_the_way_means_that_nothing_was_sent(self, listen, monkeypatch, status):
        proxy = Proxy(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hush@127.0.0.1:{await listen(proxy)}")
        error = await fault(URL("https://storage.example" + SIGNED))
        assert isinstance(error, ConnectionFailed)
        assert f"The proxy refused to connect to storage.example with {status.decode()[:3]}" in str(error)

    @pytest.mark.parametrize(
        ("user", "words"),
        [("", "asks for a password (407); set HTTPS_PROXY"), ("me:hush@", "does not accept the user and password")],
    )
    @pytest.mark.parametrize("scheme", ["http", "https"])
    async def test_one_that_wants_a_password_is_exit_2_and_named_without_it(
        self, listen, monkeypatch, user, words, scheme
    ):
        port = await listen(Proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"))
        monkeypatch.setenv(f"{scheme}_proxy", f"http://{user}127.0.0.1:{port}")
        error = await fault(URL(f"{scheme}://storage.example" + SIGNED))
        assert error.exit_code == 2
        assert f"The proxy http://127.0.0.1:{port} {words}" in str(error)

    async def test_one_that_is_not_there_is_named_as_the_one_that_is_not(self, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "http://me:hush@127.0.0.1:1")
        error = await fault(URL("https://storage.example" + SIGNED))
        assert isinstance(error, ConnectionFailed)
        assert "Could not connect to the proxy 127.0.0.1:1 on the way to storage.example" in str(error)

    @pytest.mark.parametrize(
        "setting",
        [
            "socks5://me:hush@127.0.0.1:1",
            "http://",
            "http://[hush",
            "http://h:hush",
            "http://a..hush",
            f"http://{'x' * 64}.hush",
        ],
    )
    async def test_one_that_cannot_be_used_is_for_a_person_to_mend(self, monkeypatch, setting):
        monkeypatch.setenv("ALL_PROXY", setting)
        error = await fault(URL("https://storage.example" + SIGNED))
        assert isinstance(error, ConfigError)
        assert "HTTPS_PROXY" in str(error)

    def test_its_scheme_may_be_left_out(self):
        assert proxy_address("proxy.example:3128") == URL("http://proxy.example:3128")
        assert proxy_address("me:secret@proxy.example:3128").user == "me"


async def test_nothing_is_logged_of_a_request(listen, caplog):
    caplog.set_level(logging.DEBUG)
    port = await listen(Says(WHOLE))
    async with Transport() as session:
        await session.fetch("GET", at(port), headers={"Authorization": "Bearer hush"})
    assert "hush" not in caplog.text


@pytest.mark.parametrize("connections", [1, 16, 64])
async def test_the_buffers_of_all_bodies_together_have_a_bound(connections):
    async with Transport(connections=connections) as session:
        assert session._session is not None
        assert session._session._read_bufsize * connections <= max(transport.BUFFER_BUDGET, 64 * 1024 * connections)
