"""Mistakes on the command line: one line that names the cause and the next step, and one with the usage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import bds

#: Words of a command line, and what has to be in the first line of the answer.
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
    ("pull --worker 3", "No such option '--worker'"),
    ("pull --data-set Users Tools", "Repeat --data-set for each name, and put a pattern in quotes"),
    ("pull --data-set=User.txt Users.csv", "Repeat --data-set for each name, and put a pattern in quotes"),
    ("pull Users", "Got unexpected extra argument (Users)."),
    ("pull --to file", "file is a file: name a folder."),
    ("pull --to file/sub", "file is a file: name a folder."),
    ("verify --state file", "file is a file: name a folder."),
    ("pull --to=", "is empty: name a folder."),
    ("pull --workers many", "'many' is not a valid integer range."),
    ("pull --workers 0", "0 is not in the range 1<=x<=64."),
    ("pull --type fulls", "'fulls' is not one of 'full', 'differential', 'all'."),
    ("pull --as xlsx", "'xlsx' is not one of 'zip', 'csv', 'parquet'."),
    ("pull --since yesterday", "'yesterday' is not an ISO 8601 moment such as 2026-11-22"),
    ("pull --limit-rate fast", "'fast' is not a rate: write a whole number with K, M or G, such as 50M."),
    ("pull --max-time 0", "0.0 is not in the range x>0."),
    ("pull --stall-timeout nan", "'nan' is not a number of seconds."),
    ("pull --data-set", "Option '--data-set' requires an argument."),
    ("pull --report -", "name a file; /dev/stdout stands for standard output."),
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
    assert [line.partition(" bds-async")[0] for line in usage] in ([], ["Usage:"])
