"""Conversion of server text to safe folder names, and of stored paths to paths inside the destination.

Names from the server are untrusted until `folder_name` has converted them. Its result is one plain name on Linux, macOS
and Windows.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import sys
import unicodedata
from collections.abc import Container, Iterator
from pathlib import Path

from ..errors import DestinationError

#: The most bytes of UTF-8 in a folder's name, so that the file names built from it stay below 255.
FOLDER_BYTES = 100
#: Characters of an id that are added to a name that cannot be used alone.
ID_LENGTH = 8
#: Length from which Windows needs the long form of a path (its limit is 260, of which a file name needs some).
WINDOWS_LIMIT = 240

#: A relative path of plain names. Windows drops trailing dots and blanks, so ".. " would leave the folder there.
_PLAIN = re.compile(r"[^/\\:\x00]*[^/\\:\x00. ](/[^/\\:\x00]*[^/\\:\x00. ])*")
_WINDOWS_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)}
)


def fold(name: str) -> str:
    """Fold case and normal form, so that names that some file system treats as the same become equal.

    This is Unicode's compatibility caseless match (definition D146) of the upper case, by which NTFS compares.
    """
    text = unicodedata.normalize("NFKD", name).upper()
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text.casefold())
    return text


def folder_name(name: str, *, data_set_id: str, taken: Container[str]) -> str:
    """The folder for a data set: the letters and digits of its name.

    The first 8 characters of the id are added if the name has no letters or digits, if Windows reserves it for a
    device, or if another data set has it (its `fold` is in `taken`). Equal arguments always give the same folder.
    """
    return next(
        candidate
        for candidate in _folder_candidates(_letters_and_digits(name), data_set_id)
        if candidate and fold(candidate) not in _WINDOWS_DEVICES and fold(candidate) not in taken
    )


def _folder_candidates(letters: str, data_set_id: str) -> Iterator[str]:
    yield _clip(letters, FOLDER_BYTES)
    stem = _clip(letters, FOLDER_BYTES - ID_LENGTH)
    yield stem + _plain_id(data_set_id)
    for number in itertools.count():
        yield stem + _short_hash(f"{data_set_id} {number}")


def _letters_and_digits(name: str) -> str:
    kept = (letter for letter in unicodedata.normalize("NFC", name) if letter.isalpha() or letter.isdecimal())
    return unicodedata.normalize("NFC", "".join(kept))


def _clip(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


def _plain_id(data_set_id: str) -> str:
    return re.sub(r"[^0-9a-z]", "", data_set_id.lower())[:ID_LENGTH] or _short_hash(data_set_id)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:ID_LENGTH]


def inside(folder: Path, relative: str) -> Path:
    """Resolve a stored relative path (with `/`) in `folder`; raises DestinationError if it would leave the folder."""
    if _PLAIN.fullmatch(relative) is None:
        raise DestinationError(
            f"The ledger of {folder} names {ascii(relative)[:200]}, which is no path inside that folder: "
            "restore .bds-async from a backup, or move its ledger away and run `bds-async ledger rebuild`."
        )
    return _long_where_needed(folder / relative)


def _long_where_needed(path: Path) -> Path:
    if sys.platform != "win32":
        return path
    return Path(windows_long_path(os.path.abspath(path)))  # noqa: PTH100 - resolve() would follow links


def windows_long_path(absolute: str) -> str:
    r"""Convert a long absolute Windows path to the form that may exceed 260 characters: `\\?\C:\...`."""
    if len(absolute) < WINDOWS_LIMIT or absolute.startswith("\\\\?\\"):
        return absolute
    if absolute.startswith("\\\\"):
        return "\\\\?\\UNC\\" + absolute[2:]
    return "\\\\?\\" + absolute
