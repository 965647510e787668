"""A process that publishes extracts as a run does, to be killed; `tests/destination/test_publishing.py` starts it.

It takes the folder, its state folder, the number of extracts, and a place in the code (`module.name:before|after:n`)
where it is killed as by a power switch, or `-`.
"""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bds_async.destination import Publisher, destination_of
from bds_async.formats import Staged
from bds_async.formats.zip import check
from bds_async.ledger import Ledger
from bds_async.ledger.deliveries import Deliveries
from bds_async.models import BdsType, DataSet, Extract, Plugin
from bds_async.options import Verify
from bds_async.planning import Step
from bds_async.transfer import Partial, sweep
from bds_async.workspace import Workspace
from tests.support.places import prepared

TENANT = "https://school.example"
USERS = DataSet("S-1", Plugin("F-1", "Users"), None)
START = datetime(2026, 1, 1, tzinfo=UTC)


def extract_number(number: int) -> Extract:
    moment = START + timedelta(hours=number)
    return Extract("Users", "S-1", "F-1", BdsType.FULL, moment, moment, "9.4", "https://x/")


def zip_number(number: int) -> bytes:
    """A different zip for each extract."""
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("Users.csv"), b"UserId,Number\r\n" + b"%d,x\r\n" % number * 50)
    return buffer.getvalue()


def die_at(place: str) -> None:
    """Kill this process just before or after the n-th call of a function."""
    target, when, count = place.split(":")
    module_name, name = target.rsplit(".", 1)
    parent = importlib.import_module(module_name) if "Deliveries" not in module_name else Deliveries
    original: Callable[..., Any] = getattr(parent, name)
    calls = iter(range(int(count), -1, -1))

    def deadly(*args: Any, **kwargs: Any) -> Any:
        is_last = next(calls) == 0
        if is_last and when == "before":
            os._exit(9)
        result = original(*args, **kwargs)
        if is_last:
            os._exit(9)
        return result

    setattr(parent, name, deadly)


async def publish_all(workspace: Workspace, count: int, say: Callable[[int], None]) -> None:
    """Recover, sweep, then publish the extracts that are not in the ledger."""
    destination = destination_of(workspace)
    destination.prepare()
    with Ledger.open(workspace.ledger, TENANT) as ledger:
        publisher = Publisher(workspace, destination, ledger)
        publisher.recover()
        sweep(workspace, {extract.identity for extract in map(extract_number, range(count))})
        for number in range(count):
            if ledger.deliveries.delivered(extract_number(number).identity) is None:
                await publish_one(publisher, ledger, workspace, number)
                say(number)


async def publish_one(publisher: Publisher, ledger: Ledger, workspace: Workspace, number: int) -> None:
    extract = extract_number(number)
    content = zip_number(number)
    partial = Partial.load(workspace, extract.identity)
    partial.begin('"x"', len(content))
    async with await partial.open_writer(0) as writer:
        await writer.write(content)
    folder = ledger.folders.folder_for(USERS)
    step = Step(extract, folder, ledger.folders.path_for(extract, folder, ".zip"))
    publisher.publish([(step, Staged(partial.path, check(partial.path, Verify.FULL)))])


def publish_and_say(to: str, state: str, count: int, place: str, said: Connection) -> None:
    """The process: publish, and send the number of each published extract."""
    workspace = prepared(Path(to), Path(state))
    if place != "-":
        die_at(place)
    asyncio.run(publish_all(workspace, count, said.send))


def _processes() -> Any:
    if not hasattr(os, "fork"):
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([__name__])
    return found


class Publishing:
    """Such a process, forked from a server that has imported everything, since many of them are started and killed."""

    def __init__(self, workspace: Workspace, count: int, place: str = "-") -> None:
        processes = _processes()
        self._published, said = processes.Pipe(duplex=False)
        arguments = (workspace.to, str(workspace.state), count, place, said)
        self._process = processes.Process(target=publish_and_say, args=arguments)
        self._process.start()
        said.close()

    def next_published(self) -> int | None:
        """Wait for the number of the next published extract; None if the process ends first."""
        try:
            return int(self._published.recv())
        except EOFError:
            return None

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()

    def ends(self) -> int:
        """Wait for its end; return the exit code, or the negative number of the signal that killed it."""
        while self.next_published() is not None:
            pass
        self._process.join(60)
        code = self._process.exitcode
        assert code is not None
        return code
