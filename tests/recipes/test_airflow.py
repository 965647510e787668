"""The Airflow recipe: its DAG is imported and its tasks are executed, with a stand-in for Airflow's decorators.

Airflow itself is too heavy for the tests. `airflow.sdk` here has `dag` and `task`, which call the plain functions, and
the two exceptions.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bds_async.recipes import recipe
from bds_async.sandbox import Fault
from tests.conftest import StartSandbox
from tests.support.scheduled import DAY


class AirflowException(Exception):
    """A task failed, and is retried."""


class AirflowFailException(AirflowException):
    """A task failed, and is not retried."""


class StandIn:
    """`dag` and `task` for one DAG: calling the DAG calls its tasks; `results` has the return value of each."""

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}
        self.settings: dict[str, dict[str, Any]] = {}

    def dag(self, **settings: Any) -> Callable[[Callable[[], None]], Callable[[], None]]:
        self.settings["dag"] = settings
        return lambda function: function

    def task(self, **settings: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
            self.settings[function.__name__] = settings

            def call(*values: Any) -> Any:
                self.results[function.__name__] = result = function(*values)
                return result

            return call

        return decorated


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    found = StandIn()
    sdk, exceptions = ModuleType("airflow.sdk"), ModuleType("airflow.sdk.exceptions")
    vars(sdk).update(dag=found.dag, task=found.task)
    vars(exceptions).update(AirflowException=AirflowException, AirflowFailException=AirflowFailException)
    for module in (ModuleType("airflow"), sdk, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return found


def run_dag(home: Path) -> None:
    """Import the recipe, with its two paths changed as by a user, and run its tasks in this thread."""
    text = recipe("airflow")
    for old, new in (("/etc/bds-async/config.json", home / "config.json"), ("/srv/bds/data", home / "data")):
        assert text.count(f'"{old}"') == 1
        text = text.replace(f'"{old}"', repr(str(new)))
    exec(compile(text, "dag.py", "exec"), {"__name__": "dag"})


async def test_the_dag_delivers_once_and_complains_only_where_something_is_missing(
    airflow: StandIn, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Each task runs in a thread without an event loop, as in a worker."""
    sandbox, config = await start_sandbox(data_sets=3, scale=0.01), tmp_path / "config.json"
    sandbox.write_config(config)
    await asyncio.to_thread(run_dag, tmp_path)
    first = airflow.results["deliver"]
    assert first["exit_code"] == 0
    assert first["delivered"]
    assert all((tmp_path / "data" / path).is_file() for path in first["delivered"])
    assert airflow.settings["dag"]["max_active_runs"] == 1
    assert airflow.settings["complain"] == {"retries": 0}
    await asyncio.to_thread(run_dag, tmp_path)
    assert airflow.results["deliver"] == {"delivered": [], "exit_code": 0, "failed": 0, "gaps": 0}
    sandbox.advance(DAY)
    sandbox.play(Fault.of("status", status=404, on="download", data_set="Users"))
    with pytest.raises(AirflowFailException, match="1 extracts or lists failed, 0 gaps are open"):
        await asyncio.to_thread(run_dag, tmp_path)
    config.write_text(json.dumps({**json.loads(config.read_text()), "refresh_token": "wrong"}))
    with pytest.raises(AirflowFailException, match="run `bds-async login` again"):
        await asyncio.to_thread(run_dag, tmp_path)
