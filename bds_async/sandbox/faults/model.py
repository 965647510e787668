"""Faults: their selectors and parameters, and how they are read from JSON."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data.tables import matches, tables
from .specs import KINDS, REQUIRED, SPECS, Parameter

#: The keys that choose requests; the other keys of a fault are the parameters of its action.
SELECTORS: dict[str, Parameter] = {
    "action": Parameter((str,), choices=tuple(SPECS)),
    "on": Parameter((str,), None, KINDS),
    "data_set": Parameter((str,), "*"),
    "bds_type": Parameter((str,), "*", ("Full", "Differential", "*")),
    "ranged": Parameter((bool,), None),
    "first": Parameter((int,), None),
    "at": Parameter((list, tuple), ()),
    "every": Parameter((int,), None, least=1),
    "counted": Parameter((str,), "each", ("each", "together")),
}


@dataclass(frozen=True)
class Fault:
    """One fault: `action` on requests of the kind `on`, by default the storage, if the action can hit it.

    `data_set` is a name pattern; `ranged` selects requests with (or without) a `Range` header. The fault hits all
    matching requests, or the `first` N, or those `at` given positions counted from 1, or `every` N-th. They are counted
    separately for each extract (or list, or endpoint), or `together`.
    """

    action: str
    on: str
    data_set: str = "*"
    bds_type: str = "*"
    ranged: bool | None = None
    first: int | None = None
    at: tuple[int, ...] = ()
    every: int | None = None
    counted: str = "each"
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __getitem__(self, name: str) -> Any:
        """Return a parameter of the action."""
        return self.parameters[name]

    def hits(self, occurrence: int) -> bool:
        """Return whether the n-th matching request is hit."""
        if self.first is not None:
            return occurrence <= self.first
        if self.at:
            return occurrence in self.at
        return self.every is None or occurrence % self.every == 0

    @classmethod
    def of(cls, action: str, **keys: Any) -> Fault:
        """Create a fault from the keys that a file would have; ValueError names the wrong key."""
        return parse_fault({"action": action, **keys}, "fault")


def load_faults(path: Path, data_sets: int | None = None) -> tuple[Fault, ...]:
    """Read a JSON file: a list of faults, or an object with such a list under `faults`.

    ValueError names the place of a mistake in the file; with `data_sets`, also a pattern that matches none of that many
    data sets. OSError if the file cannot be read.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    listed = content.get("faults") if isinstance(content, dict) else content
    if not isinstance(listed, list):
        raise ValueError(f"{path}: expected a list of faults, or an object with one under 'faults'")
    faults = tuple(parse_fault(entry, f"{path}: faults[{number}]") for number, entry in enumerate(listed))
    if data_sets is not None:
        _refuse_strangers(faults, [table.name for table in tables(data_sets)], path)
    return faults


def _refuse_strangers(faults: Iterable[Fault], names: list[str], path: Path) -> None:
    for number, fault in enumerate(faults):
        if not any(matches(name, (fault.data_set,)) for name in names):
            near = difflib.get_close_matches(fault.data_set, names, n=1)
            hint = f"the nearest is {near[0]!r}" if near else "the fault would never happen"
            raise ValueError(
                f"{path}: faults[{number}].data_set: no data set of the sandbox's {len(names)} "
                f"matches {fault.data_set!r}; {hint}"
            )


def fault_of(given: object, place: str) -> Fault:
    """Return a fault as it is, or read one from a dict; raises TypeError, and ValueError as `parse_fault` does."""
    if isinstance(given, Fault):
        return given
    if isinstance(given, dict):
        return parse_fault(given, place)
    raise TypeError(
        f"{place}: expected a bds_async.sandbox.Fault or a dict, not {type(given).__name__}; "
        "play(*faults) takes the faults of a list, and load_faults(path) reads them from a file"
    )


def parse_fault(entry: object, place: str) -> Fault:
    """Read one fault; ValueError begins with `place` and names the key."""
    if not isinstance(entry, dict):
        raise ValueError(f"{place}: expected an object, not {type(entry).__name__}")
    selectors = _checked(entry, SELECTORS, place)
    spec = SPECS[selectors["action"]]
    rest = {key: value for key, value in entry.items() if key not in SELECTORS}
    selectors["on"] = _kind(selectors["on"], spec.kinds, f"{place}.on")
    _refuse_unknown(rest, spec.parameters, place)
    selectors["at"] = _places(selectors["at"], f"{place}.at")
    return Fault(**selectors, parameters=_checked(rest, spec.parameters, place))


def _checked(entry: Mapping[str, Any], parameters: Mapping[str, Parameter], place: str) -> dict[str, Any]:
    found = {}
    for name, parameter in parameters.items():
        if name in entry:
            if complaint := parameter.complaint(entry[name]):
                raise ValueError(f"{place}.{name}: {complaint}")
        elif parameter.default is REQUIRED:
            raise ValueError(f"{place}.{name}: missing")
        found[name] = entry.get(name, parameter.default)
    return found


def _refuse_unknown(rest: Mapping[str, Any], parameters: Mapping[str, Parameter], place: str) -> None:
    for name in rest:
        if name not in parameters:
            known = ", ".join(sorted({*SELECTORS, *parameters}))
            raise ValueError(f"{place}.{name}: unknown; known here: {known}")


def _kind(given: str | None, kinds: tuple[str, ...], place: str) -> str:
    if given is None and (len(kinds) == 1 or "storage" in kinds):
        return kinds[0] if len(kinds) == 1 else "storage"
    if given not in kinds:
        raise ValueError(f"{place}: this action needs one of {', '.join(kinds)}")
    return given


def _places(given: Any, place: str) -> tuple[int, ...]:
    if not all(isinstance(number, int) and number > 0 for number in given):
        raise ValueError(f"{place}: expected whole numbers from 1")
    return tuple(given)
