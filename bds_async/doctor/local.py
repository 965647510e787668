"""Checks that ask nobody: the config, its permissions, the home of the token, the destination."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..brightspace.auth.grants import Grant, grant_for
from ..brightspace.token_store.store import store_for
from ..config.file import parse_object
from ..config.settings import Config
from ..config.sources import SECRET_KEYS, is_absent
from ..workspace import Workspace, free_space, writing_to
from .steps import Case, CheckStatus, Finding


@dataclass(frozen=True, slots=True)
class Credentials:
    """The config can sign in, and its token (if one rotates) has a home that can be written: `home`."""

    grant: Grant
    home: Path | None


@dataclass(frozen=True, slots=True)
class Destination:
    """A folder that can be written, or made; `free` in bytes."""

    folder: Path
    free: int


async def check_config(case: Case) -> Finding:
    """Config found and well-formed; the refresh token is another check's."""
    config = Config.load_for_login(case.config_file, case.environ)
    where = config.config_file or "The environment"
    return Finding(f"{where} is complete, for {config.bspace_url}.", facts=(config,))


async def check_permissions(case: Case) -> Finding:
    """Files that hold secrets, and can be read by others (POSIX only)."""
    config = case[Config]
    files = [path for path in (_secretive(config), config.token_file, config.private_key_file) if path is not None]
    if sys.platform == "win32":
        return Finding("Windows keeps no modes; see that only the job's user can read the files.")
    readable = [path for path in files if path.exists() and path.stat().st_mode & 0o077]
    if readable:
        names = " ".join(shlex.quote(str(path)) for path in readable)
        found = f"Others have access to {', '.join(map(str, readable))}."
        return Finding(found, CheckStatus.WARNING, f"Run: chmod 600 {names}")
    return Finding("Nobody else can read the secrets." if files else "There is no file with a secret in it.")


def _secretive(config: Config) -> Path | None:
    """The config file, if a secret stands in it."""
    if config.config_file is None:
        return None
    keys = parse_object(config.config_file.read_bytes())
    return config.config_file if any(not is_absent(keys.get(key)) for key in SECRET_KEYS) else None


async def check_credentials(case: Case) -> Finding:
    """The home of the refresh token can be rewritten and holds one; nothing is spent. Service users need no home."""
    config = case[Config]
    if config.is_service_user:
        credentials = Credentials(grant_for(config), None)
        return Finding(f"A service user signs in with key {config.key_id}; nothing rotates.", facts=(credentials,))
    store = store_for(config)
    async with store.custody() as custody:
        custody.prove_writable()
        custody.read()
        lost_at, offered = custody.in_doubt_since, custody.offered
    facts = (Credentials(grant_for(config), store.home.path),)
    if lost_at is not None:
        which = "the stored token" if offered is None else f"the token from {offered.source}"
        found = f"A request with {which} was sent at {lost_at:%Y-%m-%d %H:%M:%S} UTC, its answer never stored."
        return Finding(found, CheckStatus.WARNING, "If the token is refused, run `bds-async login`.", facts)
    if offered is not None:
        found = f"{store.home.path} can be rewritten; the refresh token from {offered.source} is new and comes first."
        return Finding(found, facts=facts)
    return Finding(f"{store.home.path} holds a refresh token and can be rewritten.", facts=facts)


async def check_destination(case: Case) -> Finding:
    """The destination, or the folder that it would be made in, takes a file; nothing is left or locked there."""
    to = Path(case.workspace.to)
    exists = await asyncio.to_thread(to.exists)
    await asyncio.to_thread(_prove_writable, to, case.workspace)
    free = free_space(to)
    found = "can be written" if exists else "is not there yet and can be made"
    return Finding(f"{to} {found}; {free:,} bytes are free.", facts=(Destination(to, free),))


def _prove_writable(to: Path, workspace: Workspace) -> None:
    workspace.check_owner()
    for place in (to, workspace.state):
        with writing_to(place):
            _write_somewhat(_nearest(place))
    if workspace.partials.exists():
        with writing_to(to):
            _write_somewhat(workspace.partials)


def _nearest(place: Path) -> Path:
    """The folder that exists, of a place and its parents; raises NotADirectoryError for anything else."""
    nearest = next(each for each in (place.absolute(), *place.absolute().parents) if each.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return nearest


def _write_somewhat(folder: Path) -> None:
    """Access bits don't tell: a file system can be full, read-only, or keep bits of its own."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(bytes(4096))
