"""The transfer benchmark: every installed client delivers a small corpus byte for byte. No speed is asserted."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from .transfer import clients
from .transfer.clients import Client, Work, bds_async
from .transfer.corpus import Corpus, make
from .transfer.measured import run
from .transfer.origin import Network, Origin, serving

WorkAt = Callable[[Path, Network], Work]

SIZES = [300, 2_000, 50_000, 1_500_000]
OURS = [bds_async(), bds_async("--verify", "fast"), bds_async("--as", "csv")]
PEERS = [
    clients.aria2c(1),
    clients.aria2c(4),
    clients.ARIA2C_AND_UNZIP,
    clients.CURL,
    clients.WGET2,
    clients.NAIVE,
    clients.FLOOR,
]
NETWORKS = {
    "plain": Network(tls=False),
    "TLS": Network(),
    "paced": Network(rate=50_000_000, delay=0.01),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    if shutil.which("nginx") is None and os.environ.get("CI") != "true":
        pytest.skip("nginx is not installed")
    return make(tmp_path_factory.mktemp("benchmark") / "corpus", SIZES)


@pytest.fixture(scope="module")
def work_at(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkAt]:
    """A function that returns the work for a folder; each network serves the corpus for all tests that need it."""
    with ExitStack() as stack:

        @cache
        def origin(network: Network) -> Origin:
            return stack.enter_context(serving(tmp_path_factory.mktemp("served"), corpus, network))

        yield lambda home, network: Work(corpus, origin(network), home, home / "target", 4, sys.executable)


def check(client: Client, work: Work) -> None:
    if not client.is_here(work):
        pytest.skip(f"{client.name} is not installed")
    cost = run(client, work)
    assert min(cost.wall, cost.cpu, cost.memory) > 0


@pytest.mark.parametrize(("client", "network"), [*zip(OURS, NETWORKS.values(), strict=True)], ids=NETWORKS)
def test_bds_async_delivers_the_corpus(tmp_path: Path, work_at: WorkAt, network: Network, client: Client) -> None:
    """Each form of delivery, each from a different network."""
    check(client, work_at(tmp_path, network))


@pytest.mark.parametrize("client", PEERS, ids=lambda client: client.name)
def test_each_peer_that_is_installed_delivers_the_corpus(tmp_path: Path, work_at: WorkAt, client: Client) -> None:
    check(client, work_at(tmp_path, NETWORKS["TLS"]))


def test_a_wrong_byte_is_found(tmp_path: Path, corpus: Corpus, work_at: WorkAt) -> None:
    """A benchmark that does not check the delivery measures nothing."""
    spoil = 'cp -r "$0"/. "$1" && printf x >> "$1"/' + corpus.names[-1]
    client = Client("spoiler", lambda work: ["sh", "-c", spoil, str(corpus.folder), str(work.target)], needs="sh")
    with pytest.raises(AssertionError, match="did not deliver"):
        run(client, work_at(tmp_path, NETWORKS["TLS"]))
