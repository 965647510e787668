"""The error for an extra of this package that is not installed."""

from __future__ import annotations

from ..errors import ConfigError


def missing(what: str, packages: str, extra: str) -> ConfigError:
    """The error for `what`, which needs packages of an extra. pip then installs only the missing ones."""
    noun = "packages" if " and " in packages else "package"
    return ConfigError(f"{what} needs the {noun} {packages}: run pip install 'bds-async[{extra}]'.")
