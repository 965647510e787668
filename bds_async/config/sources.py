"""Where settings come from: config.json, the environment, and files that hold one secret each."""

from __future__ import annotations

import difflib
import logging
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .file import parse_object

logger = logging.getLogger(__name__)

#: Every key that config.json and the environment know; others are left alone.
KEYS = (
    "bspace_url",
    "client_id",
    "client_secret",
    "refresh_token",
    "auth_service",
    "api_version",
    "scope",
    "token_file",
    "private_key_file",
    "key_id",
)
#: Keys whose value can also stand in a file that `BDS_<KEY>_FILE` names.
SECRET_KEYS = ("client_secret", "refresh_token")
_PATH_KEYS = ("token_file", "private_key_file")
#: The config file that is read where neither the caller nor `BDS_CONFIG` names one.
CONFIG_FILE = Path("config.json")


def config_path(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The config file that is read: the one that the caller names, else `BDS_CONFIG`, else config.json."""
    return path or Path(environ.get("BDS_CONFIG") or CONFIG_FILE)


def files_in_use(path: Path | None, environ: Mapping[str, str]) -> dict[Path, str]:
    """The config file and every file that it or the environment names, each with a few words for it.

    Whether they are any good is not asked.
    """
    config = config_path(path, environ)
    variables = [*map(variable, _PATH_KEYS), *(f"{variable(key)}_FILE" for key in SECRET_KEYS)]
    named = [*_paths_in(config).items(), *((name, environ.get(name)) for name in variables)]
    files = {_expanded(value): f"the file that {name} names" for name, value in named if isinstance(value, str)}
    return {**files, config: "the config file"}


def _paths_in(config: Path) -> dict[str, object]:
    try:
        # A pipe gives its content once, to who needs it.
        found = parse_object(config.read_bytes()) if config.is_file() else {}
    except (OSError, ValueError):
        return {}
    return {key: _anchored(found[key], config.parent) for key in _PATH_KEYS if not is_absent(found.get(key))}


def _expanded(value: str) -> Path:
    # Path's own raises where there is no such home.
    return Path(os.path.expanduser(value.strip()))  # noqa: PTH111


def variable(key: str) -> str:
    """The environment variable of a key: `BDS_CLIENT_ID` for `client_id`."""
    return f"BDS_{key.upper()}"


def is_absent(value: object) -> bool:
    """Whether a value says nothing: null, empty, or still a placeholder of config-sample.json (`<…>`)."""
    if not isinstance(value, str):
        return value is None
    text = value.strip()
    return not text or (text.startswith("<") and text.endswith(">"))


def from_file(path: Path) -> dict[str, Any] | None:
    """The known keys of a config file that have a value, or None if there is no such file.

    Relative paths in it count from the file's folder. Warns if others can read its secrets, and of other keys that
    look like known ones. Raises ConfigError.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"The config file {path} can't be read: {error.strerror}.") from None
    found = _parsed(path, content)
    values = {key: value for key, value in found.items() if key in KEYS and not is_absent(value)}
    _point_out_misspelt(path, found.keys() - set(KEYS), [key for key in KEYS if key not in found])
    if any(key in values for key in SECRET_KEYS):
        warn_if_others_can_read(path)
    return values | {key: _anchored(values[key], path.parent) for key in _PATH_KEYS if key in values}


def from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The keys that the environment gives: value, and the variable that gave it. Raises ConfigError."""
    found = {key: (environ.get(variable(key), ""), variable(key)) for key in KEYS}
    for key in SECRET_KEYS:
        named = f"{variable(key)}_FILE"
        if environ.get(named):
            _refuse_both(key, environ)
            found[key] = (_secret_in(Path(environ[named]), named), named)
    return {key: (value.strip(), name) for key, (value, name) in found.items() if not is_absent(value)}


def warn_if_others_can_read(path: Path) -> None:
    """Log a warning with the `chmod` to run if a file that holds a secret is open to others (POSIX only)."""
    if sys.platform != "win32" and path.stat().st_mode & 0o044:
        logger.warning("%s holds secrets and can be read by others. Run: chmod 600 %s", path, shlex.quote(str(path)))


def _point_out_misspelt(path: Path, unknown: Iterable[str], missing: Sequence[str]) -> None:
    """Log a warning for each key that looks like one that is missing; a key with an addition is meant to be its own."""
    for key in sorted(unknown):
        near = difflib.get_close_matches(key.lower().replace("-", "_"), missing, n=1, cutoff=0.8)
        if near and not key.startswith(f"{near[0]}_"):
            logger.warning("%s has a key %r, which is not known and ignored; did you mean %s?", path, key, near[0])


def _parsed(path: Path, content: bytes) -> dict[str, Any]:
    try:
        return parse_object(content)
    except ValueError as error:
        problem = str(error)
    raise ConfigError(f"The config file {path} {problem}.")


def _anchored(value: object, folder: Path) -> object:
    return str(folder / value) if isinstance(value, str) and not value.startswith("~") else value


def _refuse_both(key: str, environ: Mapping[str, str]) -> None:
    if not is_absent(environ.get(variable(key))):
        raise ConfigError(f"Both {variable(key)} and {variable(key)}_FILE are set; keep one of them.")


def _secret_in(path: Path, named: str) -> str:
    try:
        secret = path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise ConfigError(f"{path}, which {named} names, can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        secret = ""
    if is_absent(secret) or len(secret.splitlines()) != 1:
        raise ConfigError(f"{path}, which {named} names, must hold the secret on one line and nothing else.")
    return secret
