"""A real Dask scheduler and real workers in processes of their own, on loopback."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.commands import ENVIRON
from tests.support.stores import free_port

#: Only loopback, and no dashboard on every interface.
_HERE = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")


@dataclass
class DaskCluster:
    """The address of a scheduler, its workers, and the folder of their logs and scratch space."""

    home: Path
    address: str
    environ: dict[str, str]
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _started: int = 0

    def add_worker(self, *options: str, threads: int = 2, **environ: str) -> subprocess.Popen[bytes]:
        """Start one more worker; it may take a second until it is known."""
        number, self._started = self._started, self._started + 1
        command = ["worker", self.address, *_HERE, "--no-nanny", "--nthreads", str(threads)]
        # One for all, as on one machine: a new worker removes what a killed one left.
        scratch = self.home / "scratch"
        scratch.mkdir(exist_ok=True)
        words = [*command, "--local-directory", str(scratch), "--name", f"worker-{number}", *options]
        started = _dask(words, self.home / f"worker-{number}.log", self.environ | environ)
        self.workers.append(started)
        return started

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker."""
        worker.kill()
        worker.wait()
        self.workers.remove(worker)

    def wait_for(self, count: int) -> None:
        """Wait until the scheduler knows so many workers."""
        _wait_until(lambda: len(self.known()) == count, self.scheduler)

    def known(self) -> Any:
        """What the scheduler knows of its workers, by their addresses."""
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
        """All that the scheduler and the workers have logged."""
        return "\n".join(path.read_text("utf-8", "replace") for path in self.home.glob("*.log"))

    def scratch(self) -> list[Path]:
        """The files of runs in the workers' scratch space."""
        return [path for path in self.home.glob("scratch/**/bds-async-*/**/*") if path.is_file()]


@contextmanager
def running_cluster(home: Path, workers: int = 3, *, threads: int = 2, **environ: str) -> Iterator[DaskCluster]:
    """Start a scheduler and workers; all are killed at the end."""
    port = free_port()
    known = {**ENVIRON, "PYTHONPATH": str(Path(__file__).parents[2]), "DASK_LOGGING__DISTRIBUTED": "debug", **environ}
    scheduler = _dask(["scheduler", *_HERE, "--port", str(port)], home / "scheduler.log", known)
    cluster = DaskCluster(home, f"tcp://127.0.0.1:{port}", known, scheduler)
    try:
        for _ in range(workers):
            cluster.add_worker(threads=threads)
        _wait_until(lambda: _answers(cluster), scheduler)
        cluster.wait_for(workers)
        yield cluster
    finally:
        for process in (*cluster.workers, scheduler):
            process.kill()
            process.wait()


def _answers(cluster: DaskCluster) -> bool:
    with contextlib.suppress(OSError):
        cluster.known()
        return True
    return False


def _dask(words: list[str], log: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        command = [sys.executable, "-m", "dask", *words]
        return subprocess.Popen(command, stdout=output, stderr=output, env=environ, cwd=log.parent)


def _wait_until(condition: Any, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "the scheduler has ended"
        assert time.monotonic() < deadline, "the cluster does not come up"
        time.sleep(0.3)
