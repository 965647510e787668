"""Writing to pipes and devices: neither a slow nor a missing reader blocks a run for ever."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from bds_async.errors import ConfigError, DestinationError
from bds_async.support.patience import Patience
from bds_async.watching.files import demand_writable, write

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes that have names")
#: More than the capacity of a pipe.
LONG = "x" * 1_000_000


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_pipe_takes_more_than_it_holds_from_a_reader_that_goes_on(pipe: Path) -> None:
    got: list[str] = []
    opened = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text("utf-8")))
    reader.start()
    write(pipe, LONG, "report")
    os.close(opened)
    reader.join()
    assert got == [LONG]


def test_a_pipe_that_nobody_has_opened_is_a_fault_at_once(pipe: Path) -> None:
    with pytest.raises(DestinationError, match=r"The report .* it has no reader"):
        write(pipe, "{}", "report")


def test_a_reader_that_takes_nothing_is_given_up(pipe: Path) -> None:
    opened = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(DestinationError, match="it has no reader"):
        write(pipe, LONG, "report", Patience(0.01))
    os.close(opened)


def test_devices_are_written_into(pipe: Path) -> None:
    write(Path("/dev/null"), LONG, "report")
    assert not Path("/dev/null").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_device_is_a_fault_of_the_destination() -> None:
    with pytest.raises(DestinationError, match="No space left"):
        write(Path("/dev/full"), "{}", "report")


def test_a_place_that_cannot_even_be_looked_at_is_refused(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "file").write_text("")
    for place in ("circle", "circle/x", "file/x", "nowhere/x", "x" * 300):
        with pytest.raises(ConfigError, match="can't be written"):
            demand_writable(tmp_path / place, "report")


def test_a_link_that_has_come_to_lead_to_itself_is_a_fault_of_the_destination(tmp_path: Path) -> None:
    """The link stays unchanged."""
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(DestinationError, match=r"The report .* can't be written: .*links"):
        write(tmp_path / "circle", "{}", "report")
    assert [path.name for path in tmp_path.iterdir()] == ["circle"]
    assert (tmp_path / "circle").is_symlink()
