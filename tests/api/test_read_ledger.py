"""`read_ledger` of a folder that does not exist, of an empty one, and of one with deliveries."""

from __future__ import annotations

from pathlib import Path

import pytest

from bds_async import Config, DestinationError, pull, read_ledger
from tests.conftest import StartSandbox


def test_a_folder_that_does_not_exist_is_an_error_and_no_empty_ledger(tmp_path: Path) -> None:
    with pytest.raises(DestinationError, match="There is no folder"):
        read_ledger(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


async def test_before_the_first_run_it_is_empty_and_later_it_has_the_deliveries(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    with read_ledger(tmp_path) as ledger:
        assert list(ledger.deliveries.all()) == []
    sandbox = await start_sandbox()
    await pull(Config(**sandbox.config(), token_file=tmp_path / "token"), tmp_path)
    with read_ledger(str(tmp_path)) as ledger:
        assert len(list(ledger.deliveries.all())) == 4
