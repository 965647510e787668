"""A note beside the token's home while an exchange is under way, so that a kill loses as little as can be.

Two things outlive the process in it: that a token was sent and its answer never stored, and the answer itself, written
the instant it arrives and a good while before the rename that makes it official has reached the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ...support import durable

#: Bytes of the note: it is written full length before the token is sent, so that the answer takes no new space, and
#: one page of memory, so that not even a kill can leave half of it.
RESERVED = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """What the note says: the token whose digest is `spent` was sent at `since`; `successor` is None if unknown.

    `stored` is the digest of what the home held then, None if nothing: another one for a token that was provided.
    """

    spent: str
    since: datetime
    stored: str | None
    is_provided: bool = False
    successor: str | None = field(default=None, repr=False)


class Journal:
    """The note of one home; used only under the home's lock."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.path = home.with_name(f"{home.name}.exchange")
        self._descriptor: int | None = None
        self._open: Entry | None = None
        self._former: Entry | None = None

    @property
    def is_open(self) -> bool:
        """Whether an exchange is under way of which no outcome is known."""
        return self._open is not None

    def entry(self) -> Entry | None:
        """What an earlier exchange left behind; None if there is nothing, or nothing legible."""
        try:
            note = json.loads(self.path.read_bytes())
            # Notes of before tokens could be tried from outside were about the stored one.
            stored, is_provided = note.get("stored", note["spent"]), note.get("provided", False)
            since = datetime.fromisoformat(note["since"])
            known = note["spent"], stored, note["refresh_token"]
            if not all(each is None or isinstance(each, str) for each in known):
                return None
            return Entry(note["spent"], since, stored, is_provided, note["refresh_token"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def begin(self, entry: Entry) -> None:
        """Note that a token is about to be sent; raises OSError where there is no room for the answer."""
        self._former, self._open = self.entry(), entry
        self._put(entry)
        self._descriptor = os.open(self.path, os.O_RDWR | getattr(os, "O_BINARY", 0))

    def received(self, successor: str) -> bool:
        """Note the answer, with one system call; False if that was not possible."""
        if self._descriptor is None or self._open is None:
            return False
        note = _padded(replace(self._open, successor=successor))
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            return os.write(self._descriptor, note) == len(note)
        except OSError:
            return False

    def make_durable(self) -> bool:
        """Bring the note to the disk; False if that was not possible."""
        try:
            durable.fsync_file(self.path)
        except OSError:
            return False
        return True

    def take_back(self) -> None:
        """The token was not spent after all: what the note said before is true again."""
        if self._former is None:
            self.clear()
            return
        self.close()
        with contextlib.suppress(OSError):
            self._put(self._former)

    def clear(self) -> None:
        """Take the note away: what it says is settled."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def close(self) -> None:
        """Leave the note as it is, for whoever comes next."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = self._open = None

    def _put(self, entry: Entry) -> None:
        durable.write_atomically(self.path, _padded(entry))
        durable.keep_owner(self.path, self._home)


def digest(token: str) -> str:
    """What is remembered of a token in place of itself: its SHA-256."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def now() -> datetime:
    """The moment to note, in UTC."""
    return datetime.now(UTC).replace(microsecond=0)


def _padded(entry: Entry) -> bytes:
    note = {
        "spent": entry.spent,
        "since": entry.since.isoformat(),
        "stored": entry.stored,
        "provided": entry.is_provided,
        "refresh_token": entry.successor,
    }
    return json.dumps(note).encode().ljust(RESERVED - 1) + b"\n"
