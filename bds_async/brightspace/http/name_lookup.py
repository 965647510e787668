"""Name lookup that does not delay the end of the process if a name server does not answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from aiohttp.resolver import ThreadedResolver


def resolver() -> ThreadedResolver:
    """A resolver for aiohttp that runs each lookup in a daemon thread.

    A lookup can't be cancelled and lasts as long as the system retries. In an executor's thread it would delay the end
    of the event loop and of the process by that time.
    """
    return ThreadedResolver(_Lookups())  # type: ignore[arg-type]


class _Lookups:
    """The two methods of an event loop that aiohttp's resolver calls."""

    async def getaddrinfo(self, *arguments: Any, **more: Any) -> Any:
        """The addresses of a host."""
        return await _in_daemon_thread(partial(socket.getaddrinfo, *arguments, **more))

    async def getnameinfo(self, *arguments: Any) -> Any:
        """The name of an address."""
        return await _in_daemon_thread(partial(socket.getnameinfo, *arguments))


async def _in_daemon_thread(lookup: Callable[[], Any]) -> Any:
    found: Future[Any] = Future()
    threading.Thread(target=_look_up, args=(lookup, found), name="name lookup", daemon=True).start()
    return await asyncio.wrap_future(found)


def _look_up(lookup: Callable[[], Any], found: Future[Any]) -> None:
    found.set_running_or_notify_cancel()
    try:
        found.set_result(lookup())
    except Exception as error:
        found.set_exception(error)
