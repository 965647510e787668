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
from typing import Any

import pytest

from bds_async.cli.main import cli
from bds_async.recipes import RECIPES, recipe
from tests.support.commands import Done, bds, starting_afresh
from tests.support.stores import Store


@pytest.mark.parametrize("name", list(RECIPES))
async def test_every_recipe_is_printed_as_it_is(name: str) -> None:
    assert await bds("recipe", name) == Done(0, recipe(name), "")


async def test_a_recipe_is_utf_8_whatever_the_streams_are() -> None:
    async with starting_afresh("recipe", "windows-task", PYTHONIOENCODING="utf-16") as running:
        assert await running.ends() == Done(0, recipe("windows-task"), "")


@pytest.mark.parametrize("name", list(RECIPES))
def test_recipes_name_only_options_that_exist(name: str) -> None:
    """The command accepts each option after `bds-async sync` in a recipe."""
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
    """`systemd-analyze verify` reports nothing."""
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
    """All starts that the limit allows end, and no longer count, before the next turn (an hour less its delay)."""
    service, timer = recipe("systemd-service"), recipe("systemd-timer")
    burst, restart = (
        int(re.findall(rf"^{key}=(\d+)", service, re.MULTILINE)[0]) for key in ("StartLimitBurst", "RestartSec")
    )
    interval = int(re.findall(r"^StartLimitIntervalSec=(\d+)min$", service, re.MULTILINE)[0])
    delay = int(re.findall(r"^RandomizedDelaySec=(\d+)min$", timer, re.MULTILINE)[0])
    assert (burst - 1) * restart < interval < 60 - delay


def test_the_windows_task_is_in_the_order_of_its_schema() -> None:
    """In a trigger, common elements come before its own; and each action's context is a principal."""
    task = xml.dom.minidom.parseString(recipe("windows-task").replace('encoding="UTF-16"', 'encoding="UTF-8"'))
    (trigger,) = task.getElementsByTagName("TimeTrigger")
    parts = [part.nodeName for part in trigger.childNodes if part.nodeType == part.ELEMENT_NODE]
    assert parts == ["Enabled", "StartBoundary", "Repetition", "RandomDelay"]
    (actions,), (principal,) = task.getElementsByTagName("Actions"), task.getElementsByTagName("Principal")
    assert actions.getAttribute("Context") == principal.getAttribute("id")


def test_the_airflow_dag_is_python_and_the_windows_task_is_xml() -> None:
    ast.parse(recipe("airflow"))
    xml.dom.minidom.parseString(recipe("windows-task").replace('encoding="UTF-16"', 'encoding="UTF-8"'))


def test_the_cluster_of_kubernetes_admits_the_coordinator_and_names_what_it_makes() -> None:
    """The pods of the CronJob have a label of the NetworkPolicy, and each service account and extra exists."""
    yaml: Any = pytest.importorskip("yaml")
    made = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(recipe("dask-kubernetes"))}
    cron = {each["kind"]: each for each in yaml.safe_load_all(recipe("kubernetes"))}["CronJob"]
    admitted = [
        each["podSelector"]["matchLabels"] for each in made["NetworkPolicy", "bds-dask"]["spec"]["ingress"][0]["from"]
    ]
    assert cron["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"] in admitted
    pods = [each["spec"]["template"]["spec"] for (kind, _), each in made.items() if kind == "Deployment"]
    accounts = {pod["serviceAccountName"] for pod in pods if "serviceAccountName" in pod}
    assert {("ServiceAccount", name) for name in accounts} == {key for key in made if key[0] == "ServiceAccount"}
    (change,) = re.findall(r"sed 's/(.*)/(.*)/'", recipe("dask-kubernetes"))
    assert re.search(change[0], recipe("dockerfile"))
    assert {"dask", "object-store"} <= set(change[1].strip("[]").split(","))


#: The part of the program `aws` that the recipe uses. It checks parameters with AWS's service descriptions.
AWS = """
import json, sys
import botocore.session, jmespath
service, operation, *rest = sys.argv[1:]
options = dict(zip(rest[::2], rest[1::2], strict=True))
client = botocore.session.get_session().create_client(service, region_name=options["--region"])
answer = getattr(client, operation.replace("-", "_"))(**json.loads(options["--cli-input-json"]))
print(jmespath.search(options["--query"], answer))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_fargate_script_makes_a_schedule_of_a_task_with_a_volume(s3_server: Store, tmp_path: Path) -> None:
    """In moto's AWS; and the image that the script describes contains what the command needs."""
    efs, ecs, scheduler = (s3_server.client_of(name, "eu-west-1") for name in ("efs", "ecs", "scheduler"))
    volume = efs.create_file_system()["FileSystemId"]
    (tmp_path / "aws.py").write_text(AWS)
    (tmp_path / "aws").write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path / "aws.py"} "$@"\n')
    (tmp_path / "aws").chmod(0o755)
    script = recipe("lambda-fargate").replace("fs-0123456789abcdef0", volume)
    environ = {**os.environ, **s3_server.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-s"], input=script, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    target = scheduler.get_schedule(Name="bds-async")["Target"]["EcsParameters"]
    task = ecs.describe_task_definition(taskDefinition=target["TaskDefinitionArn"])["taskDefinition"]
    (point,) = efs.describe_access_points(FileSystemId=volume)["AccessPoints"]
    assert (
        task["volumes"][0]["efsVolumeConfiguration"]["authorizationConfig"]["accessPointId"] == point["AccessPointId"]
    )
    assert f"--uid {point['PosixUser']['Uid']}" in recipe("dockerfile")
    (change,) = re.findall(r"sed 's/(.*)/(.*)/'", script)
    assert re.search(change[0], recipe("dockerfile"))
    assert {"object-store", "parquet"} <= set(change[1].strip("[]").split(","))
    (container,) = task["containerDefinitions"]
    command = cli.get_command(cli.make_context("bds-async", ["recipe", "cron"], resilient_parsing=True), "sync")
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in container["command"] if word.startswith("-")} <= known
