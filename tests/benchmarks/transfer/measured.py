"""One run of a client in a separate process: seconds, CPU and memory as the operating system counts them."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from .clients import Client, Work

#: Bytes compared at a time.
BLOCK = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """Cost of a run: wall seconds, CPU seconds (user and system, with children), peak resident bytes of a process."""

    wall: float
    cpu: float
    memory: float


def run(client: Client, work: Work, *, check: bool = True) -> Cost:
    """Run a client into an empty folder and compare all delivered files byte for byte."""
    _prepare(work)
    cost = spent(client.command(work), work)
    if check:
        wrong = [name for name, path in client.delivered(work).items() if not _is_right(work, name, path)]
        assert not wrong, f"{client.name} did not deliver {len(wrong)} of {len(work.corpus.names)}: {wrong[:3]}"
    shutil.rmtree(work.target)
    return cost


def _prepare(work: Work) -> None:
    shutil.rmtree(work.target, ignore_errors=True)
    work.target.mkdir()
    secrets = {"client_id": "benchmark", "client_secret": "benchmark", "refresh_token": "benchmark"}
    config = {"bspace_url": work.origin.tenant, "auth_service": work.origin.tenant, **secrets}
    (work.home / "config.json").write_text(json.dumps(config))


def spent(command: list[str], work: Work) -> Cost:
    """Run a command and return its cost; raises AssertionError with the end of its output if it fails."""
    trusted = str(work.origin.certificate)
    environment = {**os.environ, "SSL_CERT_FILE": trusted, "REQUESTS_CA_BUNDLE": trusted}
    with (work.home / "output.txt").open("w+b") as output:
        launcher = [sys.executable, "-I", "-S", str(Path(__file__).parent / "launcher.py"), *command]
        figures = subprocess.run(launcher, stdout=subprocess.PIPE, stderr=output, env=environment, check=True).stdout
        code, *cost = json.loads(figures)
        output.seek(0)
        assert code == 0, f"{command[:6]} left with {code}: {output.read()[-2000:]!r}"
    return Cost(*cost)


def seconds_to_first_request(command: list[str], work: Work) -> float:
    """Seconds from the start of a command to its first request at the tenant."""
    _prepare(work)
    _first_request(work)
    began = time.monotonic()
    spent(command, work)
    return _first_request(work) - began


def _first_request(work: Work) -> float:
    with urllib.request.urlopen(f"{work.origin.tenant}/first-request") as answer:
        return float(json.load(answer) or 0)


def _is_right(work: Work, name: str, path: Path) -> bool:
    original = work.corpus.folder / name
    if not path.is_file():
        return False
    return _is_its_csv(original, path) if path.suffix == ".csv" else filecmp.cmp(original, path, shallow=False)


def _is_its_csv(original: Path, path: Path) -> bool:
    member = zipfile.ZipFile(original).infolist()[0]
    crc = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            crc = zlib.crc32(block, crc)
    return (path.stat().st_size, crc) == (member.file_size, member.CRC)
