"""Silencing of Dask's own log messages, which go to stderr and address Dask's users."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from ...support.extras import missing

#: The loggers of dask and of its dependencies.
_LIBRARIES = frozenset({"distributed", "dask", "tornado", "bokeh"})
#: The silenced loggers, each with the number of runs in this process that need it: a fleet has several at a time.
_SILENT: dict[str, int] = {}


def demand_dask() -> None:
    """Raise ConfigError if the extra is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise missing("`cluster`", "distributed", "dask") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the loggers of these libraries inside the context; a run raises what they report as errors of its own.

    asyncio's messages about their futures are dropped for the rest of the process: they may be logged at its end.
    """
    import distributed.client
    import distributed.comm.tcp  # noqa: F401 - each sets up its logger when it is imported

    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in _LIBRARIES]
    ours = [name for name in names if name in _SILENT or not logging.getLogger(name).disabled]
    logging.getLogger("asyncio").addFilter(_is_not_theirs)
    for name in ours:
        _SILENT[name] = _SILENT.get(name, 0) + 1
        logging.getLogger(name).disabled = True
    try:
        yield
    finally:
        for name in ours:
            _SILENT[name] -= 1
            if not _SILENT[name]:
                del _SILENT[name]
                logging.getLogger(name).disabled = False


def _is_not_theirs(record: logging.LogRecord) -> bool:
    """Whether a record has no exception from these libraries, which leave failed futures behind if a worker is lost."""
    kind, _, trace = record.exc_info or (None, None, None)
    raised_by = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(trace)]
    known = {name.split(".")[0] for name in (getattr(kind, "__module__", ""), *raised_by)}
    return "bds_async" in known or not known & _LIBRARIES
