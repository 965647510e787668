"""Which folder belongs to which data set: pinned at first sight, since names are localised and change."""

from __future__ import annotations

import json
import sqlite3

from ..models import DataSet
from ..workspace.paths import fold, folder_name


def pinned_folder(connection: sqlite3.Connection, data_set: DataSet) -> str | None:
    """The folder of a data set, if all its ids are pinned to one already; None if something is to be written."""
    found = _folders_of(connection, data_set)
    return found[0] if found and None not in found else None


def pin_folder(connection: sqlite3.Connection, data_set: DataSet) -> str:
    """The folder of a data set by any of its ids, else a new one by its name; ids that are new are pinned to it.

    To be called within a transaction. An id is never pinned to another folder.
    """
    found = [folder for folder in _folders_of(connection, data_set) if folder is not None]
    folder = found[0] if found else _new_folder(connection, data_set)
    connection.executemany(
        "INSERT OR IGNORE INTO folder_ids (data_set_id, folder) VALUES (?, ?)",
        [(data_set_id, folder) for data_set_id in data_set.ids],
    )
    return folder


def gather(connection: sqlite3.Connection, folder: str, data_set: DataSet) -> None:
    """Bring what is known of a data set's plugins to its folder; with the last plugin goes what syncs remember.

    To be called within a transaction.
    """
    strays = "FROM plugins WHERE folder != ?1 AND plugin_id IN (SELECT value FROM json_each(?2))"
    chosen = (folder, json.dumps(data_set.ids))
    for (stray,) in connection.execute(f"SELECT DISTINCT folder {strays}", chosen).fetchall():
        connection.execute(f"UPDATE owed SET folder = ?1 WHERE plugin_id IN (SELECT plugin_id {strays})", chosen)  # noqa: S608
        connection.execute(f"UPDATE plugins SET folder = ?1 WHERE id IN (SELECT id {strays})", chosen)  # noqa: S608
        if connection.execute("SELECT 1 FROM plugins WHERE folder = ?", (stray,)).fetchone() is None:
            for table in ("gaps", "syncs", "pins"):
                connection.execute(f"UPDATE OR IGNORE {table} SET folder = ? WHERE folder = ?", (folder, stray))  # noqa: S608


def copy_pins(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Give an empty database the pins of another one."""
    for table in ("folders", "folder_ids"):
        target.executemany(f"INSERT INTO {table} VALUES (?, ?)", source.execute(f"SELECT * FROM {table}"))  # noqa: S608


def _folders_of(connection: sqlite3.Connection, data_set: DataSet) -> list[str | None]:
    query = "SELECT folder FROM folder_ids WHERE data_set_id = ?"
    rows = [connection.execute(query, (data_set_id,)).fetchone() for data_set_id in data_set.ids]
    return [row[0] if row else None for row in rows]


def _new_folder(connection: sqlite3.Connection, data_set: DataSet) -> str:
    taken = [folder for (folder,) in connection.execute("SELECT folder FROM folders")]
    folder = folder_name(data_set.name, data_set_id=next(iter(data_set.ids), ""), taken=taken)
    connection.execute("INSERT INTO folders (folder, folded) VALUES (?, ?)", (folder, fold(folder)))
    return folder
