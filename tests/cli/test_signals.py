"""Signals outside a run end the program at once, with the documented code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from bds_async.cli.process.console_events import answer
from bds_async.cli.process.signals import exit_code

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")

SCRIPT = """
import os, signal, sys, time
from bds_async.cli.process.signals import handle_signals
handle_signals()
try:
    os.kill(os.getpid(), int(sys.argv[1]))
    time.sleep(60)
finally:
    print("never")
"""


@posix_only
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_it_ends_with_the_documented_code_and_without_a_word(number: int, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(int(number))], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")
    assert exit_code(number) == code


@posix_only
def test_a_terminal_gets_its_cursor_back_and_a_message() -> None:
    """The live view hides the cursor."""
    import pty

    controller, terminal = pty.openpty()
    arguments = [sys.executable, "-c", SCRIPT, str(int(signal.SIGINT))]
    assert subprocess.run(arguments, stderr=terminal, timeout=60, check=False).returncode == 130
    os.close(terminal)
    assert os.read(controller, 100) == b"\x1b[?25h\r\nStopped by SIGINT.\r\n"
    os.close(controller)


@posix_only
def test_the_signals_are_all_that_end_a_process_by_default() -> None:
    ending = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
    ending |= {signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU, signal.SIGABRT, signal.SIGTRAP}
    script = "from bds_async.cli.process.signals import SIGNALS; print(*SIGNALS)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    handled = {int(word) for word in done.stdout.split()}
    assert ending <= handled
    assert not handled & {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGCONT, signal.SIGCHLD}
    assert signal.SIGSEGV not in handled, "its handler would run in place of the failed instruction"


@pytest.mark.parametrize(("event", "stopped"), [(0, []), (1, []), (2, ["stop"]), (5, ["stop"]), (6, ["stop"])])
def test_windows_closing_events_request_a_stop_and_others_do_not(event: int, stopped: list[str]) -> None:
    said: list[str] = []
    assert answer(event, lambda: said.append("stop"), held_up=0.0) is bool(stopped)
    assert said == stopped
