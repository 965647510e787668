"""What most scripts do with aiohttp and aiofiles: `naive_client.py URLS TARGET CONNECTIONS`."""

import asyncio
import sys
from pathlib import Path

import aiofiles
import aiohttp


async def download(session: aiohttp.ClientSession, url: str, target: Path, turns: asyncio.Semaphore) -> None:
    async with turns, session.get(url) as response:
        response.raise_for_status()
        async with aiofiles.open(target / url.rsplit("/", 1)[1], "wb") as file:
            async for chunk in response.content.iter_chunked(64 * 1024):
                await file.write(chunk)


async def main(urls: list[str], target: Path, connections: int) -> None:
    turns = asyncio.Semaphore(connections)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        await asyncio.gather(*(download(session, url, target, turns) for url in urls))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text().split(), Path(sys.argv[2]), int(sys.argv[3])))
