"""The tables of the ledger, the migration of older databases, and transactions."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import cache

#: The statements from each format to the next one; `user_version` is the number of migrations of a database.
#: Moments are microseconds since 1970, UTC. No two paths differ by ASCII case alone, no two folders by `fold` alone.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE tenant (origin TEXT NOT NULL)",
        "CREATE TABLE folders (folder TEXT PRIMARY KEY, folded TEXT NOT NULL UNIQUE) WITHOUT ROWID",
        """CREATE TABLE folder_ids (
            data_set_id TEXT PRIMARY KEY,
            folder TEXT NOT NULL REFERENCES folders (folder)
        ) WITHOUT ROWID""",
        """CREATE TABLE plugins (
            id INTEGER PRIMARY KEY,
            plugin_id TEXT NOT NULL,
            bds_type TEXT NOT NULL,
            folder TEXT NOT NULL REFERENCES folders (folder),
            data_set TEXT NOT NULL,
            schema_id TEXT,
            UNIQUE (plugin_id, bds_type)
        )""",
        "CREATE INDEX plugins_by_folder ON plugins (folder)",
        "CREATE TABLE headers (id INTEGER PRIMARY KEY, columns TEXT NOT NULL UNIQUE)",
        """CREATE TABLE extracts (
            id INTEGER PRIMARY KEY,
            plugin INTEGER NOT NULL REFERENCES plugins (id),
            queued INTEGER NOT NULL,
            created INTEGER NOT NULL,
            version TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('intent', 'done')),
            path TEXT,
            staged TEXT,
            bytes INTEGER,
            sha256 TEXT,
            header INTEGER REFERENCES headers (id),
            delivered INTEGER,
            UNIQUE (plugin, queued, created, version)
        )""",
        "CREATE UNIQUE INDEX extracts_by_path ON extracts (path COLLATE NOCASE)",
        "CREATE INDEX intents ON extracts (id) WHERE state = 'intent'",
    ),
    # The state of syncs for each data set, by its folder: the last look, owed extracts, gaps, pinned columns.
    (
        """CREATE TABLE syncs (
            folder TEXT PRIMARY KEY REFERENCES folders (folder),
            baseline INTEGER,
            baseline_created INTEGER,
            looked INTEGER NOT NULL,
            latest INTEGER,
            newest INTEGER,
            retained INTEGER
        ) WITHOUT ROWID""",
        """CREATE TABLE owed (
            plugin_id TEXT NOT NULL,
            bds_type TEXT NOT NULL,
            queued INTEGER NOT NULL,
            created INTEGER NOT NULL,
            version TEXT NOT NULL,
            folder TEXT NOT NULL REFERENCES folders (folder),
            PRIMARY KEY (plugin_id, bds_type, queued, created, version)
        ) WITHOUT ROWID""",
        "CREATE INDEX owed_by_folder ON owed (folder)",
        """CREATE TABLE gaps (
            id INTEGER PRIMARY KEY,
            folder TEXT NOT NULL REFERENCES folders (folder),
            gap_after INTEGER,
            gap_before INTEGER,
            opened INTEGER NOT NULL,
            closed INTEGER,
            closed_by TEXT
        )""",
        "CREATE INDEX gaps_by_folder ON gaps (folder)",
        """CREATE TABLE pins (
            folder TEXT PRIMARY KEY REFERENCES folders (folder),
            header INTEGER REFERENCES headers (id)
        ) WITHOUT ROWID""",
    ),
    # What shows that a gap is closed: the lost differential, or the newest date seen before the gap.
    ("ALTER TABLE gaps ADD COLUMN lost INTEGER", "ALTER TABLE gaps ADD COLUMN seen INTEGER"),
    # The data sets that are no longer listed, and the extracts whose dates were in the future when they were listed.
    (
        """CREATE TABLE absences (
            folder TEXT PRIMARY KEY REFERENCES folders (folder),
            noticed INTEGER NOT NULL,
            accepted INTEGER
        ) WITHOUT ROWID""",
        """CREATE TABLE future (
            plugin_id TEXT NOT NULL,
            bds_type TEXT NOT NULL,
            queued INTEGER NOT NULL,
            created INTEGER NOT NULL,
            version TEXT NOT NULL,
            folder TEXT NOT NULL REFERENCES folders (folder),
            PRIMARY KEY (plugin_id, bds_type, queued, created, version)
        ) WITHOUT ROWID""",
        "CREATE INDEX future_by_folder ON future (folder)",
    ),
)

#: The format of this version.
NEWEST = len(MIGRATIONS)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the statements inside as one transaction; inside another transaction, join that one."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors SQLite has already rolled back.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def format_of(connection: sqlite3.Connection) -> int:
    """The format that a database states: the number of its migrations."""
    return int(connection.execute("PRAGMA user_version").fetchone()["user_version"])


def is_ledger(connection: sqlite3.Connection, found: int) -> bool:
    """Whether a database that states the format `found` is a complete ledger.

    It may be another program's database, or a partly restored one. Each column of its format must exist. For a newer
    format, only the tables of the first format can be checked.
    """
    if found <= 0:
        return False
    there = _columns(connection)
    if found > NEWEST:
        return {"tenant", "extracts"} <= {table for table, _ in there}
    return _columns_of_format(found) <= there


@cache
def _columns_of_format(number: int) -> set[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        model.row_factory = sqlite3.Row
        bring_forward(model, 0, number)
        return _columns(model)


def bring_forward(connection: sqlite3.Connection, found: int, wanted: int | None = None) -> None:
    """Migrate a database from the format `found` to the format `wanted`, by default the newest one."""
    if not (missing := MIGRATIONS[found:wanted]):
        return
    with transaction(connection):
        for number, statements in enumerate(missing, start=found + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")


def _columns(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    query = """
        SELECT tables.name AS in_table, columns.name AS name
        FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table'
    """
    return {(row["in_table"], row["name"]) for row in connection.execute(query)}
