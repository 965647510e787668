"""Server text to safe folder names, and stored paths to places inside the destination.

Names come from the server and are untrusted until they went through `folder_name`. Its result is one plain name on
Linux, macOS and Windows.
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

#: Bytes of UTF-8 that a folder's name may have, so that the file names built from it stay below 255.
FOLDER_BYTES = 100
#: How much of an id is added to a name that cannot stand alone.
ID_LENGTH = 8
#: Characters from which on Windows wants the long form of a path (its limit is 260, a file's name needs some).
WINDOWS_LIMIT = 240

#: A relative path of plain names. Windows drops dots and blanks at the end, so that ".. " would climb there.
_PLAIN = re.compile(r"[^/\\:\x00]*[^/\\:\x00. ](/[^/\\:\x00]*[^/\\:\x00. ])*")
_WINDOWS_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)}
)


def fold(name: str) -> str:
    """A form that is equal for names which some file system treats as the same: without case and normal form.

    Unicode's compatibility caseless match (definition D146) of the upper case, by which NTFS compares.
    """
    text = unicodedata.normalize("NFKD", name).upper()
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text.casefold())
    return text


def folder_name(name: str, *, data_set_id: str, taken: Container[str]) -> str:
    """The folder for a data set: the letters and digits of its name.

    The first 8 characters of the id are added if nothing is left of the name, if Windows reserves it for a device, or
    if another data set has it (its `fold` is in `taken`). The same arguments always give the same folder.
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
    """The place of a stored relative path (with `/`) in `folder`; DestinationError if it would leave the folder."""
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
    r"""An absolute Windows path in the form that may be longer than 260 characters: `\\?\C:\...`, if it is long."""
    if len(absolute) < WINDOWS_LIMIT or absolute.startswith("\\\\?\\"):
        return absolute
    if absolute.startswith("\\\\"):
        return "\\\\?\\UNC\\" + absolute[2:]
    return "\\\\?\\" + absolute
