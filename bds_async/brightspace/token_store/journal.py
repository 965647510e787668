"""The journal of an exchange: a file beside the token's file, so that a kill loses as little as possible.

It records that a token was sent and its answer is not stored yet; then, before the token's file is replaced, the answer
itself as soon as it arrives.
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
from ...support.own_files import check_own, read_own, write_own
from ...support.reading import LONGEST

#: Bytes of the journal. It is written at full length before the token is sent, so that the answer needs no new space.
#: It is one page of memory, so that a kill cannot leave it half-written.
RESERVED = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange: the token with the digest `spent` was sent at `since`; `successor` is None if unknown.

    `stored` is the digest of the token in the file at that time, None if there was none. It differs from `spent` if
    the sent token was a provided one.
    """

    spent: str
    since: datetime
    stored: str | None
    is_provided: bool = False
    successor: str | None = field(default=None, repr=False)


class Journal:
    """The journal beside one token's file. Its user holds the lock of that file."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.path = home.with_name(f"{home.name}.exchange")
        self._descriptor: int | None = None
        self._open: Entry | None = None
        self._former: Entry | None = None

    @property
    def is_open(self) -> bool:
        """Whether an exchange is under way whose outcome is not known."""
        return self._open is not None

    def entry(self) -> Entry | None:
        """The entry of an earlier exchange; None if there is none, or if it can't be parsed."""
        try:
            note = json.loads(read_own(self.path, LONGEST))
            # Journals of versions without provided tokens lack both keys; they are about the stored token.
            stored, is_provided = note.get("stored", note["spent"]), note.get("provided", False)
            since = datetime.fromisoformat(note["since"])
            known = note["spent"], stored, note["refresh_token"]
            if not all(each is None or isinstance(each, str) for each in known):
                return None
            return Entry(note["spent"], since, stored, is_provided, note["refresh_token"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def prove_writable(self) -> None:
        """Raise OSError if the journal's path holds something that is not a file of bds-async."""
        check_own(self.path)

    def begin(self, entry: Entry) -> None:
        """Record that a token is about to be sent; raises OSError if there is no space for the answer."""
        self._former, self._open = self.entry(), entry
        self._put(entry)
        self._descriptor = os.open(self.path, os.O_RDWR | getattr(os, "O_BINARY", 0))

    def received(self, successor: str) -> bool:
        """Record the answer with one system call; False if that failed."""
        if self._descriptor is None or self._open is None:
            return False
        note = _padded(replace(self._open, successor=successor))
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            return os.write(self._descriptor, note) == len(note)
        except OSError:
            return False

    def make_durable(self) -> bool:
        """Flush the journal to the disk; False if that failed."""
        try:
            durable.fsync_file(self.path)
        except OSError:
            return False
        return True

    def take_back(self) -> None:
        """Restore the entry from before `begin`: the token was not spent."""
        if self._former is None:
            self.clear()
            return
        self.close()
        with contextlib.suppress(OSError):
            self._put(self._former)

    def clear(self) -> None:
        """Remove the journal: the exchange is complete."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def close(self) -> None:
        """Close the journal and leave its content for the next exchange."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = self._open = None

    def _put(self, entry: Entry) -> None:
        write_own(self.path, _padded(entry), like=self._home)


def digest(token: str) -> str:
    """The SHA-256 of a token, which is recorded in place of the token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def now() -> datetime:
    """The current time to record, in UTC, without a fraction of a second."""
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
