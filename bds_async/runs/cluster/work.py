"""The work of a worker. These functions run in the threads of a Dask worker; they return errors as values."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from yarl import URL

from ... import __version__
from ...brightspace import Storage
from ...brightspace.http import Transport
from ...columns import Columns
from ...destination import Brought, Destination, destination_of
from ...errors import BdsError, ConfigError, LinkExpired, Stopped
from ...formats import Format, Staged, formats_with_pins
from ...options import PublishAs, RunOptions
from ...support.limits import machine_limit
from ...support.patience import Patience
from ...support.running import beside
from ...support.threads import ZipThreads
from ...transfer import clear_away
from ...workspace import Workspace, writing_to
from ..one_extract import Assignment, OneExtract
from .scratch import begin, end, holds_lease, scratch_of, until_lost
from .values import LOST, Answer, Expired, Failed, Order, Place, Progress, Ready

Result = TypeVar("Result")


def prepare(place: Place, form: PublishAs, dask_worker: Any = None) -> str | None:
    """Prepare this worker, which Dask passes, for a run; returns why it cannot work for the run, None if it can."""
    root = Path(dask_worker.local_directory)
    try:
        with writing_to(root):
            begin(place, root)
            formats_with_pins(form, None)
            has_room = destination_of(scratch_of(place, root)).has_room(place.run)
    except BdsError as error:
        return str(error)
    where = f"it does not see the folder {place.to}: mount it there, as on the coordinator's machine"
    return None if has_room else where


def finish(place: Place, dask_worker: Any = None) -> None:
    """Release this worker, which Dask passes, from a run that is over, and remove the run's files."""
    end(place, Path(dask_worker.local_directory))


def fetch_extract(order: Order) -> Answer:
    """Fetch, verify and convert one extract; put it in the destination, without its final name."""
    if order.version != __version__:
        text = f"The worker {_name()} has bds-async {__version__}, and the coordinator has {order.version}"
        return Failed(Progress(worker=_name()), ConfigError.__name__, f"{text}: install the same version on both.")
    return asyncio.run(_answered(order.place, partial(_fetch, order)))


async def _fetch(order: Order) -> Answer:
    scratch, options = scratch_of(order.place, _root()), order.options
    with ZipThreads(1) as threads:
        limit = None if options.limit_rate is None else max(1, int(options.limit_rate))
        async with Transport(connections=1, stall_timeout=options.stall_timeout, limit_rate=limit) as transport:
            form = _format(order.step.kind, order.pins)
            source = Storage(URL(order.origin), transport)
            one = OneExtract(Assignment(order.step, URL(order.address, encoded=True), scratch), source, form, options)
            try:
                staged = await one.staged(threads)
            except LinkExpired:
                return Expired(_progress(one))
            except BdsError as error:
                one.download.partial.discard()
                return Failed(_progress(one), type(error).__name__, str(error))
        try:
            brought = await asyncio.to_thread(_brought, order, staged, scratch)
        except asyncio.CancelledError:
            # The run is over, and so is all work for it.
            _destination(scratch)[0].cut()
            raise
    return Ready(_progress(one), staged.checked, brought)


def _brought(order: Order, staged: Staged, scratch: Workspace) -> Brought:
    """Put the file in the destination, under a unique name: a lost worker may be doing the same."""
    file = staged.path.with_name(f"{staged.path.stem}-{secrets.token_hex(8)}{staged.path.suffix}")
    with writing_to(scratch.state):
        staged.path.rename(file)
        clear_away(staged.path)
    _, destination = _destination(scratch)
    return destination.bring(file, order.step.path, staged.checked.sha256, order.place.run)


@lru_cache(maxsize=8)
def _destination(scratch: Workspace) -> tuple[Patience, Destination]:
    """The destination of a run, which keeps connections and credentials, with the Patience that ends its work."""
    patience = Patience()
    return patience, destination_of(scratch, RunOptions(), patience)


def _format(kind: PublishAs, pins: Columns | None) -> Format:
    formats: Mapping[PublishAs, Format] = formats_with_pins(kind, pins)
    return formats[kind]


def _progress(one: OneExtract) -> Progress:
    download = one.download
    return Progress(
        worker=_name(),
        failures=download.failures,
        resumed_bytes=download.resumed_bytes,
        held_bytes=download.partial.held_bytes,
        seconds=one.stopwatch.seconds,
        attempts=tuple(download.made.all),
    )


async def _answered(place: Place, work: Callable[[], Awaitable[Result]]) -> Result | Failed:
    """Do the work while the run holds its lease; errors are returned as answers, so that Dask logs none."""
    try:
        if not holds_lease(place):
            raise Stopped("The run is over.", 3)
        return await beside(work(), until_lost(place))
    except Stopped as error:
        return Failed(Progress(worker=_name()), LOST, str(error))
    except BdsError as error:
        return Failed(Progress(worker=_name()), type(error).__name__, str(error))
    except Exception as error:
        known = machine_limit(error)
        text = str(known) if known is not None else f"{type(error).__name__} in {_place_of(error)}"
        return Failed(Progress(worker=_name()), type(known or error).__name__, text)
    finally:
        # This may have created again what `finish` removed.
        if not holds_lease(place):
            end(place, _root())


def _place_of(error: BaseException) -> str:
    """Where a defect occurred, without the text of the exception, which may quote a secret."""
    trace, where = error.__traceback__, ""
    while trace is not None:
        where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where


def _name() -> str:
    from distributed import get_worker

    return str(get_worker().address)


def _root() -> Path:
    from distributed import get_worker

    return Path(get_worker().local_directory)
