"""A separate PostgreSQL for tests and benchmarks: in a temporary folder, on a loopback port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """The folder with the programs of the newest PostgreSQL from Debian's packages, else of the one on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _unprivileged() -> dict[str, int]:
    """The user to run as, since PostgreSQL refuses to run as root."""
    if sys.platform == "win32" or os.getuid() != 0:
        return {}
    import pwd

    entry = next((entry for entry in pwd.getpwall() if entry.pw_name == "postgres"), pwd.getpwnam("nobody"))
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def running_postgresql(found: Path) -> Iterator[str]:
    """The address of a PostgreSQL, started with the programs in `found`, that stops at the end of the context."""
    home = Path(tempfile.mkdtemp(prefix="bds-postgresql-"))
    user, port, data = _unprivileged(), _free_port(), home / "data"
    if user:
        os.chown(home, user["user"], user["group"])

    def run(*command: object) -> None:
        subprocess.run([*map(str, command)], check=True, capture_output=True, cwd=home, **user)  # type: ignore[call-overload]

    run(found / "initdb", "-D", data, "-U", "mirror", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c fsync=off"
    run(found / "pg_ctl", "-D", data, "-l", home / "log", "-w", "-o", options, "start")
    try:
        yield f"postgresql://mirror@127.0.0.1:{port}/postgres"
    finally:
        run(found / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)
