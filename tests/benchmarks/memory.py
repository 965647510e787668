"""Peak memory of a pull, compared with the size of its largest extract: `python -m tests.benchmarks.memory`.

The tenant is another process, so that its memory does not count.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bds_async.sandbox import Sandbox, SandboxSettings

MEGABYTE = 1_000_000


def peak_of_pull(config: Path, folder: Path) -> float:
    """Peak resident megabytes of the command, measured by the operating system."""
    script = (
        "import resource, subprocess, sys;"
        "code = subprocess.run(sys.argv[1:]).returncode;"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, code)"
    )
    command = [sys.executable, "-m", "bds_async", "pull", "-q", "--config", str(config), "--to", str(folder)]
    done = subprocess.run([sys.executable, "-c", script, *command], stdout=subprocess.PIPE, text=True, check=True)
    kilobytes, code = map(int, done.stdout.split())
    assert code == 0, f"the pull left with {code}"
    return kilobytes * 1024 / MEGABYTE


async def peak_with(size: int) -> float:
    """Peak megabytes of a pull of twenty data sets and another one of `size` bytes."""
    with tempfile.TemporaryDirectory() as home:
        async with Sandbox(SandboxSettings(data_sets=20, huge_bytes=size)) as sandbox:
            sandbox.write_config(Path(home) / "config.json")
            return await asyncio.to_thread(peak_of_pull, Path(home) / "config.json", Path(home) / "to")


def main() -> None:
    """Print the peaks and their ratio."""
    small = asyncio.run(peak_with(6 * MEGABYTE))
    large = asyncio.run(peak_with(600 * MEGABYTE))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
    print(f"largest extract 6 MB: {small:.0f} MB resident; 600 MB: {large:.0f} MB; {large / small:.2f} times")
    print(f"(the tenant's own process: {own:.0f} MB)")


if __name__ == "__main__":
    main()
