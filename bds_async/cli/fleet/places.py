"""Checks of a fleet's paths: no tenant's run may write to the folders, the mirror or the files of another."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from ...config import files_in_use
from ...errors import ConfigError
from ...options import SyncOptions, mirror_file
from ..options.request import Request
from ..options.settings import Settings
from ..output.own_files import Identity, OwnFiles, identities

#: The port of a PostgreSQL server, unless an address names another.
POSTGRESQL_PORT = 5432
#: A tenant: its name, its settings and its request.
Tenant: TypeAlias = tuple[str, Settings, Request[Any]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A destination or a state folder of a tenant."""

    tenant: str
    what: str
    address: str
    is_folder: bool = True

    def known_by(self) -> Iterator[Identity]:
        """Yield the identities of the place."""
        yield from identities(Path(self.address)) if self.is_folder else [str(PurePosixPath(self.address))]

    def around(self) -> Iterator[Identity]:
        """Yield the identities of the place, then those of each parent."""
        yield from self.known_by()
        if self.is_folder:
            for folder in Path(self.address).parents:
                yield from identities(folder)
        else:
            yield from map(str, PurePosixPath(self.address).parents)


def demand_own_places(tenants: Sequence[Tenant], file: Path) -> None:
    """Raise ConfigError if a destination or state folder of a tenant is the same as, or inside, another tenant's."""
    places = [place for tenant in tenants for place in _places(tenant)]
    owners: dict[Identity, _Place] = {}
    for place in places:
        for each in place.known_by():
            owners.setdefault(each, place)
    for place in places:
        for owner in filter(None, map(owners.get, place.around())):
            if owner.tenant != place.tenant:
                raise ConfigError(f"{file}: {_conflict(place, owner)}: give each its own.")


def _places(tenant: Tenant) -> Iterator[_Place]:
    name, _, request = tenant
    workspace = request.workspace
    yield _Place(name, "destination", workspace.address, workspace.store is None)
    yield _Place(name, "state folder", os.path.realpath(workspace.state))


def _conflict(place: _Place, owner: _Place) -> str:
    if place.address != owner.address:
        where = f"lies in the {owner.what} {owner.address} of {owner.tenant}"
    elif place.what == owner.what:
        return f"{owner.tenant} and {place.tenant} have the same {place.what} {place.address}"
    else:
        where = f"is the {owner.what} of {owner.tenant}"
    return f"the {place.what} {place.address} of {place.tenant} {where}"


def demand_own_schemas(tenants: Sequence[Tenant], file: Path) -> None:
    """Raise ConfigError if the mirrors of two tenants are in the same schema of the same database."""
    owners: dict[tuple[str, str], str] = {}
    for name, _, request in tenants:
        if isinstance(request.options, SyncOptions) and request.options.mirror is not None:
            schema = request.options.mirror_schema
            owner = owners.setdefault((_database(request.options.mirror), schema), name)
            if owner != name:
                text = f"the mirrors of {owner} and {name} are one schema, {schema}, of one database"
                raise ConfigError(f"{file}: {text}: give each a mirror_schema of its own.")


def _database(mirror: str) -> str:
    """A form of a mirror's address that is equal for the same database; an unusable address is returned unchanged."""
    if (path := mirror_file(mirror)) is not None:
        return os.path.realpath(path)
    try:
        parts = urlsplit(mirror)
        return f"//{parts.hostname}:{parts.port or POSTGRESQL_PORT}{parts.path}"
    except ValueError:
        return mirror


def demand_own_files(tenants: Sequence[Tenant], file: Path, report: Path | None) -> None:
    """Raise ConfigError if an output file is another file of the fleet, or is in a state folder.

    The files are the fleet file, the config of each tenant, the files that it names, and the outputs of other tenants.
    `report` is the report of the fleet.
    """
    own = OwnFiles()
    own.add({file: "the fleet file"})
    for name, settings, request in tenants:
        used = files_in_use(settings.config, os.environ)
        own.add({path: f"{what} of the tenant {name}" for path, what in used.items()})
        own.add_state(request.workspace.state)
    for name, _, request in tenants:
        for path, what in request.written.items():
            _demand_apart(own, path, what.removeprefix("the "), name, file)
        own.add({path: f"{what} of the tenant {name}" for path, what in request.written.items()})
    if report is not None:
        own.demand_apart(report, "report")


def _demand_apart(own: OwnFiles, path: Path, what: str, tenant: str, file: Path) -> None:
    try:
        own.demand_apart(path, what)
    except ConfigError as error:
        raise ConfigError(f"{file}: tenant {tenant}: {error}") from None
