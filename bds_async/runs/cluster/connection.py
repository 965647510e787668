"""The connection to a Dask scheduler: its workers, their versions, and the loss of any of them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import os
import pydoc
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NoReturn, cast

from ... import __version__
from ...destination import Destination
from ...errors import BdsError, ConfigError, UnreachableError
from ...options import PublishAs
from ...support.running import Stop, beside
from ...support.to_its_end import in_thread
from ...workspace import Workspace
from ..context import Storage
from .quiet import demand_dask, quiet
from .slots import Slots
from .values import LOST, Failed, Place, Progress
from .work import finish, prepare

#: Seconds: timeouts of connecting to a scheduler, of a request to it, and of one to all workers, which may have to
#: import much; the interval of polls.
CONNECT, REQUEST, EVERYWHERE, LOOK = 8.0, 15.0, 60.0, 1.0
#: Seconds that a cluster may have no worker before the run gives up.
WITHOUT_WORKERS = 120.0
#: Seconds that a run still waits for its workers after a stop or an error.
PARTING = 1.0


class ClusterLost(UnreachableError):
    """The scheduler does not answer, or has no worker."""


class Cluster:
    """The workers of one scheduler, as one run uses them; `slots` bounds the extracts under way on them."""

    def __init__(self, client: Any, address: str, place: Place) -> None:
        self.place = place
        self.slots = Slots()
        self._client = client
        self._address = address
        self._workers = 0
        self._numbers = itertools.count()

    async def watch(self) -> NoReturn:
        """Poll the workers; raises ClusterLost if the scheduler is lost, or has had no worker for WITHOUT_WORKERS."""
        loop = asyncio.get_running_loop()
        seen = loop.time()
        while True:
            await self.look()
            seen = loop.time() if self._workers else seen
            if loop.time() - seen > WITHOUT_WORKERS:
                raise ClusterLost(f"The scheduler at {self._address} has lost all its workers; run again later.")
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Ask for the workers and the number of their threads."""
        found = await self._asked(self._client.scheduler.identity(n_workers=-1))
        threads = sum(worker["nthreads"] for worker in found["workers"].values())
        self._workers = len(found["workers"])
        await self.slots.resize(threads, self._workers)

    async def ask(self, function: Callable[..., Any], argument: object, preferred: str | None) -> Any:
        """Call a function on a worker, on `preferred` if it is connected; returns a Failed of kind LOST if it is lost.

        The key is opaque, since dashboards and logs show it. A cancellation cancels the work too.
        """
        key = f"bds-async-{self.place.run}-{next(self._numbers)}"
        chosen = None if preferred is None else [preferred]
        future = self._client.submit(
            function, argument, key=key, pure=False, workers=chosen, allow_other_workers=chosen is not None
        )
        try:
            return await future
        except Exception:
            # Dask lost workers too often, or lost this one while it fetched the result. If the scheduler is lost, this
            # raises.
            await self.look()
            return Failed(Progress(worker=""), LOST, "The worker is lost.")
        finally:
            future.release()

    async def prepare(self, form: PublishAs) -> None:
        """Check that each worker has this version and reaches the destination; raises ConfigError."""
        # A function of the standard library: a worker that lacks this version has it too.
        versions = await self._everywhere(pydoc.locate, "bds_async.__version__")
        for worker, version in versions.items():
            if version != __version__:
                known = version if isinstance(version, str) else "none"
                text = f"The worker {worker} has bds-async {known}, and this machine has {__version__}"
                raise ConfigError(f"{text}: install the same version on both.")
        faults = await self._everywhere(prepare, self.place, form)
        for worker, fault in faults.items():
            if fault is not None:
                raise ConfigError(f"The worker {worker} cannot work for this run: {fault}")

    async def leave(self) -> None:
        """End the work of this run on all workers that can be reached."""
        with contextlib.suppress(ClusterLost):
            await self._everywhere(finish, self.place)

    async def _everywhere(self, function: Callable[..., Any], *arguments: object) -> dict[str, Any]:
        """Call a function on each worker that Dask reaches; the function may raise no OSError."""
        request = self._client.run(function, *arguments, on_error="return")
        found: dict[str, Any] = await self._asked(request, EVERYWHERE)
        return {worker: answer for worker, answer in found.items() if not isinstance(answer, OSError)}

    async def _asked(self, request: Coroutine[Any, Any, Any], within: float = REQUEST) -> Any:
        try:
            async with asyncio.timeout(within):
                return await request
        except Exception as error:
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> ClusterLost:
        """The error for a scheduler that has stopped answering."""
        what = "in time" if isinstance(error, TimeoutError) else "any more"
        text = f"The Dask scheduler at {self._address} is lost: it does not answer {what}"
        return ClusterLost(f"{text}. Check the scheduler, then run again.")

    def no_connection(self, error: Exception) -> BdsError:
        """The error for an address without a scheduler."""
        if isinstance(error, OSError):
            text = f"No Dask scheduler answers at {self._address}"
            return ClusterLost(f"{text}; check `cluster` and the scheduler, or run again later.")
        if isinstance(error, TypeError) and self._address.startswith("tls:"):
            text = f"`cluster` {self._address} needs certificates"
            return ConfigError(f"{text}: name them in Dask's configuration, distributed.comm.tls.")
        if isinstance(error, ValueError | RuntimeError):
            text = f"`cluster` {self._address} cannot be used"
            return ConfigError(f"{text}: check the host, and distributed.comm in Dask's configuration.")
        # Dask takes another program's answer for the length of a message, and cannot allocate that much memory.
        text = f"What answers at {self._address} is no Dask scheduler, or one of another version of Dask"
        return ClusterLost(f"{text}: check the host and the port in `cluster`.")

    def no_worker(self) -> ClusterLost:
        """The error for a scheduler that has no worker."""
        return ClusterLost(f"The Dask scheduler at {self._address} has no worker: start some, then run again.")


