"""Which faults hit a request: matching and counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..data.tables import matches
from .model import Fault, fault_of
from .specs import LISTS


@dataclass(frozen=True)
class Target:
    """The properties of a request that faults match; `link` identifies an extract of a plugin."""

    kind: str
    data_set: str | None
    bds_type: str | None
    link: str
    ranged: bool


class FaultPlan:
    """The faults of one sandbox, and how many requests each has matched."""

    def __init__(self, faults: Iterable[Fault | dict[str, Any]]) -> None:
        self._faults = tuple(fault_of(given, f"faults[{number}]") for number, given in enumerate(faults))
        self._met: Counter[tuple[object, ...]] = Counter()

    def active(self, target: Target) -> tuple[Fault, ...]:
        """Return the faults that hit this request, and count it."""
        return tuple(
            fault
            for number, fault in enumerate(self._faults)
            if _matches(fault, target) and fault.hits(self._occurrence(number, fault, target))
        )

    def _occurrence(self, number: int, fault: Fault, target: Target) -> int:
        subject = (target.data_set, target.bds_type, target.link) if fault.counted == "each" else ()
        self._met[number, *subject] += 1
        return self._met[number, *subject]


def _matches(fault: Fault, target: Target) -> bool:
    if fault.on != target.kind or fault.ranged not in (None, target.ranged):
        return False
    if target.kind in LISTS:
        # The catalogue has no data set, and an extract list may have no type: the entries are matched one by one.
        return target.data_set is None or matches(target.data_set, (fault.data_set,))
    named = fault.data_set == "*" or matches(target.data_set or "", (fault.data_set,))
    return named and fault.bds_type in ("*", target.bds_type)
