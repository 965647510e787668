"""A process that has imported all of `bds-async` and forks it, since imports take most of a short command's time.

Each command is still a separate process, with its own streams, folder, environment, signals and exit code.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TypeAlias

from pydantic import BaseModel

from bds_async.cli.main import COMMANDS
from bds_async.cli.schema_of import FORMATS
from bds_async.report import Totals, json_schema_of

#: Turns a forked process into the ordered command, given its arguments, folder and environment, and its three streams.
Become: TypeAlias = Callable[[dict[str, Any], list[int]], None]
#: What commands import only when they need it.
LATER = (
    *("aiohttp.web", "encodings.cp437", "encodings.idna", "encodings.utf_8_sig", "pydantic.dataclasses"),
    *("pythonjsonlogger.json", "rich.live", "bds_async.watching", "bds_async.sandbox.server"),
)


def prepare(*more: str) -> None:
    """Import everything, including these modules, and freeze it, so that forks share its memory."""
    for name in (*LATER, *more, *(f"bds_async.cli.{module}" for module, _ in COMMANDS.values())):
        importlib.import_module(name)
    _rebuild(BaseModel)
    for kind in (*FORMATS.values(), Totals):
        json_schema_of(kind)
    gc.freeze()


def _rebuild(base: type[BaseModel]) -> None:
    """Make the validators that pydantic would make when a command first uses them."""
    for model in base.__subclasses__():
        model.model_rebuild()
        _rebuild(model)


class Children:
    """The forked commands, each with the socket for its exit code.

    `orders` is the socket for orders. `become` turns a forked process into a command.
    """

    def __init__(self, orders: socket.socket, become: Become) -> None:
        self._orders = orders
        self._become = become
        self._sockets: dict[int, socket.socket] = {}
        self._ended, self._ends = socket.socketpair()
        self._ended.setblocking(False)
        self._ends.setblocking(False)
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Fork a command for every order and report its exit code, until the other end is closed."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._ends.fileno())
        for source in (self._orders, self._ended):
            self._selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._ended:
                    self._report(os.WNOHANG)
                elif descriptors := socket.recv_fds(self._orders, 1, 4)[1]:
                    self._fork(socket.socket(fileno=descriptors[0]), descriptors[1:])
                else:
                    self._report(0)
                    return

    def _fork(self, reports: socket.socket, streams: list[int]) -> None:
        """Fork a command and report its process id."""
        with reports.makefile() as lines:
            line = lines.readline()
        if not line:
            # The sender was cancelled before it wrote the order.
            for descriptor in (reports.detach(), *streams):
                os.close(descriptor)
            return
        order = json.loads(line)
        if (pid := os.fork()) == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for each in (reports, self._orders, self._ended, self._ends, *self._sockets.values()):
                each.close()
            self._become(order, streams)
            os._exit(0)
        for descriptor in streams:
            os.close(descriptor)
        self._sockets[pid] = reports
        with suppress(BrokenPipeError):
            reports.sendall(f"{pid}\n".encode())

    def _report(self, how: int) -> None:
        """Report the exit codes of ended commands, in the form of `Popen.returncode`; without WNOHANG, wait for all."""
        with suppress(BlockingIOError):
            self._ended.recv(4096)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, how))[0]:
                with self._sockets.pop(ended[0]) as reports, suppress(BrokenPipeError):
                    reports.sendall(f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())


def enter(order: dict[str, Any], streams: list[int]) -> None:
    """Take the standard streams, the folder and the environment of an order."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environ"])


def run(order: dict[str, Any], streams: list[int]) -> None:
    """Become the command."""
    enter(order, streams)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww"))
    sys.argv = ["bds-async", *order["arguments"]]
    warnings.simplefilter("default", ResourceWarning)
    # This file is run as a script, so the other module is not in a package.
    pause_if_asked = importlib.import_module("paused").pause_if_asked

    from bds_async.__main__ import main
    from bds_async.support import patience

    pause_if_asked()
    patience.USUAL = float(os.environ.get("USUAL_PATIENCE", patience.USUAL))
    try:
        main()
    except SystemExit as end:
        leave(int(end.code or 0))


def leave(code: int) -> NoReturn:
    """End as Python does, but without destroying the modules, which takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    # Now unclosed resources give their warnings.
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    prepare(*sys.argv[2:])
    Children(socket.socket(fileno=int(sys.argv[1])), run).serve()
