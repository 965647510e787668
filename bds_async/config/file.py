"""config.json as text: parsing it, and replacing one value in it without changing any other byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from .syntax import problem_of

_BLANKS = re.compile(r"[ \t\r\n]*")


class _Entry(NamedTuple):
    """A key of the outermost object, and the positions in the text of the key and of its value."""

    key: str
    key_start: int
    start: int
    stop: int


def parse_object(content: bytes) -> dict[str, Any]:
    """Parse the JSON object in a file, with or without a byte order mark (UTF-8, or the UTF-16 that PowerShell writes).

    Raises ValueError with a text that names the position of the fault and quotes nothing.
    """
    text = ""
    try:
        text = _decoded(content)[0]
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        problem = problem_of(text, error)
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text: byte {error.start}"
    except (ValueError, RecursionError):
        problem = "is not JSON that can be read: a number too long or nested too deeply"
    else:
        if isinstance(parsed, dict):
            return parsed
        problem = "is JSON, but no object: write it in the form of config-sample.json"
    raise ValueError(problem)


def with_refresh_token(content: bytes, token: str) -> bytes:
    """Replace the refresh token in a file. Every other byte stays the same.

    `parse_object` must accept `content`. If a key occurs twice, the last one counts, as in every JSON parser.
    """
    text, encoding = _decoded(content)
    entries = list(_entries(text))
    spans = [entry for entry in entries if entry.key == "refresh_token"]
    if spans:
        text = text[: spans[-1].start] + json.dumps(token) + text[spans[-1].stop :]
    else:
        text = _appended(text, entries, f'"refresh_token": {json.dumps(token)}')
    return text.encode(encoding)


def _decoded(content: bytes) -> tuple[str, str]:
    encoding = json.detect_encoding(content)
    return content.decode(encoding), encoding


def _entries(text: str) -> Iterator[_Entry]:
    decoder = json.JSONDecoder()
    at = _past(text, text.index("{"))
    while text[at] != "}":
        key, key_stop = decoder.raw_decode(text, at)
        start = _past(text, _blank(text, key_stop))
        _, stop = decoder.raw_decode(text, start)
        yield _Entry(key, at, start, stop)
        at = _blank(text, stop)
        at = _past(text, at) if text[at] == "," else at


def _appended(text: str, entries: list[_Entry], member: str) -> str:
    """Insert a member after the last one, with the indentation of the first one."""
    opening = text.index("{") + 1
    if not entries:
        return text[:opening] + member + text[opening:]
    indent = text[opening : entries[0].key_start]
    return text[: entries[-1].stop] + "," + indent + member + text[entries[-1].stop :]


def _past(text: str, at: int) -> int:
    """The position of the next token after the one character at `at`."""
    return _blank(text, at + 1)


def _blank(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
