"""The measurements as a table: the median and the spread of each figure, and its ratio to the first client's."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .measured import Cost

MEGABYTE, GIGABYTE = 1e6, 1e9
HEAD = f"{'':38}{'wall s':>20}{'ratio':>22}{'CPU s/GB':>10}{'ratio':>22}{'peak MB':>9}"


def table(costs: dict[str, list[Cost]], size: int) -> str:
    """One line for each client; ratios are computed round by round; `size` is the number of bytes in each round."""
    base = next(iter(costs.values()))
    return "\n".join([HEAD, *(_line(name, found, base, size) for name, found in costs.items())])


def _line(name: str, found: Sequence[Cost], base: Sequence[Cost], size: int) -> str:
    wall, cpu = [cost.wall for cost in found], [cost.cpu for cost in found]
    walls = _spread([mine / its.wall for mine, its in zip(wall, base, strict=True)], 2)
    cpus = _spread([mine / its.cpu for mine, its in zip(cpu, base, strict=True)], 2)
    peak = max(cost.memory for cost in found) / MEGABYTE
    return f"{name:38}{_spread(wall, 1):>20}{walls:>22}{median(cpu) / size * GIGABYTE:>10.2f}{cpus:>22}{peak:>9.0f}"


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"
