"""The least that a client on aiohttp with SHA-256 can cost: `floor_client.py URLS TARGET CONNECTIONS`.

Large buffers, blocks of 1 MiB as they arrived, one thread hop to write and hash each, and memory that the C library
keeps. It has no token, list, ledger, retry or verification.
"""

import asyncio
import ctypes
import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp

BLOCK, BUFFER, KEPT = 1024 * 1024, 512 * 1024, 256 * 1024 * 1024


def store(file: int, digest: Any, block: list[bytes]) -> None:
    os.writev(file, block)
    for chunk in block:
        digest.update(chunk)


async def fetch(session: aiohttp.ClientSession, url: str, target: Path, threads: ThreadPoolExecutor) -> None:
    loop, digest, block, size = asyncio.get_running_loop(), hashlib.sha256(), [], 0
    async with session.get(url) as response:
        response.raise_for_status()
        file = os.open(target / url.rsplit("/", 1)[1], os.O_CREAT | os.O_WRONLY)
        async for chunk in response.content.iter_any():
            block.append(chunk)
            size += len(chunk)
            if size >= BLOCK:
                await loop.run_in_executor(threads, store, file, digest, block)
                block, size = [], 0
        store(file, digest, block)
        os.close(file)


async def main(urls: list[str], target: Path, connections: int) -> None:
    waiting, threads = list(reversed(urls)), ThreadPoolExecutor(4)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, read_bufsize=BUFFER, auto_decompress=False) as session:

        async def work() -> None:
            while waiting:
                await fetch(session, waiting.pop(), target, threads)

        await asyncio.gather(*(work() for _ in range(connections)))


if __name__ == "__main__":
    if sys.platform == "linux":
        for parameter in (-1, -3):  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3)
            ctypes.CDLL("libc.so.6").mallopt(parameter, KEPT)
    asyncio.run(main(Path(sys.argv[1]).read_text().split(), Path(sys.argv[2]), int(sys.argv[3])))
