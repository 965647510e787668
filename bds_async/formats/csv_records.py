r"""A CSV, checked record by record before a database reads it.

The readers of both databases give up at the first bad byte or missing field, and a lone `\.` ends PostgreSQL's COPY.
Whole blocks are checked at the speed of `bytes` methods; only an irregular block is parsed record by record. The output
is RFC 4180 with one kind of line end, valid UTF-8, without NUL, and each record has as many fields as the header.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from .csv_lines import LineMap
from .csv_record import BOM, RECORD_LIMIT, Parsed, encoded, parse_record, text_of

#: All bytes except those that frame the values of a record, and NUL.
_TEXT = bytes(byte for byte in range(256) if byte not in b",\r\n\0")


class NoHeader(Exception):
    """The file has no header row."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A value, or a whole record if `column` is None, that could not be applied.

    `line` is the record's first line, the header being 1; `value` the raw text, with bad bytes escaped.
    """

    line: int
    column: str | None
    value: str
    reason: str


class Records:
    """The records of a CSV that arrives in blocks.

    `header` and `newline` are known from the start; `rejects` grows while `pieces` is read, and the reader may empty
    it. `count` is the number of records so far, rejected ones included. If records span lines, `lines` is vague, except
    with `exact`, which is slower. Raises NoHeader.
    """

    def __init__(self, blocks: Iterable[bytes], *, exact: bool = False) -> None:
        self._exact = exact
        self._blocks = iter(blocks)
        self._rest = b""
        self._final = False
        self.rejects: list[Reject] = []
        self.count = 0
        self.whole: frozenset[int] = frozenset()
        self.header, self.newline = self._read_header()
        self._width = len(self.header)
        self._frame = b"," * (self._width - 1) + self.newline

    def reject_whole(self, positions: Iterable[int]) -> None:
        """Reject a whole record if the value at one of these positions is not text."""
        self.whole = frozenset(positions)

    def _read_header(self) -> tuple[tuple[str, ...], bytes]:
        parsed = None
        while parsed is None:
            if not self._more():
                parsed = parse_record(self._rest, len(BOM) if self._rest.startswith(BOM) else 0, final=True)
                break
            parsed = parse_record(self._rest, len(BOM) if self._rest.startswith(BOM) else 0, final=False)
        if parsed is None or parsed.fault or not any(parsed.fields):
            raise NoHeader
        raw, self._rest = self._rest[: parsed.stop], self._rest[parsed.stop :]
        self.lines = LineMap(1 + max(raw.count(b"\n"), 1))
        return tuple(map(text_of, parsed.fields)), b"\r\n" if raw.endswith(b"\r\n") else b"\n"

    def _more(self) -> bool:
        block = next(self._blocks, None)
        self._final = block is None
        self._rest += block or b""
        return not self._final

    def pieces(self) -> Generator[bytes, None, None]:
        """Yield the clean records in blocks, without the header."""
        while self._rest or not self._final:
            yield self._next_piece()
            if not self._final:
                self._more()

    def _next_piece(self) -> bytes:
        stop, outside = _cut(self._rest)
        if stop and self._is_regular(self._rest[:stop], outside):
            piece, self._rest = self._rest[:stop], self._rest[stop:]
            return piece
        if stop == 0 and not self._final and len(self._rest) < RECORD_LIMIT:
            return b""
        return b"".join(self._parsed())

    # Whole blocks

    def _is_regular(self, piece: bytes, outside: list[bytes]) -> bool:
        """Whether a piece can be passed on unchanged; if so, count its records."""
        bare = b'"'.join(outside)
        frame = bare.translate(None, _TEXT)
        records, odd = divmod(len(frame), len(self._frame))
        if odd or frame != self._frame * records or not _is_text(piece):
            return False
        if len(outside) > 1 and (b"\0" in piece or not _quotes_right(outside)):
            return False
        if self._width == 1 or b"\\." in bare:
            return False
        self._note(piece, records, outside)
        return True

    def _note(self, piece: bytes, records: int, outside: list[bytes]) -> None:
        self.count += records
        breaks = piece.count(b"\n") - records if len(outside) > 1 else 0
        if not breaks:
            self.lines.add(records)
        elif self._exact:
            self._note_each(piece, records, outside)
        else:
            self.lines.add_vague(records, records + breaks)

    def _note_each(self, piece: bytes, records: int, outside: list[bytes]) -> None:
        long: dict[int, int] = {}
        before = accumulate(part.count(b"\n") for part in outside)
        for record, part in zip(before, piece.split(b'"')[1::2], strict=False):
            if b"\n" in part:
                long[record] = long.get(record, 0) + part.count(b"\n")
        done = 0
        for record, breaks in long.items():
            self.lines.add(record - done)
            self.lines.add_long(1 + breaks)
            done = record + 1
        self.lines.add(records - done)

    # Record by record

    def _parsed(self) -> Iterator[bytes]:
        position = 0
        while position < len(self._rest):
            parsed = parse_record(self._rest, position, final=self._final)
            if parsed is None:
                break
            yield self._checked(parsed, self._rest[position : parsed.stop])
            position = parsed.stop
        self._rest = self._rest[position:]

    def _checked(self, parsed: Parsed, raw: bytes) -> bytes:
        self.count += 1
        lines = max(raw.count(b"\n"), 1)
        fault = parsed.fault
        if not fault and len(parsed.fields) != self._width:
            fault = f"has {len(parsed.fields)} fields, the header has {self._width}"
        bad = {} if fault else {place: why for place, field in enumerate(parsed.fields) if (why := _fault(field))}
        if not fault and (unusable := self.whole & bad.keys()):
            place = min(unusable)
            fault = f"the key column {self.header[place]} {bad[place]}"
        if fault:
            self.rejects.append(Reject(self.lines.line, None, text_of(raw.rstrip(b"\r\n")), fault))
            self.lines.skip(lines)
            return b""
        for place, why in bad.items():
            self.rejects.append(Reject(self.lines.line, self.header[place], text_of(parsed.fields[place]), why))
        self.lines.add_long(lines)
        fields = [b"" if place in bad else field for place, field in enumerate(parsed.fields)]
        return encoded(fields) + self.newline


def _cut(data: bytes) -> tuple[int, list[bytes]]:
    """Return where the last whole record ends, assuming well-placed quotes, and the parts outside of quotes."""
    if b'"' not in data:
        stop = data.rfind(b"\n") + 1
        return stop, [data[:stop]]
    parts = data.split(b'"')
    last = (len(parts) - 1) // 2 * 2
    while last >= 0 and b"\n" not in parts[last]:
        last -= 2
    if last < 0:
        return 0, []
    tail = parts[last].rfind(b"\n") + 1
    after = sum(map(len, parts[last + 1 :])) + len(parts) - 1 - last
    return len(data) - after - (len(parts[last]) - tail), [*parts[:last:2], parts[last][:tail]]


def _quotes_right(outside: list[bytes]) -> bool:
    """Whether quotes open only at the beginning of a field and close only at its end.

    `outside` are the parts between the quoted ones; the part between the two quotes of an escaped quote is empty.
    """
    opened = {part[-1:] for part in outside[:-1]}
    closed = {part[:1] for part in outside[1:]}
    return opened <= {b"", b",", b"\n"} and closed <= {b"", b",", b"\r", b"\n"}


def _is_text(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fault(field: bytes) -> str | None:
    if b"\0" in field:
        return "holds a NUL byte"
    return None if _is_text(field) else "is not UTF-8"
