"""Checks without a network: the config, its permissions, the file of the refresh token, the destination."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ..brightspace.auth import Grant, grant_for
from ..brightspace.token_store import store_for
from ..config import KEYS, Config, TokenSource, access_of_others, is_absent, parse_object
from ..support import durable
from ..support.byte_locks import lock_refusal
from ..support.file_locks import lock_file_refusal
from ..support.own_files import check_own
from ..support.text import size_text
from ..workspace import StoreAddress, Workspace, cannot_lock, free_space, writing_to
from .steps import Case, CheckStatus, Finding
from .store import examined_store


@dataclass(frozen=True, slots=True)
class Credentials:
    """The config can sign in, and the refresh token's file `home` can be written (None for a service user)."""

    grant: Grant
    home: Path | None


@dataclass(frozen=True, slots=True)
class Destination:
    """A folder that can be written or created; `free` is in bytes, None if the file system does not know."""

    folder: Path
    free: int | None


async def check_config(case: Case) -> Finding:
    """Check that the config is found and well-formed; another check reads the refresh token."""
    config = Config.load_for_login(case.config_file, case.environ)
    where = config.config_file or ("The pipe" if config.token_source is TokenSource.PIPE else "The environment")
    return Finding(f"{where} is complete, for {config.bspace_url}.", facts=(config,))


async def check_permissions(case: Case) -> Finding:
    """Check that other users can't read the files that hold secrets (POSIX only)."""
    config = case[Config]
    files = [path for path in (_secretive(config), config.token_file, config.private_key_file) if path is not None]
    if sys.platform == "win32":
        return Finding("Windows has no file modes; make sure that only the job's user can read the files.")
    open_to_others = [path for path in files if path.exists() and path.stat().st_mode & 0o077]
    config_file = config.config_file
    if config_file is not None and config_file not in files and access_of_others(config_file, holds_secrets=False):
        open_to_others.append(config_file)
    if open_to_others:
        names = " ".join(shlex.quote(str(path)) for path in open_to_others)
        found = f"Others have access to {', '.join(map(str, open_to_others))}."
        return Finding(found, CheckStatus.WARNING, f"Run: chmod 600 {names}")
    return Finding("No other user can read the secrets." if files else "No file holds a secret.")


def _secretive(config: Config) -> Path | None:
    """The config file if it holds a secret, else None."""
    if config.config_file is None:
        return None
    keys = parse_object(config.config_file.read_bytes())
    return config.config_file if any(not is_absent(keys.get(key)) for key in KEYS.secret) else None


async def check_credentials(case: Case) -> Finding:
    """Check that the refresh token's file has a token and can be rewritten; spend nothing. Service users have none."""
    config = case[Config]
    if config.is_service_user:
        credentials = Credentials(grant_for(config), None)
        return Finding(
            f"A service user signs in with key {config.key_id}; there is no refresh token.", facts=(credentials,)
        )
    store = store_for(config)
    async with store.custody() as custody:
        custody.prove_writable()
        custody.read()
        lost_at, offered = custody.in_doubt_since, custody.offered
    facts = (Credentials(grant_for(config), store.home.path),)
    if lost_at is not None:
        which = "the stored token" if offered is None else f"the token from {offered.source}"
        found = f"A request with {which} was sent at {lost_at:%Y-%m-%d %H:%M:%S} UTC, and its answer was not stored."
        return Finding(found, CheckStatus.WARNING, "If the token is refused, run `bds-async login`.", facts)
    if offered is not None:
        found = f"{store.home.path} can be rewritten; the refresh token from {offered.source} is new and is used first."
        return Finding(found, facts=facts)
    return Finding(f"{store.home.path} holds a refresh token and can be rewritten.", facts=facts)


async def check_destination(case: Case) -> Finding:
    """Check that a run's steps work in the destination, or where it would be created; leave nothing behind."""
    if case.workspace.store is not None:
        return await _check_store(case.workspace, case.workspace.store)
    to = Path(case.workspace.to)
    exists = await asyncio.to_thread(to.exists)
    await asyncio.to_thread(_prove_writable, to, case.workspace)
    free = free_space(to)
    found = "can be written" if exists else "does not exist yet and can be created"
    room = "its free space is unknown" if free is None else f"{size_text(free)} are free"
    return Finding(f"{to} {found}; {room}.", facts=(Destination(to, free),))


async def _check_store(workspace: Workspace, address: StoreAddress) -> Finding:
    """Check that the store and its state folder can be used."""
    await asyncio.to_thread(_prove_writable, workspace.state, workspace)
    finding = await examined_store(workspace, address)
    return replace(finding, facts=(Destination(workspace.state, free_space(workspace.state)),))


def _prove_writable(to: Path, workspace: Workspace) -> None:
    workspace.refuse_link()
    workspace.check_owner()
    for place in (to, workspace.state):
        with writing_to(place):
            _write_as_a_run(_nearest(place))
    with writing_to(workspace.state):
        _prove_locks(_nearest(workspace.state), workspace)
    if workspace.partials.exists():
        with writing_to(to):
            _write_as_a_run(workspace.partials)


def _nearest(place: Path) -> Path:
    """The nearest existing folder of a path and its parents; raises NotADirectoryError if that is not a folder."""
    nearest = next(each for each in (place.absolute(), *place.absolute().parents) if each.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return nearest


def _write_as_a_run(folder: Path) -> None:
    """Create a folder and a file as a run does: access bits do not reveal a full or a read-only file system."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bds-async-doctor-") as scratch:
        place = Path(scratch) / "data-set"
        durable.make_folders(place)
        durable.write_atomically(place / "file", bytes(4096))


def _prove_locks(folder: Path, workspace: Workspace) -> None:
    """Lock a file as a run does, and a byte range as SQLite does; raises DestinationError."""
    check_own(workspace.lock)
    refusal = lock_file_refusal(folder) or lock_refusal(folder)
    if refusal is not None:
        raise cannot_lock(workspace, refusal)
