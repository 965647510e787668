"""A loader that removes every file as soon as it has its name, or only on request, and records what it got."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Taken:
    """One file: its path below the folder, with `/`, the SHA-256 of its content, and when it got its name.

    `content` is kept if the SHA-256 does not identify the extract.
    """

    path: str
    sha256: str
    nanoseconds: int
    content: bytes = field(default=b"", repr=False)


class Loader:
    """Empties a folder all the time or, if it is `patient`, only on request."""

    def __init__(self, folder: Path, *, patient: bool = False) -> None:
        self.taken: list[Taken] = []
        self._folder = folder
        self._patient = patient
        self._left: set[Path] = set()

    def take(self) -> None:
        """Take the files that are there now; later ones are for the next call."""
        self._look()
        for path in self._left:
            path.unlink()
        self._left.clear()

    def _look(self) -> None:
        for path in self._files():
            if path not in self._left:
                content, named = path.read_bytes(), path.stat().st_ctime_ns
                place = path.relative_to(self._folder).as_posix()
                self.taken.append(Taken(place, hashlib.sha256(content).hexdigest(), named))
                self._left.add(path)

    def _files(self) -> list[Path]:
        found: list[Path] = []
        with contextlib.suppress(FileNotFoundError):
            for data_set in os.scandir(self._folder):
                if data_set.is_dir() and not data_set.name.startswith("."):
                    for flavour in Path(data_set.path).iterdir():
                        found += flavour.iterdir()
        return found

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Take files inside the context, and the rest at its end; a patient loader only records the rest."""
        if self._patient:
            yield
            self._look()
            return
        working = asyncio.create_task(self._work())
        try:
            yield
        finally:
            working.cancel()
            await asyncio.wait([working])
            self.take()

    async def _work(self) -> None:
        while True:
            self.take()
            await asyncio.sleep(0.01)
