"""A temporary folder for archives, bounded: what was not asked for the longest is dropped, and made again on demand."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

#: What a file counts for at least, as file systems do.
SMALLEST = 4096
#: How many sizes are remembered of files that may be gone.
KNOWN_SIZES = 100_000
#: Writes a file; calls the second argument now and then, which raises SpoolClosed once nobody wants it any more.
Maker = Callable[[Path, Callable[[], None]], None]


class SpoolClosed(RuntimeError):
    """The sandbox is being stopped; no archive is made any more."""


@dataclass
class _Entry:
    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    size: int | None = None


class Spool:
    """Files made on first request, of at most `bound` bytes in all, for any number of threads.

    The file that was asked for last is kept even where it alone is above the bound.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._folder: Path | None = None
        self._guard = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._sizes: OrderedDict[Hashable, int] = OrderedDict()
        self._numbered = self._total = 0
        self._closed = False

    @property
    def folder(self) -> Path:
        """Where the files lie; made when it is first asked for."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="bds-sandbox-"))
        return self._folder

    def known_size(self, key: Hashable) -> int | None:
        """Give the size of a file that has been made before, whether or not it is still there."""
        return self._sizes.get(key)

    def open(self, key: Hashable, make: Maker) -> BufferedReader:
        """Open the file for a key, made by `make` where it is not there; blocks meanwhile (SpoolClosed).

        An open file stays readable when it is dropped.
        """
        while (file := self._open(key, self._entry(key), make)) is None:
            pass
        self._drop_oldest(key)
        return file

    def open_ready(self, key: Hashable) -> BufferedReader | None:
        """Open the file for a key where it is there and nobody is busy with it; never blocks."""
        with self._guard:
            entry = self._entries.get(key)
            ready = entry is not None and entry.size is not None and not self._closed
            if entry is None or not ready or not entry.lock.acquire(blocking=False):
                return None
            self._entries.move_to_end(key)
        try:
            return entry.path.open("rb")
        finally:
            entry.lock.release()

    def sha256(self, key: Hashable, make: Maker) -> str:
        """Give the SHA-256 of the file for a key in hex, making it where needed."""
        with self.open(key, make) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def stop_making(self) -> None:
        """Let files that are being made give up soon."""
        self._closed = True

    def close(self) -> None:
        """Remove the folder and everything in it."""
        self._closed = True
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _entry(self, key: Hashable) -> _Entry:
        with self._guard:
            if key not in self._entries:
                self._numbered += 1
                self._entries[key] = _Entry(self.folder / f"{self._numbered}.zip")
            self._entries.move_to_end(key)
            return self._entries[key]

    def _open(self, key: Hashable, entry: _Entry, make: Maker) -> BufferedReader | None:
        """Open the file of an entry, or give None where the entry was dropped meanwhile."""
        self._check_open()
        with entry.lock:
            if self._entries.get(key) is not entry:
                return None
            if entry.size is None:
                self._make(entry, make)
                self._weigh(key, entry)
            return entry.path.open("rb")

    def _check_open(self) -> None:
        if self._closed:
            raise SpoolClosed("the sandbox has been stopped")

    def _make(self, entry: _Entry, make: Maker) -> None:
        unfinished = entry.path.with_suffix(".part")
        try:
            make(unfinished, self._check_open)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        unfinished.replace(entry.path)

    def _weigh(self, key: Hashable, entry: _Entry) -> None:
        with self._guard:
            entry.size = self._sizes[key] = entry.path.stat().st_size
            self._total += max(entry.size, SMALLEST)
            if len(self._sizes) > KNOWN_SIZES:
                self._sizes.popitem(last=False)

    def _drop_oldest(self, keep: Hashable) -> None:
        with self._guard:
            oldest = iter(list(self._entries) if self._total > self._bound else ())
            while self._total > self._bound and (key := next(oldest, None)) is not None:
                if key != keep:
                    self._drop(key, self._entries[key])

    def _drop(self, key: Hashable, entry: _Entry) -> None:
        """Forget a file, unless somebody is just opening or making it."""
        if entry.size is None or not entry.lock.acquire(blocking=False):
            return
        del self._entries[key]
        self._total -= max(entry.size, SMALLEST)
        # A file that is being read cannot be deleted on Windows: it then goes with the folder.
        with suppress(OSError):
            entry.path.unlink(missing_ok=True)
        entry.lock.release()
