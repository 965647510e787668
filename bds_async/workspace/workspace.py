"""The state folder, which holds the ledger, the partial files and the lock of one destination.

It is `DIR/.bds-async` for a local destination DIR, or the folder that `--state` names; for an object store it is always
the latter.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, DestinationError
from ..support import durable
from ..support.own_files import read_own
from .faults import STATE, writing_to
from .store_address import StoreAddress, is_address, parse_address

#: The most bytes of a recorded destination.
_LONGEST_ADDRESS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Workspace:
    """The state folder `state` of one destination; `to` names the destination as the user wrote it.

    `address` is the destination in a form for comparison: a resolved path or the URL of an object store. `store` is
    the location in an object store, None for a folder.
    """

    state: Path
    to: str
    address: str
    store: StoreAddress | None = None

    @property
    def ledger(self) -> Path:
        """The database of the ledger."""
        return self.state / "ledger.sqlite3"

    @property
    def has_ledger(self) -> bool:
        """Whether anything exists at the ledger's path; raises DestinationError if that cannot be found out."""
        return _is_there(self.ledger)

    @property
    def partials(self) -> Path:
        """The folder for extracts until they are whole and verified."""
        return self.state / "partial"

    @property
    def lock(self) -> Path:
        """The lock file, which allows one run at a time."""
        return self.state / "lock"

    @property
    def owner(self) -> Path:
        """The file that records the destination to which a separate state folder belongs."""
        return self.state / "destination"

    def prepare(self) -> None:
        """Create the state folder (0700) and the folder for partial files; raises DestinationError, ConfigError."""
        self.refuse_link()
        with writing_to(self.state):
            durable.make_folders(self.state.parent)
            _make_private(self.state)
            durable.make_folders(self.partials)
        self.check_owner()

    def refuse_link(self) -> None:
        """Raise DestinationError if `.bds-async` is a symbolic link; a link that --state names is followed."""
        with writing_to(self.state):
            is_link = self.state.name == STATE and self.state.is_symlink()
        if is_link:
            raise DestinationError(
                f"{self.state} is a symbolic link, not a folder of bds-async: remove it, and name its target with "
                "`state=DIR` if the state is there."
            )

    def claim(self) -> None:
        """Record the destination in the state folder, while its lock is held; raises as `check_owner`."""
        self.check_owner()
        with writing_to(self.state):
            if self._recorded() != self.address:
                durable.write_atomically(self.owner, self.address.encode(errors="surrogateescape"))

    def check_owner(self) -> None:
        """Raise ConfigError if the state folder belongs to another destination.

        A `.bds-async` inside the destination always belongs to it, since a folder may be moved or renamed.
        """
        with writing_to(self.state):
            known = self._recorded() if self.is_apart else None
        if known not in (None, self.address):
            raise ConfigError(
                f"The state folder {self.state} belongs to the destination {known}, not to {self.address}: name "
                f"another folder with `state`, or, if the destination was moved, remove {self.owner}."
            )

    def _recorded(self) -> str | None:
        """The destination that the state folder records; raises OSError."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return read_own(self.owner, _LONGEST_ADDRESS).decode(errors="surrogateescape")
        return None

    @property
    def is_apart(self) -> bool:
        """Whether the state folder is not `DIR/.bds-async`."""
        if self.store is not None:
            return True
        return os.path.realpath(self.state) != os.path.realpath(Path(self.address, STATE))


def workspace_of(to: str | os.PathLike[str], state: str | os.PathLike[str] | None = None) -> Workspace:
    """The workspace of the destination `to`: the folder `state`, by default `.bds-async` in a local destination.

    Nothing is created. Raises ConfigError for a state folder inside the destination under another name, a destination
    inside the state folder, a destination whose own `.bds-async` holds a ledger while `state` names another folder, and
    an object store without `state`, or as `state`; DestinationError if that `.bds-async` cannot be read.
    """
    if state is not None and is_address(os.fspath(state)):
        raise ConfigError("`state` takes a local folder: the ledger cannot be in an object store.")
    if is_address(os.fspath(to)):
        return _workspace_of_store(os.fspath(to), state)
    own = Path(to, STATE)
    workspace = Workspace(Path(state) if state is not None else own, os.fspath(to), os.path.realpath(to))
    if workspace.is_apart:
        _check_places(Path(workspace.address), Path(os.path.realpath(workspace.state)), own, workspace)
    return workspace


def _workspace_of_store(to: str, state: str | os.PathLike[str] | None) -> Workspace:
    store = parse_address(to)
    if state is None:
        raise ConfigError(f"`to` {store} needs `state=DIR`: a local folder for the ledger, partial files and the lock.")
    return Workspace(Path(state), str(store), str(store), store)


def _check_places(destination: Path, state: Path, own: Path, workspace: Workspace) -> None:
    if destination == state or destination in state.parents:
        raise ConfigError(
            f"The state folder {workspace.state} lies inside the destination {workspace.to}: "
            f"name a folder outside of it with `state`, or leave `state` out, which means {own}."
        )
    if state in destination.parents:
        raise ConfigError(
            f"The destination {workspace.to} lies inside the state folder {workspace.state}: "
            "name another folder with `state`."
        )
    if _is_there(own / workspace.ledger.name):
        raise ConfigError(
            f"The ledger of {workspace.to} is in {own}, and `state` names {workspace.state}: "
            f"{_way_out(own, workspace.state)}"
        )


def _is_there(ledger: Path) -> bool:
    try:
        os.lstat(ledger)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        text = f"The ledger {ledger} cannot be used ({error.strerror or error})"
        raise DestinationError(f"{text}: check the permissions and links of its folder, then run again.") from error
    return True


def _way_out(own: Path, state: Path) -> str:
    if os.path.lexists(state):
        return f"both exist; keep the one with the right ledger (see `bds-async ledger show`) and move {own} away."
    return f"leave `state` out, or move the state first, while no run works on it: mv {own} {state}"


def _make_private(state: Path) -> None:
    state.mkdir(mode=0o700, exist_ok=True)
    if state.is_symlink():
        return
    if sys.platform != "win32" and state.stat().st_mode & 0o077:
        # Network and FAT file systems store no modes; the run continues without them.
        with contextlib.suppress(OSError):
            state.chmod(0o700)
