"""A proxy in front of a store that answers, aborts or delays requests as a test says."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

#: Decides about a request: None, an answer of the proxy, or one of the faults below.
Rule: TypeAlias = Callable[[str, str], "Answer | str | None"]
#: Reset the connection before the request is passed on; lose the answer; never answer.
RESET, LOSE, HANG = "reset", "lose", "hang"


@dataclass(frozen=True)
class Answer:
    """An answer of the proxy instead of the store's."""

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
    #: Prefix of headers in requests, and the store's prefix for them; answers are renamed back.
    renamed: tuple[str, str] = ("", "")

    def count(self, method: str, part: str) -> int:
        """Number of requests of a method with `part` in their address."""
        return sum(each == method and part in target for each, target in self.seen)


def nothing(method: str, target: str) -> None:
    """Pass every request on."""


def first(number: int, method: str, part: str, what: Answer | str) -> Rule:
    """Apply `what` to the first `number` requests of a method with this part in their address."""
    left = [number]
    lock = threading.Lock()

    def rule(asked: str, target: str) -> Answer | str | None:
        with lock:
            if asked == method and part in target and left[0] > 0:
                left[0] -= 1
                return what
            return None

    return rule


class Handler(BaseHTTPRequestHandler):
    """Handles each request as the rule of its server's proxy says."""

    protocol_version = "HTTP/1.1"
    server: Server

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Handle every method in the same way."""
        if name.startswith("do_"):
            return self.meet
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def meet(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy.seen.append((self.command, self.path))
        met = proxy.rule(self.command, self.path)
        if isinstance(met, Answer):
            self.send(met.status, {"Content-Length": str(len(met.body))}, met.body)
        elif met == HANG:
            proxy.ends.wait(60)
            self.close_connection = True
        elif met == RESET:
            self.reset()
        else:
            answer = self.passed_on(body)
            self.reset() if met == LOSE else self.send(*answer)

    def passed_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The store's answer: status, headers, content."""
        connection = http.client.HTTPConnection(*self.server.store)
        try:
            theirs, own = self.server.proxy.renamed
            asked = {name.lower().replace(theirs, own): value for name, value in self.headers.items()}
            connection.request(self.command, self.path, body, asked)
            answer = connection.getresponse()
            named = {name.lower().replace(own, theirs): value for name, value in answer.getheaders()}
            headers = {name: value for name, value in named.items() if name not in _OF_ONE_CONNECTION}
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name in headers):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)

    def reset(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


_OF_ONE_CONNECTION = {"connection", "transfer-encoding", "server", "date"}


class Server(ThreadingHTTPServer):
    """The server of a proxy in front of the store at `endpoint`."""

    daemon_threads = True

    def __init__(self, endpoint: str, rule: Rule, renamed: tuple[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        host, port = endpoint.removeprefix("http://").split(":")
        self.store = (host, int(port))
        self.proxy = Proxy(f"http://127.0.0.1:{self.server_port}", rule, renamed=renamed)

    def handle_error(self, *_: object) -> None:
        """Ignore errors: a client that has disconnected is not a failure of a test."""


@contextmanager
def proxy_of(endpoint: str, rule: Rule = nothing, renamed: tuple[str, str] = ("", "")) -> Iterator[Proxy]:
    """A proxy in front of the store at `endpoint`."""
    with Server(endpoint, rule, renamed) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.proxy
        finally:
            server.proxy.ends.set()
            server.shutdown()
            thread.join()
