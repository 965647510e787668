"""Text for people: numbers with their nouns, and server text that is safe to print."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """A number and its noun, plural unless the number is 1: `1 extract`, `2 extracts`, `0 retries`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("y") else f"{count} {noun}s"


def size_text(size: float) -> str:
    """Return bytes for people: `12.3 MB`, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def shell_words(words: Sequence[str]) -> str:
    """Return the words of a command, quoted for the user's shell."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def printable(text: str) -> str:
    """Return text from a server with unprintable characters replaced, since they could control a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
