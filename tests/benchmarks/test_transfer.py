"""The transfer benchmark: every client that is here delivers a small corpus byte for byte. No speed is judged."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from .transfer import clients
from .transfer.clients import Client, Work, bds_async
from .transfer.corpus import Corpus, make
from .transfer.measured import run
from .transfer.origin import Network, serving

SIZES = [300, 2_000, 50_000, 1_500_000]
OURS = [bds_async(), bds_async("--verify", "fast"), bds_async("--as", "csv")]
PEERS = [clients.aria2c(1), clients.aria2c(4), clients.ARIA2C_AND_UNZIP, clients.CURL, clients.WGET2, clients.NAIVE]
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


def work_at(tmp_path: Path, corpus: Corpus, network: Network, client: Client) -> None:
    with serving(tmp_path, corpus, network) as origin:
        work = Work(corpus, origin, tmp_path, tmp_path / "target", 4, sys.executable)
        if not client.is_here(work):
            pytest.skip(f"{client.name} is not installed")
        cost = run(client, work)
    assert min(cost.wall, cost.cpu, cost.memory) > 0


@pytest.mark.parametrize(("client", "network"), [*zip(OURS, NETWORKS.values(), strict=True)], ids=NETWORKS)
def test_bds_async_delivers_the_corpus(tmp_path: Path, corpus: Corpus, network: Network, client: Client) -> None:
    """Each way of delivering, each from another network."""
    work_at(tmp_path, corpus, network, client)


@pytest.mark.parametrize("client", PEERS, ids=lambda client: client.name)
def test_each_peer_that_is_installed_delivers_the_corpus(tmp_path: Path, corpus: Corpus, client: Client) -> None:
    work_at(tmp_path, corpus, NETWORKS["TLS"], client)


def test_a_wrong_byte_is_found(tmp_path: Path, corpus: Corpus) -> None:
    """A benchmark that does not see what was delivered measures nothing."""
    spoil = 'cp -r "$0"/. "$1" && printf x >> "$1"/' + corpus.names[-1]
    client = Client("spoiler", lambda work: ["sh", "-c", spoil, str(corpus.folder), str(work.target)], needs="sh")
    with serving(tmp_path, corpus, NETWORKS["plain"]) as origin, pytest.raises(AssertionError, match="did not deliver"):
        run(client, Work(corpus, origin, tmp_path, tmp_path / "target", 4, sys.executable))
