"""A proxy in front of a store, which answers, breaks off or delays requests as a test says."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

#: What a rule makes of a request: nothing, an answer of its own, or one of the faults below.
Rule: TypeAlias = Callable[[str, str], "Answer | str | None"]
#: The connection is reset before the request is passed on; the answer to it is lost; no answer ever comes.
RESET, LOSE, HANG = "reset", "lose", "hang"


@dataclass(frozen=True)
class Answer:
    """An answer that the store did not give."""

    status: int
    code: str = ""

    @property
    def body(self) -> bytes:
        return f"<Error><Code>{self.code}</Code><Message>-</Message></Error>".encode() if self.code else b""


@dataclass
class Proxy:
    """The proxy: its address, the requests that it saw, and the rule that it follows."""

    url: str
    rule: Rule
    seen: list[tuple[str, str]] = field(default_factory=list)
    ends: threading.Event = field(default_factory=threading.Event)

    def count(self, method: str, part: str) -> int:
        """How many requests of a method had this in their address."""
        return sum(each == method and part in target for each, target in self.seen)


def nothing(method: str, target: str) -> None:
    """Pass every request on."""


def first(number: int, method: str, part: str, what: Answer | str) -> Rule:
    """Meet the first requests of a method whose address has this part."""
    left = [number]
    lock = threading.Lock()

    def rule(asked: str, target: str) -> Answer | str | None:
        with lock:
            if asked == method and part in target and left[0] > 0:
                left[0] -= 1
                return what
            return None

    return rule


@contextmanager
def proxy_of(endpoint: str, rule: Rule = nothing) -> Iterator[Proxy]:
    """A proxy in front of the store at `endpoint`."""
    host, port = endpoint.removeprefix("http://").split(":")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Write nothing."""

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.seen.append((self.command, self.path))
            met = proxy.rule(self.command, self.path)
            if isinstance(met, Answer):
                self.send(met.status, {}, met.body)
            elif met == HANG:
                proxy.ends.wait(60)
                self.close_connection = True
            elif met == RESET:
                self.reset()
            else:
                status, headers, content = passed_on(self, body)
                if met == LOSE:
                    self.reset()
                else:
                    self.send(status, headers, content)

        def send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def reset(self) -> None:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def passed_on(asked: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(host, int(port))
        try:
            connection.request(asked.command, asked.path, body, dict(asked.headers))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        dropped = {"connection", "transfer-encoding", "content-length", "server", "date"}
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in dropped}
        length = answer.getheader("Content-Length")
        return answer.status, headers | ({"Content-Length": length} if length else {}), content

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that has gone is no fault of a test."""

    server = Server(("127.0.0.1", 0), Handler)
    proxy = Proxy(f"http://127.0.0.1:{server.server_port}", rule)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.ends.set()
        server.shutdown()
        server.server_close()
        thread.join()
