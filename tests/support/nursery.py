"""A process that has imported all of `bds-async` and forks it: most of a short command's time is its imports.

Each command is a process of its own all the same, with its own streams, folder, environment, signals and exit code.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import socket
import sys
import threading
import warnings
from contextlib import suppress
from typing import Any, NoReturn

from pydantic import BaseModel

from bds_async.cli.main import COMMANDS
from bds_async.cli.schema_of import FORMATS
from bds_async.report import Totals, json_schema_of

#: What commands import when they get there.
LATER = (
    *("aiohttp.web", "encodings.cp437", "encodings.idna", "encodings.utf_8_sig", "pydantic.dataclasses"),
    *("pythonjsonlogger.json", "rich.live", "bds_async.watching", "bds_async.sandbox.server"),
)


def prepare(*more: str) -> None:
    """Import everything, and these modules, and leave it alone: what is not touched is not copied."""
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


def serve(orders: socket.socket) -> None:
    """Fork a minder for every order, until who orders has gone."""
    while descriptors := socket.recv_fds(orders, 1, 4)[1]:
        if os.fork() == 0:
            orders.close()
            mind(socket.socket(fileno=descriptors[0]), descriptors[1:])
            return
        for descriptor in descriptors:
            os.close(descriptor)
        reap(os.WNOHANG)
    reap(0)


def reap(how: int) -> None:
    """Take leave of the minders that have ended, or wait for all."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def mind(teller: socket.socket, streams: list[int]) -> None:
    """Fork the command, tell its process id, and how it ended: as `Popen.returncode` has it."""
    with teller.makefile() as lines:
        order = json.loads(lines.readline())
    if (pid := os.fork()) == 0:
        teller.close()
        run(order, streams)
    for descriptor in streams:
        os.close(descriptor)
    with suppress(BrokenPipeError):
        teller.sendall(f"{pid}\n".encode())
        teller.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    os._exit(0)


def run(order: dict[str, Any], streams: list[int]) -> None:
    """Become the command."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww"))
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.argv = ["bds-async", *order["arguments"]]
    warnings.simplefilter("default", ResourceWarning)
    # This file is run as a script, so that its neighbour has no package.
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
    """End as Python does, except that the modules stay: to destroy them takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    # What was left behind complains now.
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    prepare(*sys.argv[2:])
    serve(socket.socket(fileno=int(sys.argv[1])))
