"""Signed links of the storage."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

from bds_async.sandbox.clock import Clock
from bds_async.sandbox.links import LinkSigner


class Still(Clock):
    """A clock that does not move."""

    def wall(self) -> float:
        return 1000.0


def test_each_link_of_one_moment_gives_its_uses() -> None:
    signer = LinkSigner(Still(datetime(2026, 1, 1, tzinfo=UTC)))
    queries = [dict(parse_qsl(signer.sign_for_uses("/x", 60, 2))) for _ in range(2)]
    assert [signer.refusal("/x", query) for query in queries * 2] == [None] * 4
    assert signer.refusal("/x", queries[0]) == "AccessDenied"