@asynccontextmanager
async def cluster_at(address: str, storage: Storage, form: PublishAs, stop: Stop) -> AsyncIterator[Cluster]:
    """Connect to the scheduler at an address and prepare its workers for a run that publishes in this form.

    Inside the context the workers write files to a room of the destination.
    Raises UnreachableError if no scheduler answers or it has no worker, ConfigError if dask is not installed, TLS has
    no certificates, or a worker has another version or does not reach the destination.
    """
    demand_dask()
    with quiet():
        from distributed import Client

        try:
            # The annotations of Client are incomplete.
            client: Any = cast("Any", Client)(
                address, asynchronous=True, timeout=CONNECT, set_as_default=False, name="bds-async"
            )
        except (OSError, ValueError):
            text = f"`cluster` {address} cannot be used with Dask's configuration"
            raise ConfigError(f"{text}: check the certificates in distributed.comm.tls.") from None
        workspace, room = storage.workspace, secrets.token_hex(8)
        cluster = Cluster(client, address, Place(_lease(workspace), room, workspace.address))
        try:
            await beside(_connected(client, cluster, storage.destination, form), stop.obey())
            yield cluster
        except BaseException:
            await _left(client, cluster, asyncio.sleep(PARTING))
            raise
        else:
            await _left(client, cluster, _after(stop))
        finally:
            await in_thread(partial(storage.destination.close_room, room))


async def _connected(client: Any, cluster: Cluster, destination: Destination, form: PublishAs) -> None:
    try:
        async with asyncio.timeout(CONNECT + LOOK):
            await client
    except Exception as error:
        raise cluster.no_connection(error) from None
    await cluster.look()
    if not cluster.slots.size:
        raise cluster.no_worker()
    await in_thread(partial(destination.open_room, cluster.place.run))
    await cluster.prepare(form)


async def _after(stop: Stop) -> None:
    await stop.requested()
    await asyncio.sleep(PARTING)


async def _left(client: Any, cluster: Cluster, late: Coroutine[Any, Any, None]) -> None:
    """Leave the workers and close the connection; stop waiting for the workers once `late` ends."""
    await _first(cluster.leave() if client.status == "running" else asyncio.sleep(0), late)
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CONNECT):
            await client.close(timeout=LOOK)


def _lease(workspace: Workspace) -> str:
    """The name of a lease: a hash of the destination and its state folder."""
    known = f"{workspace.address}\0{os.path.realpath(workspace.state)}"
    return hashlib.sha256(known.encode(errors="surrogateescape")).hexdigest()[:16]


async def _first(one: Coroutine[Any, Any, Any], other: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of the coroutine that ends first; cancel the other."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
