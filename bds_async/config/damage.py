"""Visible damage to a secret from copying: invisible characters, surrounding quotes, a leading `Bearer`."""

from __future__ import annotations

import re
import unicodedata

#: Opening quote to closing quote.
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "„": "“", "«": "»"}
#: Characters without a shape that Python calls printable: fillers and variation selectors.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | frozenset(map(chr, range(0xFE00, 0xFE10)))


def damage_in(secret: str) -> str | None:
    """Describe visible damage to a secret, as the rest of a sentence; None if there is none. Quotes nothing of it."""
    if (invisible := next(filter(_is_invisible, secret), None)) is not None:
        where = _place(secret, invisible)
        return f"{where} the invisible character {_named(invisible)}: copy it again without that"
    bare = secret.rstrip(",;")
    if len(bare) >= 2 and _QUOTES.get(bare[0]) == bare[-1]:
        return "is in quotes: remove them"
    if prefix := re.match(r"(bearer|basic)\s", secret, re.IGNORECASE):
        return f"begins with {prefix[1]!r}: remove that word"
    return None


def _is_invisible(character: str) -> bool:
    return not character.isprintable() or character in _FILLERS


def _place(secret: str, character: str) -> str:
    if secret.startswith(character):
        return "begins with"
    return "ends with" if secret.endswith(character) else "contains"


def _named(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} ({name.lower()})" if name else f"U+{ord(character):04X}"
