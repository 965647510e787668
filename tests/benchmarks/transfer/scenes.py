"""The scenes: a network, the part of the corpus to fetch, and the clients to compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import clients
from .clients import Client
from .origin import Network


@dataclass(frozen=True)
class Scene:
    """`clients` gets this program as a function of its options; the first client is the one to compare with."""

    title: str
    network: Network
    connections: int
    clients: Callable[[Callable[..., Client]], list[Client]]
    only_small: bool = False


SCENES = {
    "tls": Scene(
        "full speed, TLS 1.3, 8 connections",
        Network(),
        8,
        lambda ours: [
            clients.aria2c(1),
            ours("--verify", "fast"),
            clients.CURL,
            clients.WGET2,
            clients.FLOOR,
            clients.PARFIVE,
            clients.NAIVE,
            clients.REQUESTS,
        ],
    ),
    "plain": Scene(
        "full speed, plain HTTP, 8 connections",
        Network(tls=False),
        8,
        lambda ours: [clients.aria2c(1), ours("--verify", "fast"), clients.CURL, clients.WGET2, clients.NAIVE],
    ),
    "verified": Scene(
        "delivered and CRC-verified, TLS 1.3, 8 connections",
        Network(),
        8,
        lambda ours: [clients.ARIA2C_AND_UNZIP, ours(), ours("--as", "csv")],
    ),
    "paced": Scene(
        "50 MB/s for each connection, 100 ms to the first byte, TLS 1.3, 16 workers (aria2c: 8 files at a time)",
        Network(rate=50_000_000, delay=0.1),
        16,
        lambda ours: [clients.aria2c(4, files=8), ours("--verify", "fast"), clients.aria2c(1), clients.CURL],
    ),
    "campus": Scene(
        "100 MB/s in all (12.5 MB/s for each of 8 connections), TLS 1.3",
        Network(rate=12_500_000),
        8,
        lambda ours: [ours("--verify", "fast"), ours(), ours("--as", "csv")],
    ),
    "latency": Scene(
        "100 ms to every answer, 150 small extracts, TLS 1.3, 16 workers",
        Network(delay=0.1),
        16,
        lambda ours: [clients.CURL, ours(), clients.aria2c(1), clients.REQUESTS],
        only_small=True,
    ),
}
