"""`--limit-rate` limits all bodies of a run together, without gaps and without bursts."""

from __future__ import annotations

import asyncio

import pytest

from bds_async.transfer import RateLimit, rate_limit

RATE = 1_000_000


class Clock:
    """A clock that any sleep advances; sleepers wake in the order of their moments."""

    def __init__(self) -> None:
        self.now = 100.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, woken))
        await woken

    def advance(self) -> bool:
        """Wake the next sleeper; False if there is none."""
        if not self._sleepers:
            return False
        self._sleepers.sort(key=lambda each: each[0])
        self.now, woken = self._sleepers.pop(0)
        woken.set_result(None)
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rate_limit, "time", clock)
    monkeypatch.setattr(rate_limit, "asyncio", clock)
    return clock


async def arrivals(clock: Clock, bodies: int, chunk: int, seconds: float) -> list[tuple[float, int]]:
    """The time and size of each chunk of many bodies that passed, for `seconds` from now on."""
    limit, found, began = RateLimit(RATE), [], clock.now

    async def body() -> None:
        while clock.now < began + seconds:
            await limit.received(chunk)
            found.append((clock.now - began, chunk))

    tasks = [asyncio.create_task(body()) for _ in range(bodies)]
    while not all(task.done() for task in tasks):
        for _ in range(3):
            await asyncio.sleep(0)
        clock.advance()
    await asyncio.gather(*tasks)
    return found


@pytest.mark.parametrize(("bodies", "chunk"), [(1, 10_000), (16, 8_000), (64, 2_000), (3, 100_000)])
async def test_all_bodies_together_keep_the_rate(clock: Clock, bodies: int, chunk: int) -> None:
    """Within 5 % over ten seconds, at most twice the rate in any second, and no second without a byte."""
    found = await arrivals(clock, bodies, chunk, 10)
    assert sum(size for moment, size in found if moment <= 10) == pytest.approx(10 * RATE, rel=0.05)
    for start in range(90):
        second = sum(size for moment, size in found if start / 10 <= moment < start / 10 + 1)
        assert 0.5 * RATE < second < 2 * RATE


async def test_idle_time_is_not_made_up_for(clock: Clock) -> None:
    """After a pause the rate holds as before."""
    limit = RateLimit(RATE)
    clock.now += 60
    waiting = asyncio.create_task(limit.received(RATE))
    await asyncio.sleep(0)
    began = clock.now
    clock.advance()
    await waiting
    assert clock.now - began == pytest.approx(1 - rate_limit.SLACK)


async def test_without_a_limit_nothing_waits(clock: Clock) -> None:
    await RateLimit(None).received(10**12)
    assert not clock.advance()
