"""The program: `bds-async`, or `python -m bds_async`."""

from __future__ import annotations

from typing import NoReturn

from .cli.process.signals import handle_signals


def main() -> NoReturn:
    """Run the command line and exit with the documented code."""
    handle_signals()
    from .cli.main import main as run

    run()


if __name__ == "__main__":
    main()
