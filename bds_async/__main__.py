"""The program: `bds-async`, and `python -m bds_async`, which is the same."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from .at_once import handle_signals


def main() -> NoReturn:
    """Run the command line and exit with the documented code."""
    handle_signals()
    _open_streams()
    from .cli import main as run

    run()


def _open_streams() -> None:
    """Schedulers may start a program with its standard streams closed; what it says goes nowhere then."""
    nowhere = Path(os.devnull)
    sys.stdout = sys.stdout or nowhere.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or nowhere.open("w", encoding="utf-8")


if __name__ == "__main__":
    main()
