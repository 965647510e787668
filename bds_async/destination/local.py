"""A local folder as a destination: placing a file renames it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ..errors import DestinationError, ExtractError, Stopped
from ..support import durable
from ..support.patience import Patience
from ..workspace import OWN_FILES, STATE, ensure_room, inside, writing_to
from .destination import Size

#: What a file is called while it is copied from a state folder on another file system.
_COPY = f"{STATE}-tmp-"
_COPIES = re.compile(rf"{re.escape(_COPY)}[0-9a-f]{{16}}")


class LocalFolder:
    """The folder `root`; see Destination. A copy from another file system ends once `patience` is cut."""

    lanes = 1

    def __init__(self, root: Path, patience: Patience | None = None) -> None:
        self.root = root
        self._patience = patience or Patience()

    def prepare(self, *, is_used: bool = False) -> None:
        """Make the folder, unless something was delivered to it: then it must be there."""
        if is_used:
            self.demand()
        with writing_to(self.root):
            durable.make_folders(self.root)

    def clean(self) -> None:
        """Remove the copies that killed runs left."""
        with writing_to(self.root):
            for name in os.listdir(self.root):  # noqa: PTH208 - a name that is not text stays one
                if _COPIES.fullmatch(name):
                    (self.root / name).unlink(missing_ok=True)

    def size(self, path: str) -> int | None:
        """Length in bytes of a published file; None if it is not there, or is no plain file."""
        known = self._known(path)
        return known.st_size if known is not None else None

    def sizes(self) -> Size:
        """A function that looks at each file when it is asked."""
        return self.size

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

    def place(self, staged: Path, path: str, sha256: str | None = None) -> None:  # noqa: ARG002
        """Rename the staged file; copy it first where the state folder is on another file system."""
        final = inside(self.root, path)
        with writing_to(self.root):
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                durable.rename(staged, final)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy(staged, final.name)
                durable.replace(self._copy_of(staged), final)

    def sync(self, paths: Sequence[str]) -> None:
        """Bring the names of placed files to the disk, and those of their folders, which may be new."""
        one_of_each = {path.rpartition("/")[0]: path for path in paths}.values()
        folders = {folder for path in one_of_each for folder in inside(self.root, path).parents}
        # A loader may have taken a folder together with its files.
        there = [folder for folder in folders if folder.is_relative_to(self.root) and folder.is_dir()]
        with writing_to(self.root):
            durable.fsync_many(folders=there)

    def _copy(self, staged: Path, name: str) -> None:
        """Move a staged file into the folder. It is gone before the copy gets its name: no kill places it twice."""
        copy = self._copy_of(staged)
        ensure_room(self.root, staged.stat().st_size, name)
        copy.unlink(missing_ok=True)
        try:
            with staged.open("rb") as source, copy.open("xb") as target:
                shutil.copyfileobj(_Stoppable(source, self._patience), target, 4 * 1024 * 1024)
            durable.fsync_file(copy)
            durable.fsync_folder(self.root)
        except BaseException:
            with contextlib.suppress(OSError):
                copy.unlink()
            raise
        staged.unlink()
        durable.fsync_folder(staged.parent)

    def finish_placing(self, staged: Path, path: str) -> None:
        """Rename the copy of a staged file that a kill left without its name."""
        with writing_to(self.root):
            if self._copy_of(staged).exists():
                self.name_copy(staged, path)

    def bring(self, staged: Path) -> bool:
        """Move the file into the folder, under a name of its own; copy it from another file system."""
        with writing_to(self.root):
            durable.fsync_file(staged)
            try:
                durable.rename(staged, self._copy_of(staged))
                durable.fsync_folder(self.root)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy(staged, staged.name)
        return True

    def brought(self, staged: Path) -> int | None:
        """Length of the copy."""
        with writing_to(self.root), contextlib.suppress(FileNotFoundError):
            return self._copy_of(staged).stat().st_size
        return None

    def name_copy(self, staged: Path, path: str) -> None:
        """Rename the copy."""
        final = inside(self.root, path)
        with writing_to(self.root):
            final.parent.mkdir(parents=True, exist_ok=True)
            durable.replace(self._copy_of(staged), final)

    def drop_unfinished(self, paths: Sequence[str]) -> None:
        """Nothing: a copy that is not complete is replaced by the next one, or removed by `clean`."""

    def recorded(self, path: str) -> None:
        """Nothing: a folder records no SHA-256."""

    def _copy_of(self, staged: Path) -> Path:
        return self.root / f"{_COPY}{hashlib.sha256(staged.name.encode()).hexdigest()[:16]}"

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """The file itself."""
        file = inside(self.root, path)
        with writing_to(file.parent):
            file.stat()
        yield file

    def paths(self, below: str = "") -> Iterator[str]:
        """Every file below a folder but those in `.bds-async` and the mirror; nothing where the folder is not there."""
        for parent, folders, files in os.walk(inside(self.root, below) if below else self.root):
            folders[:] = sorted(folder for folder in folders if folder != STATE)
            for name in files:
                path = Path(parent, name).relative_to(self.root).as_posix()
                if path not in OWN_FILES:
                    yield path

    def demand(self) -> None:
        """Raise DestinationError where there is no folder: an unmounted disk must not look like an empty folder."""
        with writing_to(self.root):
            is_there = self.root.is_dir()
        if not is_there:
            raise DestinationError(f"There is no folder {self.root}: mount it, or name the right one with `to`.")


class _Stoppable:
    """A file that is read until the run is stopped."""

    def __init__(self, file: BinaryIO, patience: Patience) -> None:
        self._file = file
        self._patience = patience

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; raises Stopped once the run is stopped."""
        if self._patience.is_cut:
            raise Stopped("The run was stopped while a file was copied to the destination; run again to go on.", 3)
        return self._file.read(size)
