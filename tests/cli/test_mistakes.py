"""Mistakes on the command line: one line that names the cause and the next step, and one with the usage."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from tests.support.commands import bds

#: Words of a command line, and what the first line of the answer must contain.
MISTAKES = [
    ("pul", "No such command 'pul'. Did you mean pull?"),
    ("synch", "No such command 'synch'. Did you mean sync?"),
    ("lits", "Did you mean list?"),
    ("help", "Did you mean --help?"),
    ("version", "Did you mean --version?"),
    ("download", "Did you mean pull?"),
    ("frobnicate", "The commands: pull, sync, list, "),
    ("ledger shwo", "No such command 'shwo'. Did you mean show?"),
    ("sync --since 2026-11-01", "No such option '--since': it belongs to pull"),
    ("pull --with-fulls", "No such option '--with-fulls': it belongs to sync."),
    ("pull --ping http://x", "No such option '--ping': it belongs to sync."),
    ("list --to x", "No such option '--to': it belongs to pull"),
    ("pull --worker 3", "No such option '--worker'. Did you mean --workers?"),
    ("sync --optn --mode", "No such option '--optn'."),
    ("sync --sinc 2026-11-01", "No such option '--sinc'. Did you mean --since? It belongs to pull, "),
    ("pull --data-set Users Tools", "Repeat --data-set for each name, and put a pattern in quotes"),
    ("pull --data-set=User.txt Users.csv", "Repeat --data-set for each name, and put a pattern in quotes"),
    ("pull Users", "Got unexpected extra argument (Users)."),
    ("pull --to file", "file is a file: name a folder."),
    ("pull --to file/sub", "file is a file: name a folder."),
    ("verify --state file", "file is a file: name a folder."),
    ("pull --to=", "is empty: name a folder."),
    ("demo --to s3://bucket/demo", "is an address: name a folder of this machine."),
    ("sync --state s3://bucket/state", "is an address: name a folder of this machine."),
    ("pull --workers many", "'many' is not a valid whole number."),
    ("pull --workers 0", "0 is not in the range 1<=x<=64."),
    ("pull --type fulls", "'fulls' is not one of 'full', 'differential', 'all'."),
    ("pull --as xlsx", "'xlsx' is not one of 'zip', 'csv', 'parquet'."),
    ("pull --since yesterday", "'yesterday' is not a moment: write an ISO 8601 moment such as 2026-11-22"),
    (
        "pull --limit-rate fast",
        "'fast' is not a rate: write a whole number of bytes a second, or one with K, M or G, such as 50M.",
    ),
    ("pull --max-time 0", "0.0 is not in the range x>0."),
    ("pull --stall-timeout nan", "'nan' is not a number of seconds."),
    ("pull --data-set", "Option '--data-set' requires an argument."),
    ("pull --report -", "name a file; /dev/stdout stands for standard output."),
    ("pull --html -", "name a file; /dev/stdout stands for standard output."),
    ("report", "Missing argument 'RUN.json'."),
    ("report run.json", "Missing option '--html'."),
    ("recipe crontab", "'crontab'"),
    ("ledger accept", "Missing option '--data-set'."),
]


@pytest.mark.parametrize(("line", "words"), MISTAKES)
async def test_a_mistake_on_the_command_line_is_two_lines(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "file").touch()
    done = await bds(*line.split(), cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    error, *usage = done.err.splitlines()
    assert error.startswith("bds-async: error: ")
    assert words in error
    assert error.count("Did you mean") == words.count("Did you mean")
    assert [line.partition(" bds-async")[0] for line in usage] in ([], ["Usage:"])


class Place:
    """A folder with the config of a small sandbox."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self.home = home
        sandbox.write_config(home / "config.json")

    def change(self, **changes: Any) -> None:
        """Change keys of the config."""
        file = self.home / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with Sandbox(SandboxSettings(data_sets=12, scale=0.01)) as sandbox:
        yield Place(sandbox, tmp_path)


