"""Downloads one URL after another with requests, as D2L's sample: `requests_client.py URLS TARGET CONNECTIONS`."""

import sys
from pathlib import Path

import requests


def main(urls: str, target: str, _: str) -> None:
    for url in Path(urls).read_text().split():
        response = requests.get(url, timeout=60)
        response.raise_for_status()
        (Path(target) / url.rsplit("/", 1)[1]).write_bytes(response.content)


if __name__ == "__main__":
    main(*sys.argv[1:])
