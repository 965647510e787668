"""Settings from config.json, the environment and files that hold one secret each."""

from .addresses import is_host, is_loopback, origin
from .damage import damage_in
from .file import parse_object, with_refresh_token
from .settings import AUTH_SERVICE, KEYS, Config, TokenSource, files_in_use
from .sources import access_of_others, config_path, is_absent
from .syntax import problem_of

__all__ = [
    "AUTH_SERVICE",
    "KEYS",
    "Config",
    "TokenSource",
    "access_of_others",
    "config_path",
    "damage_in",
    "files_in_use",
    "is_absent",
    "is_host",
    "is_loopback",
    "origin",
    "parse_object",
    "problem_of",
    "with_refresh_token",
]
