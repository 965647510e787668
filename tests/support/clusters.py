"""A real Dask scheduler and real workers in separate processes, on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.commands import ENVIRON
from tests.support.forked import forked_by, nursery_of
from tests.support.stores import free_port

#: Only loopback, and no dashboard on every interface.
_HERE = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")
#: Turns off what Dask measures about itself many times a second, even without work.
IDLE = {
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "10s",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}
#: The nursery that has already imported Dask, since the import takes a process a second.
NURSERY = "dask_nursery.py"


class DaskProcess:
    """A scheduler or worker, forked by the nursery."""

    def __init__(self, words: list[str], log: Path, environ: dict[str, str]) -> None:
        self._ends, theirs = socket.socketpair()
        with theirs, log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
            streams = [each.fileno() for each in (theirs, nothing, output, output)]
            socket.send_fds(nursery_of(NURSERY), [b"!"], streams)
        order = {"arguments": ["dask", *words], "cwd": str(log.parent), "environ": environ}
        self._ends.sendall(json.dumps(order).encode() + b"\n")
        with self._ends.makefile() as lines:
            self.pid = int(lines.readline())

    def has_ended(self, within: float | None = 0) -> bool:
        """Whether it ends within `within` seconds; None waits for ever."""
        # After the process id, the socket becomes readable only when the process has ended.
        return bool(select.select([self._ends], [], [], within)[0])

    def send_signal(self, number: int) -> None:
        """Send a signal, if it is still running."""
        if not self.has_ended():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, and wait for its end."""
        self.send_signal(signal.SIGKILL)
        self.has_ended(None)

    def close(self) -> None:
        """Close the socket to it."""
        self._ends.close()


@dataclass
class DaskCluster:
    """The address of a scheduler, its workers, and the folder of their logs and scratch space."""

    home: Path
    address: str
    environ: dict[str, str]
    scheduler: DaskProcess
    workers: list[DaskProcess] = field(default_factory=list)
    _started: int = 0

    def add_worker(self, *options: str, threads: int = 2, **environ: str) -> DaskProcess:
        """Start another worker; it may take a second until the scheduler knows it."""
        number, self._started = self._started, self._started + 1
        command = ["worker", self.address, *_HERE, "--no-nanny", "--nthreads", str(threads)]
        # One folder for all, as on one machine: a new worker removes what a killed one left.
        scratch = self.home / "scratch"
        scratch.mkdir(exist_ok=True)
        words = [*command, "--local-directory", str(scratch), "--name", f"worker-{number}", *options]
        started = DaskProcess(words, self.home / f"worker-{number}.log", self.environ | environ)
        self.workers.append(started)
        return started

    def kill(self, worker: DaskProcess) -> None:
        """Kill a worker."""
        worker.kill()
        worker.close()
        self.workers.remove(worker)

    def wait_for(self, count: int) -> None:
        """Wait until the scheduler knows `count` workers."""
        _wait_until(lambda: len(self.known()) == count, self.scheduler)

    def known(self) -> Any:
        """What the scheduler knows about its workers, by address."""
        import asyncio

        from distributed.comm.core import connect

        async def ask() -> Any:
            comm = await connect(self.address)
            try:
                await comm.write({"op": "identity", "reply": True, "n_workers": -1})
                return (await comm.read())["workers"]
            finally:
                await comm.close()

        return asyncio.run(ask())

    def addresses_seen(self) -> set[str]:
        """The address of every worker that the scheduler has logged."""
        return {*re.findall(r"tcp://[0-9.]+:[0-9]+", (self.home / "scheduler.log").read_text("utf-8", "replace"))}

    def wait_for_no_scratch(self) -> None:
        """Wait until no run has a file in the scratch space."""
        _wait_until(lambda: not self.scratch(), self.scheduler)

    def logs(self) -> str:
        """The logs of the scheduler and the workers."""
        return "\n".join(path.read_text("utf-8", "replace") for path in self.home.glob("*.log"))

    def scratch(self) -> list[Path]:
        """The files of runs in the workers' scratch space."""
        return [path for path in self.home.glob("scratch/**/bds-async-*/**/*") if path.is_file()]


@contextmanager
def running_cluster(home: Path, workers: int = 3, *, threads: int = 2, **environ: str) -> Iterator[DaskCluster]:
    """Start a scheduler and workers, and kill all at the end. Commands inside the context have imported Dask too."""
    port = free_port()
    known = {**ENVIRON, **IDLE, "DASK_LOGGING__DISTRIBUTED": "debug", **environ}
    scheduler = DaskProcess(["scheduler", *_HERE, "--port", str(port)], home / "scheduler.log", known)
    cluster = DaskCluster(home, f"tcp://127.0.0.1:{port}", known, scheduler)
    try:
        for _ in range(workers):
            cluster.add_worker(threads=threads)
        _wait_until(lambda: _answers(cluster), scheduler)
        cluster.wait_for(workers)
        with forked_by(NURSERY):
            yield cluster
    finally:
        for process in (*cluster.workers, scheduler):
            process.kill()
            process.close()


def _answers(cluster: DaskCluster) -> bool:
    with contextlib.suppress(OSError):
        cluster.known()
        return True
    return False


def _wait_until(condition: Any, process: DaskProcess) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert not process.has_ended(), "the scheduler has ended"
        assert time.monotonic() < deadline, "the cluster does not come up"
        time.sleep(0.3)
