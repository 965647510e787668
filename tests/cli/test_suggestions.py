"""Commands that messages suggest run as printed: they have the config and the folder in use."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest

from bds_async.cli.output.suggestions import InUse
from bds_async.report import Gap
from bds_async.sandbox import Sandbox, SandboxSettings
from bds_async.watching import gaps_open
from bds_async.watching.notices import ONE_CAUSE
from tests.support.builders import QUEUED
from tests.support.commands import bds

IN_USE = InUse(("--config", "my config.json"), ("--to", "/data", "--state", "/state"))


@pytest.mark.parametrize(
    ("said", "completed"),
    [
        ("run `bds-async login` again", "run `bds-async login --config 'my config.json'` again"),
        ("`bds-async list` shows all", "`bds-async list --config 'my config.json'` shows all"),
        (
            "`bds-async ledger accept --data-set 'Quiz Attempts'`",
            "`bds-async ledger accept --data-set 'Quiz Attempts' --config 'my config.json' --to /data --state /state`",
        ),
        (
            "`bds-async pull --data-set '*--to*'`",
            "`bds-async pull --data-set '*--to*' --config 'my config.json' --to /data --state /state`",
        ),
        ("`bds-async verify --to elsewhere`", "`bds-async verify --to elsewhere --config 'my config.json'`"),
    ],
)
def test_the_options_in_use_are_added_where_the_command_takes_them(said: str, completed: str) -> None:
    assert IN_USE.complete(said) == completed
    assert InUse().complete(said) == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("choose another `to`.", "choose another --to."),
        ("keep it on a local disk with `state=DIR`.", "keep it on a local disk with --state DIR."),
        ("allow it with `delete_limit=30`.", "allow it with --delete-limit 30."),
        ("`publish_as='zip'` publishes it", "--as zip publishes it"),
        ("name another `target`", "name another --into"),
        ("`bspace_url` of bds-async", "`bspace_url` of bds-async"),
    ],
)
def test_parameters_of_the_library_become_options(said: str, shown: str) -> None:
    assert InUse().complete(said) == shown


def test_parameters_become_keys_of_the_fleet_file_in_a_fleet() -> None:
    said = "give `publish_as='csv'` another `to`, or `delete_limit=30`"
    assert InUse(in_fleet=True).complete(said) == "give 'as = \"csv\"' another 'to', or 'delete_limit = 30'"


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_a_printed_command_runs(tmp_path: Path, log_format: str) -> None:
    """`ledger accept` for a data set that is no longer listed; name, config and folder need quotes."""
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "my config.json")
        common = ("--config", tmp_path / "my config.json", "--to", tmp_path / "my data")
        assert (await bds("sync", *common)).code == 0
        catalogue = sandbox._tenant.catalogue
        catalogue.data_sets = [each for each in catalogue.data_sets if each.name != "User Enrollments"]
        done = await bds("sync", *common, "--log-format", log_format)
    assert done.code == 3
    said = json.loads(done.err.splitlines()[-2])["message"] if log_format == "json" else done.err
    (command,) = set(re.findall(r"`bds-async (ledger accept [^`]*)`", said))
    accepted = await bds(*shlex.split(command))
    assert (accepted.code, accepted.err) == (0, "1 data set accepted as no longer listed.\n0 gaps accepted.\n")


def test_many_gaps_are_one_line_with_the_count_and_a_command() -> None:
    gaps = [Gap(f"Data Set {number}", None, QUEUED, QUEUED + timedelta(1)) for number in range(11)]
    (notice,) = gaps_open(gaps)
    assert notice.text.startswith("11 gaps, since differentials expired before sync ran. The first: Differentials of ")
    assert "`bds-async ledger accept --data-set 'Data Set 0'`" in notice.text
    assert len(gaps_open(gaps[: ONE_CAUSE - 1])) == ONE_CAUSE - 1