#: Changed keys of the config, words of a command line, exit code, and a pattern of the answer.
MISTAKES_OF_CONTENT: list[tuple[dict[str, Any], str, int, str]] = [
    ({}, "pull --data-set Usres", 2, r"No data set of this tenant matches 'Usres'; did you mean 'Users'"),
    ({}, "pull --data-set Quizz", 2, r"did you mean 'Quiz Attempts'"),
    ({}, "pull --data-set enrollment", 2, r"did you mean 'User Enrollments'"),
    ({}, "pull --data-set grade", 2, r"did you mean 'Grade Objects' or 'Grade Results'"),
    ({}, "pull --data-set xyzzy", 2, r"`bds-async list` shows them all"),
    ({}, "pull --exclude Usres", 2, r"did you mean 'Users'"),
    ({}, "pull --json", 2, r"--json needs --dry-run"),
    ({}, "pull --pin-columns", 2, r"--pin-columns needs --as csv"),
    ({}, "verify --report run.json", 2, r"--report needs --repair"),
    ({}, "pull --report nowhere/run.json", 2, r"nowhere does not exist"),
    ({}, "verify --html run.html", 2, r"--html needs --repair"),
    ({}, "pull --html nowhere/run.html", 2, r"nowhere does not exist"),
    ({}, "pull --html config.json", 2, r"would overwrite the config file: name another file"),
    ({}, "sync --html to/.bds-async/x --to to", 2, r"would be in .*the folder of bds-async's own files"),
    ({}, "pull --report run --html run", 2, r"would overwrite the report: name another file"),
    ({}, "sync --html run --metrics run", 2, r"would overwrite the HTML page: name another file"),
    ({}, "report config.json --html x", 2, r"config\.json is no run report: name the report of a pull"),
    ({}, "pull --report config.json", 2, r"would overwrite the config file: name another file"),
    ({}, "sync --ping ftp://x", 2, r"--ping is not an http or https URL"),
    ({}, "verify", 6, r"There is no folder bds-data: mount it, or name the right one with --to"),
    ({}, "ledger show --to .", 2, r"\. is no folder of bds-async"),
    ({}, "pull --config other.json", 2, r"There is no config file .*other\.json.*BDS_BSPACE_URL"),
    ({}, "sandbox --faults faults.json", 2, r"faults\.json can't be read: No such file"),
    ({}, "sandbox --write-config nowhere/x.json", 2, r"There is no folder nowhere for --write-config"),
    ({}, "mirror --into oracle://x", 2, r"neither duckdb:PATH nor postgresql"),
    ({}, "pull --to /proc/nothing/here", 6, r"is gone, or can't be made there: mount it, or choose another --to"),
    ({"bspace_url": ""}, "list", 2, r"lacks bspace_url"),
    ({"bspace_url": "school"}, "list", 2, r"bspace_url in .*config\.json"),
    ({"bspace_url": 5, "refresh_token": ""}, "list", 2, r"bspace_url in .* must be text .* lacks refresh_token"),
    ({"bspace_url": "http://school.example"}, "list", 2, r"bspace_url in .*https"),
    ({"bspace_url": 5}, "list", 2, r"bspace_url in .* must be text \(in quotes\)"),
    ({"bspace_url": "<https://school.example>"}, "list", 2, r"inside angle brackets; remove < and >"),
    ({"client_secret": "“x”"}, "list", 2, r"client_secret in .* is in quotes: remove them"),
    (
        {"client_secret": "wrong"},
        "list",
        4,
        r"does not accept this application \(invalid_client\): client_id and client",
    ),
    ({"refresh_token": "wrong"}, "list", 4, r"\(invalid_grant\): .*run `bds-async login` again"),
    ({"refresh_token": "Bearer x"}, "list", 2, r"refresh_token in .* begins with 'Bearer': remove that word"),
    ({"refresh_token": ""}, "list", 2, r"`bds-async login` stores the refresh token"),
    ({"api_version": "new"}, "list", 2, r"api_version in .* must look like 1\.43"),
    ({"api_version": "9.99"}, "list", 2, r"9\.99"),
    ({"private_key_file": "nowhere.pem", "key_id": "k"}, "list", 2, r"nowhere\.pem"),
]


@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
@pytest.mark.parametrize(("changes", "line", "code", "words"), MISTAKES_OF_CONTENT)
async def test_a_mistake_in_what_was_written_names_the_cause_and_the_next_step(
    place: Place, changes: dict[str, Any], line: str, code: int, words: str
) -> None:
    place.change(**changes)
    done = await bds(*line.split(), cwd=place.home)
    assert done.code == code
    errors = [each for each in done.err.splitlines() if each.startswith("bds-async: error: ")]
    assert len(errors) == 1
    assert re.search(words, errors[0]), errors[0]
    assert done.complaints == []


async def test_a_login_without_the_download_scope_is_named_in_three_lines(place: Place) -> None:
    place.sandbox.play(Fault.of("status", status=403, on="download"))
    done = await bds("pull", cwd=place.home)
    assert (done.code, len(done.err.splitlines())) == (4, 3)
    assert "datasets:bds:read" in done.err
