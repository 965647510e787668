"""The folder of each data set, and the names of its files.

A folder is pinned to the ids of a data set when the data set is first seen, since names are localised and change.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable

from ..models import BdsType, DataSet, Extract, Identity, Plugin
from ..options import Suffix
from ..workspace.file_names import file_names, relative_path
from ..workspace.paths import fold, folder_name
from .database import Database
from .deliveries import Deliveries
from .rows import bds_type_of

_STRAYS = "FROM plugins WHERE folder != ?1 AND plugin_id IN (SELECT value FROM json_each(?2))"
_FOLDERS = """
    SELECT folders.folder, min(data_set_id) AS some_id FROM folders LEFT JOIN folder_ids USING (folder)
    GROUP BY folders.folder ORDER BY folders.folder
"""
_PLUGINS = "SELECT folder, bds_type, plugin_id, data_set, schema_id FROM plugins ORDER BY id"


class Folders:
    """The part of the ledger that names folders and files.

    New folders are pinned in the database `pins`: the ledger's own, or one in memory for a reader.
    """

    def __init__(self, database: Database, pins: Database, deliveries: Deliveries) -> None:
        self._database = database
        self._pins = pins
        self._deliveries = deliveries
        self._reserved: dict[str, Identity] = {}

    def folder_for(self, data_set: DataSet) -> str:
        """The folder of a data set; the first call pins it to the data set's ids."""
        return self.folders_for([data_set])[0]

    def folders_for(self, data_sets: Iterable[DataSet]) -> list[str]:
        """The folders of data sets, in their order; new ones are pinned in one transaction."""
        wanted = list(data_sets)
        with self._pins.statements():
            # Read all at once: they are few, and a query for each id would take longer than the rest of a plan.
            rows = self._pins.rows("SELECT data_set_id, folder FROM folder_ids")
            pinned = {row["data_set_id"]: row["folder"] for row in rows}
            if all(data_set.ids and pinned.keys() >= set(data_set.ids) for data_set in wanted):
                return [pinned[data_set.ids[0]] for data_set in wanted]
            with self._pins.writing():
                taken = {row["folded"] for row in self._pins.rows("SELECT folded FROM folders")}
                return [self._pin(data_set, pinned, taken) for data_set in wanted]

    def _pin(self, data_set: DataSet, pinned: dict[str, str], taken: set[str]) -> str:
        """Find the folder of a data set by any of its ids, or create one by its name; pin new ids to it.

        A pinned id keeps its folder. New entries are added to `pinned` and `taken`.
        """
        known = next((pinned[each] for each in data_set.ids if each in pinned), None)
        folder = known or self._new_folder(data_set, taken)
        new = dict.fromkeys((each for each in data_set.ids if each not in pinned), folder)
        self._pins.execute_many("INSERT INTO folder_ids (data_set_id, folder) VALUES (?, ?)", new.items())
        pinned.update(new)
        return folder

    def _new_folder(self, data_set: DataSet, taken: set[str]) -> str:
        folder = folder_name(data_set.name, data_set_id=next(iter(data_set.ids), ""), taken=taken)
        self._pins.execute("INSERT INTO folders (folder, folded) VALUES (?, ?)", folder, fold(folder))
        taken.add(fold(folder))
        return folder

    def of_ids(self, data_set_ids: Iterable[str]) -> frozenset[str]:
        """All folders to which any of these ids is pinned."""
        query = "SELECT DISTINCT folder FROM folder_ids WHERE data_set_id IN (SELECT value FROM json_each(?))"
        return frozenset(str(row["folder"]) for row in self._pins.rows(query, json.dumps(list(data_set_ids))))

    def gather(self, data_sets: Iterable[DataSet]) -> None:
        """Move the records of each data set's plugins to its folder, if they are under another one."""
        wanted = list(data_sets)
        folders = self.folders_for(wanted)
        with self._database.writing():
            for folder, data_set in zip(folders, wanted, strict=True):
                self._gather(folder, data_set)

    def _gather(self, folder: str, data_set: DataSet) -> None:
        """Move plugins; the last plugin of a folder takes the sync state of that folder along."""
        chosen = (folder, json.dumps(data_set.ids))
        for row in self._database.rows(f"SELECT DISTINCT folder {_STRAYS}", *chosen):
            stray = row["folder"]
            for table in ("owed", "future"):
                query = f"UPDATE {table} SET folder = ?1 WHERE plugin_id IN (SELECT plugin_id {_STRAYS})"  # noqa: S608
                self._database.execute(query, *chosen)
            self._database.execute(f"UPDATE plugins SET folder = ?1 WHERE id IN (SELECT id {_STRAYS})", *chosen)  # noqa: S608
            if self._database.row("SELECT 1 FROM plugins WHERE folder = ?", stray) is None:
                for table in ("gaps", "syncs", "pins"):
                    self._database.execute(f"UPDATE OR IGNORE {table} SET folder = ? WHERE folder = ?", folder, stray)  # noqa: S608

    def path_for(self, extract: Extract, folder: str, suffix: Suffix) -> str:
        """The path of an extract, relative to the destination: the first of its names that no other extract has.

        The name stays reserved for the extract while the ledger is open.
        """
        identity = extract.identity
        with self._database.statements():
            known = self._deliveries.find(identity)
            if known is not None and known.path is not None and known.path.endswith(suffix):
                return known.path
            names = file_names(folder, identity, suffix)
            path = relative_path(folder, extract.bds_type, next(names))
            while not self._is_free(path, identity) and (name := next(names, None)):
                path = relative_path(folder, extract.bds_type, name)
            self._reserved[path.lower()] = identity
            return path

    def _is_free(self, path: str, identity: Identity) -> bool:
        holder = self._deliveries.at_path(path)
        known = self._reserved.get(path.lower()) or (holder and holder.identity)
        return known is None or known == identity

    def data_sets(self) -> dict[str, DataSet]:
        """Every data set that has a folder, with its names as last seen, by its folder."""
        plugins: defaultdict[str, dict[BdsType, sqlite3.Row]] = defaultdict(dict)
        with self._database.statements():
            for row in self._database.rows(_PLUGINS):
                plugins[row["folder"]][bds_type_of(row["bds_type"])] = row
            rows = self._database.rows(_FOLDERS)
        return {row["folder"]: _data_set(row["folder"], row["some_id"], plugins[row["folder"]]) for row in rows}


def copy_pins(source: Database, target: Database) -> None:
    """Copy the pinned folders of a database into an empty one."""
    for table in ("folders", "folder_ids"):
        rows = source.rows(f"SELECT * FROM {table}")  # noqa: S608
        target.execute_many(f"INSERT INTO {table} VALUES (?, ?)", map(tuple, rows))  # noqa: S608


def _data_set(folder: str, some_id: str | None, plugins: dict[BdsType, sqlite3.Row]) -> DataSet:
    full, differential = plugins.get(BdsType.FULL), plugins.get(BdsType.DIFFERENTIAL)
    if full is None and differential is None:
        return DataSet(None, Plugin(some_id or "", folder), None)
    return DataSet(
        next((row["schema_id"] for row in (full, differential) if row is not None and row["schema_id"]), None),
        None if full is None else Plugin(full["plugin_id"], full["data_set"]),
        None if differential is None else Plugin(differential["plugin_id"], f"{differential['data_set']} Differential"),
    )
