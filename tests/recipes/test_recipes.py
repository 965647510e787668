"""The recipes that `bds-async recipe NAME` prints."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import xml.dom.minidom
from pathlib import Path

import pytest

from bds_async.cli.main import cli
from bds_async.recipes import RECIPES, recipe


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_is_printed_as_it_is(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bds_async", "recipe", name],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-16"},
    )
    assert done.stdout == recipe(name).encode()


@pytest.mark.parametrize("name", list(RECIPES))
def test_recipes_name_only_options_that_exist(name: str) -> None:
    """Each option after `bds-async sync` in a recipe is one that the command takes."""
    context = cli.make_context("bds-async", ["recipe", "cron"], resilient_parsing=True)
    command = cli.get_command(context, "sync")
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    used = {
        option for line in re.findall(r"\bsync\b.*", recipe(name)) for option in re.findall(r"(?<!\S)--?[a-z-]+", line)
    }
    assert used <= known


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(KeyError):
        recipe("../recipes/__init__.py")


def test_the_systemd_units_are_valid(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing to complain of."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this machine")
    program = tmp_path / "bds-async"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for kind in ("service", "timer"):
        text = recipe(f"systemd-{kind}").replace("/opt/bds-async/bin/bds-async", str(program))
        (tmp_path / f"bds-async.{kind}").write_text(text)
    units = [str(tmp_path / f"bds-async.{kind}") for kind in ("service", "timer")]
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_restarts_on_5_and_75_alone_and_never_in_a_loop() -> None:
    lines = recipe("systemd-service").splitlines()
    assert "RestartForceExitStatus=5 75" in lines
    assert "Restart=no" in lines
    assert {"StartLimitIntervalSec=50min", "StartLimitBurst=3", "RestartSec=10min"} <= set(lines)


def test_no_turn_of_the_timer_is_refused_because_of_restarts() -> None:
    """All starts that the limit allows are over, and forgotten, before the next turn (an hour less its delay)."""
    service, timer = recipe("systemd-service"), recipe("systemd-timer")
    burst, restart = (
        int(re.findall(rf"^{key}=(\d+)", service, re.MULTILINE)[0]) for key in ("StartLimitBurst", "RestartSec")
    )
    interval = int(re.findall(r"^StartLimitIntervalSec=(\d+)min$", service, re.MULTILINE)[0])
    delay = int(re.findall(r"^RandomizedDelaySec=(\d+)min$", timer, re.MULTILINE)[0])
    assert (burst - 1) * restart < interval < 60 - delay


def test_the_windows_task_is_in_the_order_of_its_schema() -> None:
    """Of a trigger first what all have, then what is its own; and each action's context is a principal."""
    task = xml.dom.minidom.parseString(recipe("windows-task").replace('encoding="UTF-16"', 'encoding="UTF-8"'))
    (trigger,) = task.getElementsByTagName("TimeTrigger")
    parts = [part.nodeName for part in trigger.childNodes if part.nodeType == part.ELEMENT_NODE]
    assert parts == ["Enabled", "StartBoundary", "Repetition", "RandomDelay"]
    (actions,), (principal,) = task.getElementsByTagName("Actions"), task.getElementsByTagName("Principal")
    assert actions.getAttribute("Context") == principal.getAttribute("id")


def test_the_airflow_dag_is_python_and_the_windows_task_is_xml() -> None:
    ast.parse(recipe("airflow"))
    xml.dom.minidom.parseString(recipe("windows-task").replace('encoding="UTF-16"', 'encoding="UTF-8"'))
