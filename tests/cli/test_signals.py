"""Signals outside of a run end the program at once, with the documented code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from bds_async.cli.signals import SIGNALS, exit_code

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")

SCRIPT = """
import os, signal, sys, time
from bds_async.cli.signals import handle_signals
handle_signals()
try:
    os.kill(os.getpid(), int(sys.argv[1]))
    time.sleep(60)
finally:
    print("never")
"""


@posix_only
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_with_the_documented_code_and_without_a_word(number: int, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(int(number))], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")
    assert exit_code(number) == code


@posix_only
def test_a_terminal_gets_its_cursor_back() -> None:
    """Progress bars hide it."""
    import pty

    controller, terminal = pty.openpty()
    arguments = [sys.executable, "-c", SCRIPT, str(int(signal.SIGINT))]
    assert subprocess.run(arguments, stderr=terminal, timeout=60, check=False).returncode == 130
    os.close(terminal)
    assert os.read(controller, 100) == b"\x1b[?25h"
    os.close(controller)


def test_the_signals_are_those_that_ask_for_the_end() -> None:
    assert {signal.SIGINT, signal.SIGTERM} <= set(SIGNALS)
