"""The target of a mirror: a DuckDB file or a PostgreSQL database, by its address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from ...errors import ConfigError
from ...options import mirror_file
from ...workspace import MIRROR

#: The environment variable that names the target, and may hold a password.
VARIABLE = "BDS_MIRROR"
_POSTGRESQL = ("postgresql", "postgres")


@dataclass(frozen=True, slots=True)
class Target:
    """A target: `path` of a DuckDB file, or `address` of a PostgreSQL database without its password."""

    path: Path | None = None
    address: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def find(cls, into: str | None, folder: str | None, environment: Mapping[str, str]) -> Target:
        """Return the target of `--into`, else of BDS_MIRROR, else `mirror.duckdb` in the destination folder.

        Raises ConfigError for an invalid address, for a password in `--into`, and if there is no target.
        """
        if into is not None:
            return cls.named(into, "`target`", environment)
        if from_environment := environment.get(VARIABLE):
            return cls.parse(from_environment, f" in {VARIABLE}")
        if folder is None:
            raise ConfigError("A mirror of an object store needs `target` or BDS_MIRROR.")
        return cls(path=Path(folder, MIRROR))

    @classmethod
    def named(cls, address: str, option: str, environment: Mapping[str, str]) -> Target:
        """Return the target that an option names, with BDS_MIRROR's password if that names the same database.

        Raises ConfigError for an invalid address, and for a password in it.
        """
        found = cls.parse(address)
        if found.password is not None:
            raise ConfigError(f"{option} holds a password: move it to {VARIABLE}, PGPASSWORD or ~/.pgpass.")
        with suppress(ConfigError):
            known = cls.parse(environment.get(VARIABLE, ""))
            if known.address is not None and known.address == found.address:
                return known
        return found

    @classmethod
    def parse(cls, text: str, shown: str | None = None) -> Target:
        """Return the target for an address; raises ConfigError, with `shown` in place of a text that is no address."""
        if (path := mirror_file(text)) is not None:
            return cls(path=Path(path))
        scheme, _, rest = text.partition(":")
        if scheme.lower() in _POSTGRESQL and rest.startswith("//"):
            return _postgresql(text)
        place = _shown(text) if shown is None else shown
        raise ConfigError(
            f"The mirror's target{place} is neither duckdb:PATH nor postgresql://user@host:port/database."
        )

    def clean(self, text: str) -> str:
        """Return a text with the password masked."""
        return text.replace(self.password, "***") if self.password else text

    def __str__(self) -> str:
        return f"duckdb:{self.path}" if self.path is not None else str(self.address)


def _shown(text: str) -> str:
    """Return a wrong target in quotes: its scheme, or a plain path. Any other text may hold a password."""
    scheme, colon, _ = text.partition(":")
    is_plain = re.fullmatch(r"[\w.-]*" if colon else r"[\w./\\-]*", scheme)
    return f" '{scheme}{colon and ':…'}'" if is_plain else ""


def _postgresql(text: str) -> Target:
    try:
        parts = urlsplit(text)
        options = parse_qsl(parts.query, keep_blank_values=True)
        port, host, password = parts.port, parts.hostname, parts.password
    except ValueError:
        raise ConfigError("The mirror's address cannot be read: it is postgresql://user@host:port/database.") from None
    if "@" in parts.path or any("@" in name for name, _ in options):
        raise ConfigError("The mirror's address cannot be read: write / ? # @ in its password as %2F %3F %23 %40.")
    if "sslpassword" in dict(options):
        raise ConfigError("The mirror's address has an sslpassword, which is not supported: use a key without one.")
    password = unquote(password) if password is not None else dict(options).get("password")
    query = urlencode([(name, value) for name, value in options if name != "password"])
    user = f"{parts.username}@" if parts.username else ""
    host = f"[{host}]" if host and ":" in host else host or ""
    place = f"{user}{host}" + (f":{port}" if port is not None else "")
    return Target(address=urlunsplit(("postgresql", place, parts.path, query, "")), password=password)
