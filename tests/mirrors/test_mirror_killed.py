"""A mirror that is killed at any moment and run again has the same tables; a signal rolls back one extract."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from random import Random

import pytest

from tests.support.commands import PATIENCE, Done, Running, bds, starting
from tests.support.deliveries import DIFFERENTIAL, FULL, Deliveries, csv_of
from tests.support.mirror_histories import PLAIN
from tests.support.mirror_model import Model, Told
from tests.support.mirror_places import Place

pytestmark = [
    pytest.mark.crash,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX"),
]
#: Number of kills: in the suite, and by hand.
KILLS = [1, pytest.param(200, marks=pytest.mark.long)]
USERS = 2_000


def starting_mirror(place: Place, folder: Path, how: str = "-q") -> AbstractAsyncContextManager[Running]:
    return starting("mirror", "--to", folder, "--schema", place.schema, how, "--into", place.into)


def mirrored(place: Place, folder: Path, killed_after: float | None = None) -> bool:
    """Run a mirror; return whether it ended before it was killed."""

    async def run() -> bool:
        async with starting_mirror(place, folder) as running:
            with suppress(TimeoutError):
                done = await running.ends(killed_after or PATIENCE)
                assert done.code == 0, done.err
                return True
        return False

    return asyncio.run(run())


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model]:
    """A folder with six extracts of at least a thousand rows, which no mirror changes, and its expected table."""
    deliveries, random = Deliveries(tmp_path_factory.mktemp("delivered"), PLAIN.name), Random(7)
    told = []
    for day in range(6):
        bds_type = FULL if day % 3 == 0 else DIFFERENTIAL
        users = sorted(random.sample(range(USERS), USERS - 300 if bds_type is FULL else 1_000))
        rows = tuple(("1", str(user), random.choice("abc"), "") for user in users)
        told.append(Told(deliveries.extract(bds_type, day * 24), rows))
        deliveries.deliver(told[-1].extract, csv_of(PLAIN.header, rows))
    model = Model(PLAIN)
    model.apply_all(told)
    return deliveries.root, model


def check(place: Place, model: Model) -> None:
    """Check that every row is right, and that each extract has one line."""
    rows = [tuple(row.values()) for row in place.table("user_enrollments")]
    assert sorted(((*row, None) for row in rows), key=repr) == model.table()
    applied = place.query("SELECT queued FROM {s}._bds_applied")
    assert len({row["queued"] for row in applied}) == len(applied) == 6


def reset(place: Place) -> None:
    asyncio.run(place.drop())


@pytest.mark.parametrize("wanted", KILLS)
def test_each_extract_is_applied_exactly_once_however_often_it_is_killed(
    wanted: int, delivered: tuple[Path, Model], place: Place
) -> None:
    """SIGKILL at random moments, until nothing is left to do; then again from the beginning."""
    folder, model = delivered
    # The first command has to wait for the process that forks commands.
    asyncio.run(bds("--version"))
    begun = time.monotonic()
    assert mirrored(place, folder)
    whole = time.monotonic() - begun
    check(place, model)
    random, kills = Random(11), 0
    while kills < wanted:
        reset(place)
        for _ in range(12):
            if mirrored(place, folder, random.uniform(0.2 * whole, whole)):
                break
            kills += 1
        assert mirrored(place, folder)
        check(place, model)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_mirror_soon_and_leaves_whole_extracts(
    number: signal.Signals, delivered: tuple[Path, Model], place: Place
) -> None:
    folder, model = delivered

    async def signalled() -> tuple[bytes, bytes, Done]:
        async with starting_mirror(place, folder, "-v") as running:
            stderr = running.process.stderr
            assert stderr is not None
            lines = await stderr.readline(), await stderr.readline()
            return *lines, await running.stopped_by(number, within=30)

    applying, first, done = asyncio.run(signalled())
    assert (b"to apply" in applying, b".zip: " in first) == (True, True), applying + first
    assert (done.code, done.complaints) == (128 + number, [])
    assert mirrored(place, folder)
    check(place, model)
