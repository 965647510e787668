"""What is said where an extra of this package is not installed."""

from __future__ import annotations

from ..errors import ConfigError


def missing(what: str, packages: str, extra: str) -> ConfigError:
    """The error for `what`, which needs packages that an extra brings. With the extra, pip installs those alone."""
    noun = "packages" if " and " in packages else "package"
    return ConfigError(f"{what} needs the {noun} {packages}: run pip install 'bds-async[{extra}]'.")
