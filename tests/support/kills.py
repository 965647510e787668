"""Runs that are killed in the middle of a publication."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from bds_async.destination import LocalFolder, Publisher
from bds_async.runs import publishing
from tests.support.scheduled import DAY, Scheduled

#: Owner and name of the function in which a run is killed.
Moment: TypeAlias = tuple[type, str]
#: Before the file has its final name, and before the ledger records it as done.
MOMENTS: dict[str, Moment] = {"place": (LocalFolder, "place"), "finish": (Publisher, "_finish")}


class Killed(BaseException):
    """The end of a run that none of its code can handle."""


async def kill(job: Scheduled, moment: Moment, name: str = "Users", **options: Any) -> None:
    """Sync a data set two days later, killed while it publishes its first extract; each extract is its own group."""

    def die(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "GROUP", 1)
        patch.setattr(*moment, die)
        with pytest.raises(Killed):
            await job.sync(2 * DAY, data_set=(name,), **options)
