"""Runs that are killed in the middle of a publication."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from bds_async.destination import LocalFolder, Publisher
from bds_async.runs import publishing
from tests.support.scheduled import DAY, Scheduled

#: The owner and the name of the function at which a run is killed.
Moment: TypeAlias = tuple[type, str]
#: Before the file has its final name, and before the ledger says done.
MOMENTS: dict[str, Moment] = {"place": (LocalFolder, "place"), "finish": (Publisher, "_finish")}


class Killed(BaseException):
    """The end of a run that nothing in it can foresee."""


async def kill(job: Scheduled, moment: Moment, name: str = "Users", **options: Any) -> None:
    """Sync a data set two days later until its first extract is about to be done; each is a group of its own."""

    def die(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "GROUP", 1)
        patch.setattr(*moment, die)
        with pytest.raises(Killed):
            await job.sync(2 * DAY, data_set=(name,), **options)
