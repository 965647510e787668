"""The clients: the command of each, and the path of each delivered zip. All except bds-async get the final URLs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .corpus import Corpus
from .origin import Origin
from .tenant import DATA_SETS

#: The folder of the programs for the peers' own Python.
PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Work:
    """The work of a client: download the corpus from the origin to `target`, with this many connections.

    `home` gets its config; `peers` is the interpreter that has parfive, requests, aiohttp and aiofiles.
    """

    corpus: Corpus
    origin: Origin
    home: Path
    target: Path
    connections: int
    peers: str

    def urls(self) -> list[str]:
        """The final URL of each zip."""
        return [f"{self.origin.url}/{name}" for name in self.corpus.names]

    def write(self, name: str, lines: list[str]) -> str:
        """A file in `home` with these lines."""
        path = self.home / name
        path.write_text("\n".join(lines) + "\n")
        return str(path)


def _by_name(work: Work) -> dict[str, Path]:
    return {name: work.target / name for name in work.corpus.names}


def _by_data_set(work: Work) -> dict[str, Path]:
    """By data set and moment: the tenant lists the first zips as fulls, the others as their differentials."""
    found = dict.fromkeys(work.corpus.names, work.target / "none")
    for number, name in enumerate(work.corpus.names[:DATA_SETS]):
        files = sorted((work.target / Path(name).stem).glob("*/*"), key=lambda path: path.name.split("_")[2])
        found.update(zip(work.corpus.names[number::DATA_SETS], files, strict=False))
    return found


@dataclass(frozen=True)
class Client:
    """`command` returns what to run, `delivered` the file of each zip; `needs` is a program that must be installed."""

    name: str
    command: Callable[[Work], list[str]]
    delivered: Callable[[Work], Mapping[str, Path]] = _by_name
    needs: str = ""
    as_csv: bool = False
    is_ours: bool = False

    def is_here(self, work: Work) -> bool:
        """Whether it can be run on this machine."""
        return shutil.which(self.needs or work.peers) is not None


def aria2c(splits: int, files: int | None = None) -> Client:
    """aria2c with `splits` connections for each file, and `files` files at a time (default: the connections)."""
    return Client(f"aria2c -x{splits}", lambda work: _aria2c(work, splits, files), needs="aria2c")


def _aria2c(work: Work, splits: int, files: int | None) -> list[str]:
    urls = work.write("aria2c.txt", work.urls())
    options = f"-q -x{splits} -s{splits} -k1M --file-allocation=none --summary-interval=0"
    concurrent, trusted = f"-j{files or work.connections}", f"--ca-certificate={work.origin.certificate}"
    return ["aria2c", *options.split(), concurrent, trusted, "-d", str(work.target), "-i", urls]


def _aria2c_and_unzip(work: Work) -> list[str]:
    test = f"find {work.target} -name '*.zip' -print0 | xargs -0 -P2 -n1 unzip -tqq"
    script = '"$@" && ' + test
    return ["sh", "-c", script, "sh", *_aria2c(work, 1, None)]


def _curl(work: Work) -> list[str]:
    pairs = [f'url = "{url}"\noutput = "{work.target / Path(url).name}"' for url in work.urls()]
    urls = work.write("curl.txt", pairs)
    parallel = ["--parallel", "--parallel-immediate", "--parallel-max", str(work.connections)]
    return ["curl", "-sSf", *parallel, "--cacert", str(work.origin.certificate), "-K", urls]


def _wget2(work: Work) -> list[str]:
    urls = work.write("wget2.txt", work.urls())
    trusted = f"--ca-certificate={work.origin.certificate}"
    return ["wget2", "-q", f"--max-threads={work.connections}", trusted, "-P", str(work.target), "-i", urls]


def peer(name: str) -> Client:
    """A program of the `peers` folder, run by the peers' own Python."""
    return Client(name, lambda work: _peer(name, work))


def _peer(name: str, work: Work) -> list[str]:
    urls = work.write("urls.txt", work.urls())
    script = str(PEERS / f"{name.split(maxsplit=1)[0]}_client.py")
    return [work.peers, script, urls, str(work.target), str(work.connections)]


def bds_async(*options: str, program: str = "", name: str = "bds-async", preloaded: Path | None = None) -> Client:
    """This program with its whole job: token, lists, links and ledger; `program` may be that of another checkout."""
    start = [program] if program else [sys.executable, "-m", "bds_async"]
    before = [] if preloaded is None else ["env", f"LD_PRELOAD={preloaded}"]

    def command(work: Work) -> list[str]:
        own = ["--config", str(work.home / "config.json"), "--to", str(work.target)]
        return [*before, *start, "pull", "-q", "--type", "all", *own, "--workers", str(work.connections), *options]

    full_name = " ".join([name, *options])
    return Client(full_name, command, _by_data_set, needs=start[0], as_csv="csv" in options, is_ours=True)


CURL = Client("curl", _curl, needs="curl")
WGET2 = Client("wget2", _wget2, needs="wget2")
ARIA2C_AND_UNZIP = Client("aria2c -x1, unzip -tq", _aria2c_and_unzip, needs="aria2c")
REQUESTS, NAIVE, PARFIVE = peer("requests in sequence"), peer("naive aiohttp + aiofiles"), peer("parfive")
FLOOR = peer("floor of aiohttp + SHA-256")
