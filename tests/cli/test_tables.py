"""Tables on stdout: whole, aligned, and interruptible by a signal."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from bds_async.cli.output.table import TextTable

#: Prints a plan of 4,000 extracts: 400 kB, several times the capacity of a pipe.
LARGE_PLAN = """
from bds_async.cli.process.signals import handle_signals
from bds_async.cli.output.listings import print_plan
from bds_async.planning import RunPlan
from tests.support.builders import a_step, an_extract

handle_signals()
print_plan(RunPlan(tuple([a_step(an_extract())] * 4_000), (), None), as_json=False)
"""


def test_columns_are_aligned_by_the_width_of_their_characters(capsys: pytest.CaptureFixture[str]) -> None:
    """Wide characters count twice, numbers are aligned right, and no line has trailing blanks."""
    table = TextTable(["data set", "size", "note"], {"size"})
    table.add_row("成绩", "7", "")
    table.add_row("Users", "1,000", "x")
    table.print()
    assert capsys.readouterr().out.splitlines() == ["data set   size  note", "成绩          7", "Users     1,000  x"]


@pytest.mark.crash
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")
def test_a_large_plan_is_stopped_while_it_is_printed() -> None:
    """The signal arrives between the first row and the last, which no longer fits into the pipe."""
    with subprocess.Popen([sys.executable, "-c", LARGE_PLAN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("data set")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
