"""Settings from config.json, the environment and files that hold one secret each."""

from .addresses import is_host, is_loopback, origin
from .file import parse_object, with_refresh_token
from .settings import AUTH_SERVICE, KEYS, Config, TokenSource, files_in_use
from .sources import config_path, is_absent

__all__ = [
    "AUTH_SERVICE",
    "KEYS",
    "Config",
    "TokenSource",
    "config_path",
    "files_in_use",
    "is_absent",
    "is_host",
    "is_loopback",
    "origin",
    "parse_object",
    "with_refresh_token",
]
