"""`--html FILE` of a run, and `report RUN.json --html FILE`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bds_async.cli.output.report_files import worded
from bds_async.cli.output.suggestions import InUse
from bds_async.report import FailedList, Status
from bds_async.sandbox import Sandbox, SandboxSettings
from tests.support.builders import an_outcome
from tests.support.commands import Done, bds, starting_afresh
from tests.support.machine import checked
from tests.support.page_reader import read_page
from tests.watching.a_run import a_report


def written(home: Path) -> Path:
    """The file of a run report."""
    (home / "run.json").write_text(a_report().to_json())
    return home / "run.json"


async def report(home: Path, run: object, to: object = "run.html") -> Done:
    done = await bds("report", run, "--html", to, cwd=home)
    assert done.complaints == []
    return done


async def test_a_run_writes_its_page_and_the_report_gives_the_same_one(tmp_path: Path) -> None:
    """Without `--report` only the page, with it both."""
    async with Sandbox(SandboxSettings(data_sets=3, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        alone = await bds("pull", "-q", "--html", "alone.html", cwd=tmp_path)
        assert (alone.code, alone.err) == (0, "")
        files = ("--report", "run.json", "--html", "page.html")
        assert (await bds("sync", "-q", *files, cwd=tmp_path)).code == 0
    assert "downloaded 3" in read_page((tmp_path / "alone.html").read_text("utf-8")).text
    document = checked("run-report", json.loads((tmp_path / "run.json").read_text("utf-8")))
    assert (document["workers"], document["ended_by"], document["holds"]) == (16, None, [])
    done = await report(tmp_path, "run.json")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("run.html: the page of a run with ")
    first, second = (read_page((tmp_path / name).read_text("utf-8")) for name in ("page.html", "run.html"))
    assert first.all("title")[0].text == second.all("title")[0].text
    assert [each.text for each in first.all("caption")] == [each.text for each in second.all("caption")] != []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 100_000, "is no run report: name the report of a pull, a sync or a repair."),
        (b'{"report_version": 2}', "has report_version 2, and this bds-async knows 1: install a newer one."),
    ],
    ids=["deep", "newer"],
)
async def test_a_file_that_is_no_run_report_is_exit_2_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "run.json").write_bytes(content)
    done = await report(tmp_path, "run.json")
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert f"bds-async: error: run.json {words}" in done.err
    assert not (tmp_path / "run.html").exists()


@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
@pytest.mark.parametrize(
    ("run", "to", "words"),
    [
        ("nowhere.json", "run.html", "The run report nowhere.json can't be read: No such file or directory."),
        (".", "run.html", "The run report . can't be read: Is a directory."),
        ("run.json", "nowhere/run.html", "nowhere does not exist."),
        ("run.json", "./run.json", "would overwrite the run report: name another file."),
        ("run.json", "config.json", "would overwrite the config file: name another file."),
    ],
)
async def test_a_file_that_cannot_be_read_or_written_is_exit_2(tmp_path: Path, run: str, to: str, words: str) -> None:
    before = written(tmp_path).read_bytes()
    done = await report(tmp_path, run, to)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert words in done.err
    assert (tmp_path / "run.json").read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
async def test_a_full_disk_is_exit_6_and_a_device_is_written_into(tmp_path: Path) -> None:
    full = await report(tmp_path, written(tmp_path), "/dev/full")
    assert full.code == 6
    assert "The HTML page /dev/full can't be written: No space left on device." in full.err
    shown = await report(tmp_path, "run.json", "/dev/stdout")
    assert read_page(shown.out).find("main")


async def test_without_jinja2_it_is_exit_2_before_any_request(tmp_path: Path) -> None:
    """In a separate Python, which cannot find the package."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['jinja2'] = None")
    async with Sandbox(SandboxSettings(data_sets=1, scale=0.01)) as sandbox:
        sandbox.write_config(tmp_path / "config.json")
        async with starting_afresh("pull", "--html", "x", cwd=tmp_path, PYTHONPATH=str(tmp_path)) as running:
            done = await running.ends()
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert "--html needs the package jinja2: run pip install 'bds-async[report]'." in done.err
        assert sandbox.counters.exchanges == 0


def test_the_errors_of_a_report_are_in_the_words_of_the_command_line() -> None:
    """The library names parameters, the command line options."""
    report = a_report(
        an_outcome(Status.FAILED, error="Lower `workers`."),
        an_outcome(),
        failed=(FailedList("Users", None, "Lower `workers`."),),
        lacks="`to` is gone",
        ended_by="`state=DIR` is gone",
    )
    said = worded(report, InUse().complete)
    assert [each.error for each in said.outcomes] == ["Lower --workers.", None]
    assert [each.error for each in said.failed_lists] == ["Lower --workers."]
    assert (said.lacks, said.ended_by) == ("--to is gone", "--state DIR is gone")
