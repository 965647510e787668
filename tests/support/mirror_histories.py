"""Random histories of a data set: what was delivered, and in which order it arrived."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.support.deliveries import DIFFERENTIAL, FULL, Deliveries
from tests.support.mirror_model import Shape, Told

PLAIN = Shape(
    "User Enrollments",
    ("OrgUnitId", "UserId", "RoleName", "EnrollmentDate"),
    ("OrgUnitId", "UserId"),
    frozenset({"OrgUnitId", "UserId"}),
    ("EnrollmentDate",),
)
VERSIONED = Shape(
    "Attendance User Sessions",
    ("UserId", "AttendanceSessionId", "SchemeSymbolId", "Version"),
    ("UserId", "AttendanceSessionId"),
    frozenset({"UserId", "AttendanceSessionId", "SchemeSymbolId", "Version"}),
    row_version="Version",
)
WINDOWED = Shape(
    "Content User Progress",
    ("ContentObjectId", "UserId", "CompletedDate", "LastVisited", "TotalTime"),
    ("ContentObjectId", "UserId"),
    frozenset({"ContentObjectId", "UserId", "TotalTime"}),
    ("CompletedDate", "LastVisited"),
    years=True,
)
MOMENTS = Shape(
    "Accommodations Profile Log",
    ("AccommodatedUserId", "OrgUnitId", "QuizTimeLimitExtraTime", "LastModified"),
    ("AccommodatedUserId", "OrgUnitId", "LastModified"),
    frozenset({"AccommodatedUserId", "OrgUnitId", "QuizTimeLimitExtraTime"}),
    ("LastModified",),
)
SHAPES = {"plain": PLAIN, "versioned": VERSIONED, "windowed": WINDOWED, "moments": MOMENTS}
_DAYS = ("", "2022-06-01T00:00:00.000Z", "2023-12-31T23:59:59.9999999Z", "2024-01-01T00:00:00Z", "2025-05-05T05:05:05")


@dataclass(frozen=True)
class History:
    """Extracts of one data set in the order of their arrival, in batches; each batch is one run of the mirror."""

    shape: Shape
    batches: tuple[tuple[Told, ...], ...]

    @property
    def told(self) -> list[Told]:
        return [each for batch in self.batches for each in batch]


def history(
    random: Random, shape: Shape, deliveries: Deliveries, *, twice: float = 0.0, shuffled: bool = True
) -> History:
    """A random history; `twice` is the probability that a full contains a key twice."""
    told: dict[object, Told] = {}
    for _ in range(random.randint(2, 9)):
        bds_type = FULL if random.random() < 0.45 else DIFFERENTIAL
        hours = random.choice([0, 24, 24, 48, 72, 96, 24 * 400])
        created = random.choice([0.1, 0.2])
        extract = deliveries.extract(bds_type, hours, created=created, version=random.choice(["9.4", "9.10"]))
        again = bds_type is DIFFERENTIAL or random.random() < twice
        told[extract.identity] = Told(extract, _rows(random, shape, again=again))
    arrived = sorted(told.values(), key=lambda each: each.order)
    if shuffled:
        random.shuffle(arrived)
    batches: list[tuple[Told, ...]] = []
    while arrived:
        count = random.randint(1, 3)
        batches.append(tuple(arrived[:count]))
        arrived = arrived[count:]
    return History(shape, tuple(batches))


def _rows(random: Random, shape: Shape, *, again: bool) -> tuple[tuple[str, ...], ...]:
    found: dict[object, tuple[str, ...]] = {}
    rows = []
    for _ in range(random.randint(0, 7)):
        values = tuple(_value(random, shape, name) for name in shape.header)
        key = shape.key_of(values)
        if again or key not in found:
            rows.append(values)
        found[key] = values
    return tuple(rows)


def _value(random: Random, shape: Shape, name: str) -> str:
    if name in shape.moments:
        if name in shape.key:
            return "2025-01-01T00:00:00.123456" + random.choice("12")
        return random.choice(_DAYS)
    if name in shape.key:
        return str(random.randint(1, 2 if name == shape.key[0] else 4))
    if name == shape.row_version:
        return random.choice(["", "1", "2", "10"])
    return random.choice(["", "1", "2"] if name in shape.numbers else ["", "a", 'b "x", ü', "c\r\nd"])
