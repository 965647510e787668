"""Descriptions of faults in a file that is not valid JSON: people's usual mistakes, each with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

#: The only words of a line that may be shown; everything else in it may be a secret.
SHOWN = frozenset({"bspace_url", "client_id", "client_secret", "refresh_token", "auth_service", "api_version"}) | {
    *("scope", "token_file", "private_key_file", "key_id")
}
_CURLY = frozenset("“”„‟‘’‚‛«»")
_WORD = re.compile(r"[^\s{}\[\]:,\"'“”„‟‘’‚‛«»#*/]+")
_LONGEST = 60


def problem_of(
    text: str, error: json.JSONDecodeError, model: str = "config-sample.json", *, is_secret: bool = True
) -> str:
    """Describe the fault of a file, as the rest of a sentence; values of a secret file are not quoted.

    `model` is a sample of such a file.
    """
    if not text.strip():
        return f"is empty: see {model} for its form"
    is_section = re.match(r"\s*\[\w+\]\s*\n", text) is not None
    if is_section or not text.lstrip().startswith(("{", "[", "/", "#", "“", "”")):
        kind = "YAML or INI" if is_section or re.match(r"\s*[\w-]+\s*[:=]", text) else "something else"
        return f"is not JSON but {kind}: write it in the form of {model}"
    for fault in (_comment, _trailing_comma, _quotes, _missing_comma, _end, _escape, _word):
        if (found := fault(text, error)) is not None:
            place, why = found
            break
    else:
        place, why = error.pos, error.msg
    line = _line(text, place)
    # The file may be a config that was named by mistake.
    shown = _masked(line) if is_secret or any(key in text for key in SHOWN) else _cut(line)
    return f"is not JSON, line {text.count(chr(10), 0, place) + 1}: {why}. The line: {shown}"


#: The position of a fault and what to do about it; None if the fault is of another kind.
_Fault = tuple[int, str] | None
_Finder = Callable[[str, json.JSONDecodeError], _Fault]


def _comment(text: str, error: json.JSONDecodeError) -> _Fault:
    is_one = text.startswith(("//", "/*", "#"), error.pos)
    return (error.pos, "JSON has no comments; remove this one") if is_one else None


def _trailing_comma(text: str, error: json.JSONDecodeError) -> _Fault:
    before, at = text[: error.pos].rstrip(), text[error.pos : error.pos + 1]
    # Python 3.13 reports the comma itself.
    comma = error.pos if at == "," and text[error.pos + 1 :].lstrip()[:1] in ("}", "]") else before.rfind(",")
    is_one = comma == error.pos or (at in ("}", "]") and comma == len(before) - 1 and comma >= 0)
    return (comma, "remove the comma before the closing bracket") if is_one else None


def _quotes(text: str, error: json.JSONDecodeError) -> _Fault:
    if text[error.pos : error.pos + 1] == "'":
        return error.pos, 'JSON has no single quotes; write "'
    line = _line(text, error.pos)
    if curly := next((character for character in line if character in _CURLY), None):
        return error.pos, f'it has the curly quote {curly}; write "'
    return None


def _missing_comma(text: str, error: json.JSONDecodeError) -> _Fault:
    if "',' delimiter" not in error.msg or text[error.pos : error.pos + 1] != '"':
        return None
    return len(text[: error.pos].rstrip()) - 1, "a comma is missing at its end"


def _end(text: str, error: json.JSONDecodeError) -> _Fault:
    if error.msg.startswith(("Unterminated string", "Invalid control character")):
        return error.pos - error.msg.startswith("Invalid"), "the closing quote is missing"
    if error.pos >= len(text.rstrip()):
        return len(text.rstrip()) - 1, "the file ends too early; a closing bracket is missing"
    return (error.pos, "remove what follows the closing bracket") if error.msg == "Extra data" else None


def _escape(_: str, error: json.JSONDecodeError) -> _Fault:
    is_one = error.msg.startswith(("Invalid \\escape", "Invalid \\uXXXX"))
    return (error.pos, r"write \\ for each backslash, or / in a path") if is_one else None


def _word(text: str, error: json.JSONDecodeError) -> _Fault:
    word = re.match(r"True|False|None", text[error.pos :])
    if word is not None:
        return error.pos, f"write { ({'None': 'null'}.get(word[0]) or word[0].lower()) } in place of {word[0]}"
    is_bare = re.match(r"\w", text[error.pos :]) is not None
    return (error.pos, "a name or value is without quotes") if is_bare else None


def _line(text: str, place: int) -> str:
    return text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0].strip()


def _masked(line: str) -> str:
    """Return a line with every word masked as `…` except the names of keys."""
    masked = _WORD.sub(lambda word: word[0] if word[0] in SHOWN else "…", line)
    masked = re.sub(r"…(?:[\s:/#*]*…)+", "…", masked)
    return _cut(masked)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
