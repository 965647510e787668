"""A local folder as a destination: placing a file renames it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import DestinationError, ExtractError
from ..support import durable
from ..workspace import STATE, ensure_room, inside, writing_to

#: What a file is called while it is copied from a state folder on another file system.
_COPY = f"{STATE}-tmp-"
_COPIES = re.compile(rf"{re.escape(_COPY)}[0-9a-f]{{16}}")


class LocalFolder:
    """The folder `root`; see Destination."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folder; remove copies that a killed run left."""
        with writing_to(self.root):
            durable.make_folders(self.root)
            for name in os.listdir(self.root):  # noqa: PTH208 - a name that is not text stays one
                if _COPIES.fullmatch(name):
                    (self.root / name).unlink(missing_ok=True)

    def size(self, path: str) -> int | None:
        """Length in bytes of a published file; None if it is not there, or is no plain file."""
        known = self._known(path)
        return known.st_size if known is not None else None

    def modified(self, path: str) -> float | None:
        """When a published file was written, in seconds since 1970; None as for `size`."""
        known = self._known(path)
        return known.st_mtime if known is not None else None

    def _known(self, path: str) -> os.stat_result | None:
        with writing_to(self.root), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            known = inside(self.root, path).stat()
            return known if stat.S_ISREG(known.st_mode) else None
        return None

    def check_place(self, path: str) -> None:
        """Raise ExtractError if a folder is in the place of the file."""
        if inside(self.root, path).is_dir():
            raise ExtractError(f"A folder is in the place of {path}; move it away, then run again.")

    def place(self, staged: Path, path: str) -> None:
        """Rename the staged file; copy it first where the state folder is on another file system."""
        final = inside(self.root, path)
        with writing_to(self.root):
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                durable.rename(staged, final)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy(staged, final)

    def sync(self, paths: Sequence[str]) -> None:
        """Bring the names of placed files to the disk, and those of their folders, which may be new."""
        folders = {folder for path in paths for folder in inside(self.root, path).parents}
        # A loader may have taken a folder together with its files.
        there = [folder for folder in folders if folder.is_relative_to(self.root) and folder.is_dir()]
        with writing_to(self.root):
            durable.fsync_many(folders=there)

    def _copy(self, staged: Path, final: Path) -> None:
        ensure_room(self.root, staged.stat().st_size, final.name)
        copy = self.root / f"{_COPY}{secrets.token_hex(8)}"
        try:
            with staged.open("rb") as source, copy.open("xb") as target:
                shutil.copyfileobj(source, target, 4 * 1024 * 1024)
            durable.fsync_file(copy)
            durable.rename(copy, final)
        except BaseException:
            with contextlib.suppress(OSError):
                copy.unlink()
            raise

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """The file itself."""
        file = inside(self.root, path)
        with writing_to(file.parent):
            file.stat()
        yield file

    def paths(self, below: str = "") -> Iterator[str]:
        """Every file below a folder but those in `.bds-async`; nothing where the folder is not there."""
        for parent, folders, files in os.walk(inside(self.root, below) if below else self.root):
            folders[:] = sorted(folder for folder in folders if folder != STATE)
            for name in files:
                yield Path(parent, name).relative_to(self.root).as_posix()

    def demand(self) -> None:
        """Raise DestinationError where there is no folder: an unmounted disk must not look like an empty folder."""
        if not self.root.is_dir():
            raise DestinationError(f"There is no folder {self.root}: mount it, or name the right one with --to.")
