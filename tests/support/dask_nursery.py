"""A nursery that has also imported Dask: it forks schedulers and workers, and the commands that use them."""

from __future__ import annotations

import importlib
import socket
import sys
from typing import Any

import dask.config
from dask.__main__ import main
from distributed.config import initialize_logging

#: What schedulers, workers and their clients import only when they need it.
LATER = ("distributed.cli.dask_scheduler", "distributed.cli.dask_worker", "distributed.http.scheduler.info")

# This file is run as a script, so the other module is not in a package.
nursery = importlib.import_module("nursery")


def run(order: dict[str, Any], streams: list[int]) -> None:
    """Become a process of Dask, configured by its own environment, or a command."""
    if order["arguments"][0] != "dask":
        nursery.run(order, streams)
        return
    nursery.enter(order, streams)
    dask.config.refresh()
    initialize_logging(dask.config.config)
    sys.argv = order["arguments"]
    main()


if __name__ == "__main__":
    for name in (*LATER, "bds_async.runs.cluster.work"):
        importlib.import_module(name)
    nursery.prepare()
    nursery.Children(socket.socket(fileno=int(sys.argv[1])), run).serve()
