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
from itertools import chain, count
from pathlib import Path

from ..errors import DestinationError, ExtractError
from ..support import durable
from ..support.patience import Patience
from ..workspace import OWN_FILES, STATE, ensure_room, inside, writing_to
from .destination import ROOMS, Brought, Recorded, Size
from .reading import BLOCK, Stoppable, is_same

#: Prefix of a file while it is copied from a state folder on another file system, and of the room of a run.
_COPY = f"{ROOMS}-"
_COPIES = re.compile(rf"{re.escape(_COPY)}[0-9a-f]{{16}}")


class LocalFolder:
    """The folder `root`; see Destination. A copy from another file system ends once `patience` is cut."""

    lanes = 1

    def __init__(self, root: Path, patience: Patience | None = None) -> None:
        self.root = root
        self._patience = patience or Patience()
        self._room: str | None = None

    def prepare(self, *, is_used: bool = False) -> None:
        """Create the folder; if something was delivered to it before, it must be there."""
        if is_used:
            self.demand()
        with writing_to(self.root):
            durable.make_folders(self.root)

    def clean(self) -> None:
        """Remove the copies and rooms that killed runs left: their workers no longer bring files."""
        with writing_to(self.root):
            for name in os.listdir(self.root):  # noqa: PTH208 - a name that is not text stays one
                if _COPIES.fullmatch(name) and name != self._room:
                    _remove(self.root / name)

    def size(self, path: str) -> int | None:
        """Length in bytes of a published file; None if it is not there, or is not a regular file."""
        known = self._known(path)
        return known.st_size if known is not None else None

    def sizes(self) -> Size:
        """A function that checks each file when called."""
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

    def check_place(self, path: str) -> bool:
        """Whether a file, or a link, is at the path."""
        file = inside(self.root, path)
        with writing_to(self.root):
            try:
                is_folder = stat.S_ISDIR(file.lstat().st_mode) or file.is_dir()
            except (FileNotFoundError, NotADirectoryError):
                self._check_folders(file)
                return False
        if is_folder:
            raise ExtractError(f"A folder is in the place of {path}; move it away, then run again.")
        return True

    def _check_folders(self, file: Path) -> None:
        """Raise ExtractError if a file, or a link that leads nowhere, is in the place of one of its folders."""
        missing = [each for each in file.parents if self.root in each.parents] if not file.parent.is_dir() else []
        blocking = next((each for each in missing if os.path.lexists(each) and not each.is_dir()), None)
        if blocking is not None:
            name = blocking.relative_to(self.root).as_posix()
            raise ExtractError(f"A file is in the place of the folder {name}; move it away, then run again.")

    def set_aside(self, path: str, wanted: Recorded) -> str | None:
        """Append `.kept` to the name of another file, and a number if there are several."""
        file = inside(self.root, path)
        names = (f"{file.name}.kept{number}" for number in chain([""], count(2)))
        with writing_to(self.root), contextlib.suppress(FileNotFoundError):  # a loader may take the file meanwhile
            if is_same(file, wanted, self._patience):
                return None
            kept = next(place for place in map(file.with_name, names) if not os.path.lexists(place))
            durable.rename(file, kept)
            return kept.relative_to(self.root).as_posix()
        return None

    def place(self, staged: Path, path: str, sha256: str | None = None) -> None:  # noqa: ARG002
        """Rename the staged file; copy it first if the state folder is on another file system."""
        final = inside(self.root, path)
        with writing_to(self.root):
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                durable.rename(staged, final)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy(staged, self._copy_of(staged), final.name)
                durable.replace(self._copy_of(staged), final)

    def sync(self, paths: Sequence[str]) -> None:
        """Flush the names of placed files to the disk, and those of their folders, which may be new."""
        one_of_each = {path.rpartition("/")[0]: path for path in paths}.values()
        folders = {folder for path in one_of_each for folder in inside(self.root, path).parents}
        # A loader may have taken a folder together with its files.
        there = [folder for folder in folders if folder.is_relative_to(self.root) and folder.is_dir()]
        with writing_to(self.root):
            durable.fsync_many(folders=there)

    def _copy(self, staged: Path, copy: Path, name: str) -> None:
        """Move a staged file into the folder. It is removed before its copy is renamed, so no kill places it twice."""
        ensure_room(self.root, staged.stat().st_size, name)
        copy.unlink(missing_ok=True)
        try:
            with staged.open("rb") as source, copy.open("xb") as target:
                shutil.copyfileobj(Stoppable(source, self._patience), target, BLOCK)
            durable.fsync_file(copy)
            durable.fsync_folder(copy.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                copy.unlink()
            raise
        staged.unlink()
        durable.fsync_folder(staged.parent)

    def finish_placing(self, staged: Path, path: str) -> None:
        """Rename the copy of a staged file that a kill left without its final name."""
        with writing_to(self.root):
            if self._copy_of(staged).exists():
                self._name(self._copy_of(staged), path)

    def open_room(self, room: str) -> None:
        """Create the folder that workers bring files to."""
        self._room = f"{_COPY}{room}"
        with writing_to(self.root):
            durable.make_folders(self.root / self._room)

    def has_room(self, room: str) -> bool:
        """Whether that folder is there."""
        with writing_to(self.root):
            return (self.root / f"{_COPY}{room}").is_dir()

    def close_room(self, room: str) -> None:
        """Remove that folder if it is empty; a file left in it may belong to an intent."""
        with contextlib.suppress(OSError):
            (self.root / f"{_COPY}{room}").rmdir()

    def bring(self, staged: Path, path: str, sha256: str, room: str) -> Brought:  # noqa: ARG002
        """Move the file into the room, by a copy across file systems; raises DestinationError if there is no room."""
        brought = Brought(f"{_COPY}{room}/{staged.name}")
        copy = inside(self.root, brought.name)
        with writing_to(self.root):
            durable.fsync_file(staged)
            try:
                durable.rename(staged, copy)
                durable.fsync_folder(copy.parent)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy(staged, copy, Path(path).name)
        return brought

    def check_brought(self, brought: Brought, length: int) -> None:
        """Raise ExtractError if the file is not in the room, or has another length."""
        if self.size(brought.name) != length:
            text = f"The file that a worker brought is not in {self.root}, or not whole"
            raise ExtractError(f"{text}: check that each worker has that folder mounted.")

    def name_brought(self, brought: Brought, path: str, wanted: Recorded) -> None:  # noqa: ARG002
        """Rename the file."""
        self._name(inside(self.root, brought.name), path)

    def finish_naming(self, name: str, path: str, wanted: Recorded) -> bool:  # noqa: ARG002
        """Rename the file if it is in the room; otherwise it was renamed before, even if a loader took it since."""
        if self.size(name) is not None:
            self._name(inside(self.root, name), path)
        return True

    def _name(self, copy: Path, path: str) -> None:
        final = inside(self.root, path)
        with writing_to(self.root):
            final.parent.mkdir(parents=True, exist_ok=True)
            durable.replace(copy, final)

    def drop_unfinished(self) -> None:
        """Do nothing: an incomplete copy is replaced by the next one, or removed by `clean`."""

    def recorded(self, path: str) -> None:
        """Return None: a folder records no SHA-256."""

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
        """Every file below a folder except the program's own and the mirror; none if the folder is not there."""
        for parent, folders, files in os.walk(inside(self.root, below) if below else self.root):
            folders[:] = sorted(each for each in folders if each != STATE and not _COPIES.fullmatch(each))
            for name in files:
                path = Path(parent, name).relative_to(self.root).as_posix()
                if path not in OWN_FILES:
                    yield path

    def demand(self) -> None:
        """Raise DestinationError if there is no folder: an unmounted disk must not look like an empty folder."""
        with writing_to(self.root):
            is_there = self.root.is_dir()
        if not is_there:
            raise DestinationError(f"There is no folder {self.root}: mount it, or name the right one with `to`.")


def _remove(left: Path) -> None:
    """Remove a copy, or a room with its content; a worker may bring a last file meanwhile."""
    if left.is_dir():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)
