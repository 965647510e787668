"""Downloads with parfive, one connection for each file: `parfive_client.py URLS TARGET CONNECTIONS`."""

import sys
from pathlib import Path

from parfive import Downloader


def main(urls: str, target: str, connections: str) -> None:
    downloader = Downloader(max_conn=int(connections), max_splits=1, progress=False)
    for url in Path(urls).read_text().split():
        downloader.enqueue_file(url, path=target)
    results = downloader.download()
    if results.errors:
        sys.exit(f"{len(results.errors)} failed: {results.errors[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
