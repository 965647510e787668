"""A real terminal for commands: a pty of a given width, and a screen that shows its output."""

from __future__ import annotations

import asyncio
import os
import re
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.commands import ENVIRON, PATIENCE
from tests.support.given_streams import OnStreams, fork_onto

_SEQUENCE = re.compile(r"\x1b\[\??([0-9;]*)([A-Za-z])")

_UNFINISHED = re.compile(r"\x1b[^A-Za-z]*$")


class Screen:
    """The content of a terminal of `width` columns, including what has scrolled off. It supports what rich uses."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.cells: list[str] = [""]
        self._row = 0
        self._column = 0

    @property
    def lines(self) -> list[str]:
        """The lines that are not empty."""
        return [line.rstrip() for line in self.cells if line.strip()]

    def feed(self, text: str) -> None:
        """Write text and control sequences."""
        at = 0
        for found in _SEQUENCE.finditer(text):
            self._write(text[at : found.start()])
            self._control(found[1], found[2])
            at = found.end()
        self._write(text[at:])

    def _control(self, number: str, kind: str) -> None:
        if kind == "A":
            self._row = max(0, self._row - int(number or 1))
        elif kind == "K":
            self.cells[self._row] = ""

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\r":
                self._column = 0
            elif character == "\n":
                self._next_row()
            else:
                self._put(character)

    def _put(self, character: str) -> None:
        if self._column >= self.width:
            self._next_row()
            self._column = 0
        line = self.cells[self._row].ljust(self._column)
        self.cells[self._row] = line[: self._column] + character + line[self._column + 1 :]
        self._column += 1

    def _next_row(self) -> None:
        self._row += 1
        if self._row == len(self.cells):
            self.cells.append("")


class OnTerminal:
    """A command on a terminal. `shown` has the frames: the lines after each piece of output."""

    def __init__(self, process: asyncio.subprocess.Process | OnStreams, ours: int, screen: Screen) -> None:
        self.process = process
        self.screen = screen
        self.shown: list[list[str]] = []
        self._ours = ours
        self._text = ""

    async def until(self, condition: Callable[[list[str]], bool]) -> None:
        """Wait until a condition on the screen's lines holds; TimeoutError if it never does."""
        async with self._patience():
            while not condition(self.screen.lines):
                await self._read()

    async def ends(self) -> int:
        """Wait for the end of the command; return its exit code."""
        async with self._patience():
            while await self._read():
                pass
            return await self.process.wait()

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        """Kill a command that never does what a test waits for."""
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        except BaseException:
            self.process.kill()
            raise

    def press(self, keys: bytes) -> None:
        """Type something."""
        os.write(self._ours, keys)

    async def _read(self) -> bool:
        try:
            text = await asyncio.to_thread(os.read, self._ours, 65536)
        except OSError:  # Linux has EIO where the other end is closed
            return False
        # A piece of output may end inside a control sequence.
        so_far = self._text + text.decode(errors="replace")
        cut = _UNFINISHED.search(so_far)
        end = cut.start() if cut else len(so_far)
        self.screen.feed(so_far[:end])
        self._text = so_far[end:]
        self.shown.append(self.screen.lines)
        return bool(text)


async def on_terminal(*arguments: object, width: int, cwd: Path, term: str = "xterm") -> OnTerminal:
    """Start `bds-async` on a terminal of this width; no key sends a signal."""
    ours, theirs = terminal_of(width)
    process = await fork_onto([*map(str, arguments)], cwd, environ_of(term), [theirs] * 3)
    os.close(theirs)
    return OnTerminal(process, ours, Screen(width))


async def on_controlling_terminal(*arguments: object, width: int, cwd: Path) -> OnTerminal:
    """The same in a new session and a new Python: Ctrl-C sends a signal to it."""
    ours, theirs = terminal_of(width)
    script = "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    script += "from bds_async.__main__ import main\nmain()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, *map(str, arguments)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env=environ_of("xterm"),
        start_new_session=True,
    )
    os.close(theirs)
    return OnTerminal(process, ours, Screen(width))


def terminal_of(width: int) -> tuple[int, int]:
    """Our end and the command's end of a terminal of this width."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    return ours, theirs


def environ_of(term: str) -> dict[str, str]:
    """The environment of a command on a terminal of this kind."""
    return {key: value for key, value in ENVIRON.items() if key not in ("COLUMNS", "LINES")} | {"TERM": term}
