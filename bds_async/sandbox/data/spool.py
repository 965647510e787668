"""A temporary folder for archives with a size limit: the least recently used are dropped, and regenerated on demand."""

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

#: Least size to count for a file: a block of the file system.
SMALLEST = 4096
#: Number of file sizes to remember, including those of dropped files.
KNOWN_SIZES = 100_000
#: Writes a file; calls its second argument regularly, which raises SpoolClosed once the sandbox stops.
Writer = Callable[[Path, Callable[[], None]], None]


class SpoolClosed(RuntimeError):
    """The sandbox is being stopped; it generates no more archives."""


@dataclass
class _Entry:
    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    size: int | None = None


class Spool:
    """Files generated at the first request, of at most `bound` bytes in total; thread-safe.

    The last file requested is kept even if it alone exceeds the bound.
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
        """The folder of the files, created at its first use."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="bds-sandbox-"))
        return self._folder

    def known_size(self, key: Hashable) -> int | None:
        """Return the size of a file that was generated before, even if it has been dropped since."""
        return self._sizes.get(key)

    def open(self, key: Hashable, write: Writer) -> BufferedReader:
        """Open the file of a key, after generating it with `write` if needed; blocks (SpoolClosed).

        An open file stays readable when it is dropped.
        """
        while (file := self._open(key, self._entry(key), write)) is None:
            pass
        self._drop_oldest(key)
        return file

    def open_ready(self, key: Hashable) -> BufferedReader | None:
        """Open the file of a key if it exists and no other thread is opening it; never blocks."""
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

    def sha256(self, key: Hashable, write: Writer) -> str:
        """Return the SHA-256 of the file of a key in hex, after generating it if needed."""
        with self.open(key, write) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def stop_generating(self) -> None:
        """Make the running generators stop soon."""
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

    def _open(self, key: Hashable, entry: _Entry, write: Writer) -> BufferedReader | None:
        """Open the file of an entry, or return None if the entry was dropped meanwhile."""
        self._check_open()
        with entry.lock:
            if self._entries.get(key) is not entry:
                return None
            if entry.size is None:
                self._generate(entry, write)
                self._weigh(key, entry)
            return entry.path.open("rb")

    def _check_open(self) -> None:
        if self._closed:
            raise SpoolClosed("the sandbox has been stopped")

    def _generate(self, entry: _Entry, write: Writer) -> None:
        unfinished = entry.path.with_suffix(".part")
        try:
            write(unfinished, self._check_open)
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
        """Drop a file, unless another thread is opening or generating it."""
        if entry.size is None or not entry.lock.acquire(blocking=False):
            return
        del self._entries[key]
        self._total -= max(entry.size, SMALLEST)
        # Windows cannot delete a file that is being read; it is deleted with the folder.
        with suppress(OSError):
            entry.path.unlink(missing_ok=True)
        entry.lock.release()
