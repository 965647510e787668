"""The fleet file: TOML with one `[[tenant]]` for each tenant, and `[defaults]` with options for all."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...support.text import printable
from ...workspace import is_address

#: The keys of a tenant; the required ones come first.
_NEEDED = ("name", "config", "to")
_KEYS = (*_NEEDED, "state", "group", "options")
_TABLES = ("defaults", "tenant")


@dataclass(frozen=True, slots=True)
class Entry:
    """One tenant of a fleet file.

    `config`, `to` and `state` are resolved against the folder of the file; `to` may be the address of an object store.
    `options` are the tenant's own merged over the `defaults`, by their long names with `_` for `-`, as in the file.
    """

    name: str
    config: Path
    to: str
    state: Path | None = None
    group: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


def read_fleet(file: Path) -> list[Entry]:
    """Read the tenants of a fleet file, in its order.

    Raises ConfigError for a file that is unreadable or malformed, for an unknown key, and for a duplicate name. Options
    are not checked.
    """
    document = _parsed(file)
    _demand_known(document, _TABLES, f"{file}", "table")
    defaults = _table(document.get("defaults", {}), f"{file}: [defaults]")
    tenants = document.get("tenant", [])
    if not isinstance(tenants, list) or not tenants:
        raise ConfigError(f"{file} names no tenant: it needs [[tenant]] with name, config and to for each.")
    entries = [_entry(each, number, file, defaults) for number, each in enumerate(tenants, 1)]
    _demand_once((entry.name for entry in entries), f"{file}: two tenants have the name")
    return entries


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"The fleet file {file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        # Only the text of a TOMLDecodeError is shown: it quotes nothing of the file but the position.
        where = f": {error}" if isinstance(error, tomllib.TOMLDecodeError) else ""
        raise ConfigError(f"The fleet file {file} is not TOML{where}.") from None


def _entry(found: object, number: int, file: Path, defaults: Mapping[str, Any]) -> Entry:
    where = f"{file}: tenant {number}"
    tenant = _table(found, where)
    name = tenant.get("name")
    where = f"{where} ({printable(name)})" if isinstance(name, str) else where
    _demand_known(tenant, _KEYS, where, "key")
    for key in _KEYS[:-1]:
        _demand_text(tenant, key, where)
    options = _table(tenant.get("options", {}), f"{where}: options")
    place = tenant["to"]
    return Entry(
        tenant["name"],
        beside(file.parent, tenant["config"], f"{where}: config"),
        place if is_address(place) else str(beside(file.parent, place, f"{where}: to")),
        beside(file.parent, tenant["state"], f"{where}: state") if "state" in tenant else None,
        tenant.get("group"),
        {**defaults, **options},
        defaults,
    )


def beside(folder: Path, path: str, what: str) -> Path:
    """Resolve a path of a fleet file against `folder`; raises ConfigError for the home folder of an unknown user."""
    try:
        return folder / Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(f"{what} {printable(path)} is in the home folder of an unknown user.") from None


def _table(found: object, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ConfigError(f"{where} has to be a table.")
    return found


def _demand_text(tenant: Mapping[str, Any], key: str, where: str) -> None:
    if key not in tenant and key not in _NEEDED:
        return
    value = tenant.get(key)
    if not isinstance(value, str) or not value.strip() or value != printable(value):
        text = f"needs {key} as a text of one line." if key in tenant else f"lacks the key '{key}'."
        raise ConfigError(f"{where} {text}")


def _demand_known(found: Iterable[str], known: Sequence[str], where: str, what: str) -> None:
    for key in found:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
            raise ConfigError(f"{where} has the unknown {what} {printable(key)!r}: {advice}")


def _demand_once(values: Iterable[str], what: str) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise ConfigError(f"{what} {value}: give each its own.")
