"""A folder through crashing runs, compared with the contents of the sandbox."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sqlite3
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bds_async.sandbox import Sandbox
from bds_async.sandbox.links import object_path
from bds_async.sandbox.truth import TrueExtract


@dataclass
class Truth:
    """The expected final contents of the folder: for the SHA-256 of each file, its extract."""

    sandbox: Sandbox
    as_csv: bool
    kinds: frozenset[str]
    chosen: tuple[str, ...]

    @cached_property
    def by_sha256(self) -> dict[str, TrueExtract]:
        return {self._sha256(extract): extract for extract in self._extracts()}

    def _extracts(self) -> list[TrueExtract]:
        found: list[TrueExtract] = []
        for data_set in self.sandbox.catalogue():
            if data_set.name.startswith(self.chosen):
                found += [data_set.newest_full] if data_set.newest_full and "Full" in self.kinds else []
                found += data_set.differentials if "Differential" in self.kinds else []
        return found

    def _sha256(self, extract: TrueExtract) -> str:
        if not self.as_csv:
            return extract.sha256
        with zipfile.ZipFile(io.BytesIO(extract.read())) as archive:
            return hashlib.sha256(archive.read(archive.namelist()[0])).hexdigest()

    @cached_property
    def bytes(self) -> int:
        """The total size of the zips."""
        return sum(extract.size for extract in self.by_sha256.values())


def truth_of(sandbox: Sandbox, arguments: tuple[object, ...]) -> Truth:
    """What a pull with these arguments must deliver."""
    both = "all" in arguments
    chosen = tuple(str(each).rstrip("*") for each in arguments if str(each).endswith("*"))
    kinds = frozenset({"Full", "Differential"} if both else {"Full"})
    return Truth(sandbox, "csv" in arguments, kinds, chosen or ("",))


@dataclass
class Folder:
    """A destination through all its killed runs."""

    path: Path
    truth: Truth
    published: dict[Path, str] = field(default_factory=dict)

    def look(self) -> None:
        """Check all files with a final name; those that had one before must not have changed."""
        found = {path: _sha256_of(path) for path in self.path.rglob("*_*") if self._is_published(path)}
        assert not {path.name: sha256 for path, sha256 in found.items() if sha256 not in self.truth.by_sha256}
        assert self.published.items() <= found.items()
        self.published = found

    def _is_published(self, path: Path) -> bool:
        return ".bds-async" not in path.parts and path.is_file()

    @property
    def published_objects(self) -> set[str]:
        """The paths of the published files in the storage."""
        return {object_path(self.truth.by_sha256[sha256].extract) for sha256 in self.published.values()}

    def names(self) -> int:
        """Count the final names quickly."""
        return sum(len(names) for parent, _, names in os.walk(self.path) if ".bds-async" not in parent)

    @property
    def journal(self) -> Path:
        return self.path / ".bds-async" / "ledger.sqlite3-journal"

    def whole(self) -> None:
        """Check that the folder is finished: it has every file, one row for each, and nothing else."""
        assert sorted(self.published.values()) == sorted(self.truth.by_sha256)
        assert self.names() == len(self.published)
        kept = sorted(path.relative_to(self.path / ".bds-async") for path in (self.path / ".bds-async").rglob("*"))
        assert [str(path) for path in kept if str(path) != "lock"] == ["destination", "ledger.sqlite3", "partial"]
        rows = _query(self.path / ".bds-async" / "ledger.sqlite3", "SELECT path, sha256, state FROM extracts")
        expected = {(p.relative_to(self.path).as_posix(), sha256, "done") for p, sha256 in self.published.items()}
        assert sorted(rows) == sorted(expected)
        assert _query(self.path / ".bds-async" / "ledger.sqlite3", "PRAGMA integrity_check") == [("ok",)]

    def state(self) -> str:
        """Where a run was killed, as seen from the disk."""
        state = self.path / ".bds-async"
        if not (state / "ledger.sqlite3").exists():
            return "before the ledger was there"
        if self.journal.exists():
            return "in a transaction of the ledger"
        if self._intents():
            return "between intent and done"
        partial = list((state / "partial").iterdir())
        if any(path.suffix == ".csv" for path in partial):
            return "with a CSV half or wholly unzipped"
        if any(path.suffix == ".part" and path.stat().st_size for path in partial):
            return "with bytes in partial files"
        return "elsewhere, with some files published" if self.published else "elsewhere, before the first file"

    def _intents(self) -> int:
        """Read a copy of the ledger, so that this changes nothing."""
        copy = self.path.with_name("looked-at.sqlite3")
        shutil.copyfile(self.path / ".bds-async" / "ledger.sqlite3", copy)
        try:
            ((count,),) = _query(copy, "SELECT count(*) FROM extracts WHERE state = 'intent'")
        except sqlite3.OperationalError:  # killed before the tables were made
            return 0
        return int(count)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _query(database: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
