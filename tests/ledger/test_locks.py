"""A file system that refuses SQLite's locks is distinguished from another program that holds the ledger."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bds_async.errors import DestinationError, LedgerBusy
from bds_async.ledger import Ledger
from bds_async.support.byte_locks import lock_refusal
from bds_async.support.patience import Patience
from tests.support.places import ledger_path, prepared

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fcntl is POSIX")
TENANT = "https://school.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepared(tmp_path)
    Ledger.open(ledger_path(tmp_path), TENANT).close()
    return ledger_path(tmp_path)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another connection that holds the database."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Make each lock fail, since no file system of a test machine refuses locks."""

    def lockf(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.lockf", lockf)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EACCES, errno.ENOLCK])
@pytest.mark.parametrize("opened", [lambda path: Ledger.open(path, TENANT), Ledger.read], ids=["open", "read"])
def test_refused_locks_are_a_fault_of_the_destination(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, opened: Callable[[Path], Ledger]
) -> None:
    """Exit code 6, at once, with advice; the probe leaves nothing behind."""
    refuse(monkeypatch, number)
    before = sorted(each.name for each in path.parent.iterdir())
    with held(path), pytest.raises(DestinationError, match=r"refuses locks .*`state=DIR`") as caught:
        opened(path)
    assert caught.value.exit_code == 6
    assert os.strerror(number) in str(caught.value)
    assert sorted(each.name for each in path.parent.iterdir()) == before


def test_a_ledger_that_another_program_holds_is_busy(path: Path) -> None:
    patience = Patience()
    patience.cut()
    with held(path), pytest.raises(LedgerBusy):
        Ledger.open(path, TENANT, patience)


def test_a_lock_is_granted_here_and_the_probe_is_removed(tmp_path: Path) -> None:
    assert lock_refusal(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_where_no_file_can_be_made_nothing_is_said(tmp_path: Path) -> None:
    assert lock_refusal(tmp_path / "missing") is None


def test_an_open_ledger_finds_out_as_well(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The share may have been remounted meanwhile."""
    with Ledger.open(path, TENANT) as ledger:
        refuse(monkeypatch, errno.ENOLCK)
        with held(path), pytest.raises(DestinationError, match="`state=DIR`"):
            ledger.gaps.accept("Users")
