"""The sources of settings: config.json, the environment, and files that hold one secret each."""

from __future__ import annotations

import difflib
import logging
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigError
from ..support.limits import machine_limit
from ..support.log import event
from ..support.reading import read_any
from .file import parse_object

logger = logging.getLogger(__name__)

#: The config file that is read if neither the caller nor `BDS_CONFIG` names one.
CONFIG_FILE = Path("config.json")


#: Variables that are not keys of config.json.
_OTHER_VARIABLES = ("BDS_CONFIG", "BDS_PING_URL", "BDS_MIRROR")


@dataclass(frozen=True, slots=True)
class Keys:
    """The known keys of config.json and the environment: all, those with a secret, and those with a path.

    A secret can also be in a file that `BDS_<KEY>_FILE` names. Unknown keys are ignored.
    """

    all: tuple[str, ...]
    secret: tuple[str, ...]
    path: tuple[str, ...]


def config_path(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The config file to read: the one that the caller names, else `BDS_CONFIG`, else config.json."""
    return path or Path(environ.get("BDS_CONFIG") or CONFIG_FILE)


def paths_in_use(config: Path, environ: Mapping[str, str], keys: Keys) -> dict[Path, str]:
    """The config file and every file that it or the environment names, each with a short description.

    The files are not checked.
    """
    variables = [*map(variable, keys.path), *(file_variable(key) for key in keys.secret)]
    named = [*_paths_in(config, keys).items(), *((name, environ.get(name)) for name in variables)]
    files = {_expanded(value): f"the file that {name} names" for name, value in named if isinstance(value, str)}
    return {**files, config: "the config file"}


def _paths_in(config: Path, keys: Keys) -> dict[str, object]:
    try:
        # The content of a pipe can be read only once, and Config.load needs it.
        found = parse_object(config.read_bytes()) if config.is_file() else {}
    except (OSError, ValueError):
        return {}
    return {key: _anchored(found[key], config.parent) for key in keys.path if not is_absent(found.get(key))}


def _expanded(value: str) -> Path:
    # Path.expanduser() raises RuntimeError if there is no such home folder.
    return Path(os.path.expanduser(value.strip()))  # noqa: PTH111


def variable(key: str) -> str:
    """The environment variable of a key: `BDS_CLIENT_ID` for `client_id`."""
    return f"BDS_{key.upper()}"


def file_variable(key: str) -> str:
    """The environment variable that names the file of a secret: `BDS_CLIENT_SECRET_FILE` for `client_secret`."""
    return f"{variable(key)}_FILE"


def is_absent(value: object) -> bool:
    """Whether a value counts as absent: null, empty, or a placeholder of config-sample.json (`<…>`)."""
    if not isinstance(value, str):
        return value is None
    text = value.strip()
    return not text or (text.startswith("<") and text.endswith(">"))


class Stored(NamedTuple):
    """The known keys of a config file that have a value; `is_stream` if it was a pipe, which can be read only once."""

    values: dict[str, Any]
    is_stream: bool = False


def from_file(path: Path, keys: Keys) -> Stored | None:
    """Read a config file once; None if it does not exist.

    Relative paths in the file are relative to its folder; in a pipe, to the working directory. Logs a warning if other
    users can read the secrets in the file or change it, and for each unknown key that looks like a known one. Raises
    ConfigError.
    """
    try:
        content, is_stream = read_any(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise machine_limit(error) or ConfigError(f"The config file {path} can't be read: {error.strerror}.") from None
    found = _parsed(path, content)
    _refuse_brackets(path, found)
    values = {key: value for key, value in found.items() if key in keys.all and not is_absent(value)}
    _warn_of_misspelt(path, found.keys() - set(keys.all), [key for key in keys.all if key not in found])
    if not is_stream:
        _warn_of_access(path, holds_secrets=any(key in values for key in keys.secret))
    folder = Path() if is_stream else path.parent
    return Stored(values | {key: _anchored(values[key], folder) for key in keys.path if key in values}, is_stream)


def _refuse_brackets(path: Path, found: Mapping[str, object]) -> None:
    """Raise ConfigError for a real address inside the angle brackets of the sample."""
    address = found.get("bspace_url")
    if isinstance(address, str) and is_absent(address) and "." in address and "your-school" not in address:
        raise ConfigError(f"{path}: bspace_url is inside angle brackets; remove < and >.")


def from_environment(environ: Mapping[str, str], keys: Keys) -> dict[str, tuple[str, str]]:
    """The keys set in the environment, each with its value and the name of its variable. Raises ConfigError."""
    _warn_of_misspelt_variables(environ, keys)
    found = {key: (environ.get(variable(key), ""), variable(key)) for key in keys.all}
    for key in keys.secret:
        named = file_variable(key)
        if environ.get(named):
            _refuse_both(key, environ)
            found[key] = (_secret_in(Path(environ[named]), named), named)
    return {key: (value.strip(), name) for key, (value, name) in found.items() if not is_absent(value)}


def access_of_others(path: Path, *, holds_secrets: bool) -> str | None:
    """What other users can do with a file but must not: read its secrets, or change it (POSIX only)."""
    mode = 0 if sys.platform == "win32" else path.stat().st_mode
    wrong = {"read": holds_secrets and mode & 0o044, "changed": mode & 0o022}
    return " and ".join(verb for verb in wrong if wrong[verb]) or None


def _warn_of_access(path: Path, *, holds_secrets: bool) -> None:
    """Log a warning with the `chmod` to run if the mode of a config file is too open."""
    if verbs := access_of_others(path, holds_secrets=holds_secrets):
        text = f"%s {'holds secrets and ' if holds_secrets else ''}can be %s by others. Run: chmod 600 %s"
        extra = event("config.readable_by_others", path=path)
        if verbs == "changed":
            extra = event("config.writable_by_others", path=path)
        logger.warning(text, path, verbs, shlex.quote(str(path)), extra=extra)


def _warn_of_misspelt(path: Path, unknown: Iterable[str], missing: Sequence[str]) -> None:
    """Log a warning for each unknown key that looks like a missing one.

    A known key with a suffix (`refresh_token_old`) is intended, so no warning is logged for it.
    """
    for key in sorted(unknown):
        near = difflib.get_close_matches(key.lower().replace("-", "_"), missing, n=1, cutoff=0.8)
        if near and not key.startswith(f"{near[0]}_"):
            text = "%s has the unknown key %r, which is ignored. Did you mean %s?"
            logger.warning(text, path, key, near[0], extra=event("config.unknown_key", path=path, key=key))


def _warn_of_misspelt_variables(environ: Mapping[str, str], keys: Keys) -> None:
    """Log a warning for each unknown variable that looks like a known one."""
    known = {*map(variable, keys.all), *map(file_variable, keys.secret), *_OTHER_VARIABLES}
    for name in sorted(each for each in environ if each.upper().startswith("BDS_") and each not in known):
        if near := difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8):
            text = "The environment variable %s is unknown and ignored. Did you mean %s?"
            logger.warning(text, name, near[0], extra=event("config.unknown_variable", variable=name))


def _parsed(path: Path, content: bytes) -> dict[str, Any]:
    try:
        return parse_object(content)
    except ValueError as error:
        problem = str(error)
    raise ConfigError(f"The config file {path} {problem.removesuffix('.')}.")


def _anchored(value: object, folder: Path) -> object:
    return str(folder / value) if isinstance(value, str) and not value.startswith("~") else value


def _refuse_both(key: str, environ: Mapping[str, str]) -> None:
    if not is_absent(environ.get(variable(key))):
        raise ConfigError(f"Both {variable(key)} and {file_variable(key)} are set; keep one of them.")


def _secret_in(path: Path, named: str) -> str:
    try:
        secret = read_any(path).data.decode("utf-8-sig").strip()
    except OSError as error:
        raise ConfigError(f"{path}, which {named} names, can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        secret = ""
    if is_absent(secret) or len(secret.splitlines()) != 1:
        raise ConfigError(f"{path}, which {named} names, must hold the secret on one line and nothing else.")
    return secret
