"""The bytes a second over the time of a run: the bytes of each attempt are spread over the time of its body."""

from __future__ import annotations

from dataclasses import dataclass

from .spans import Spans

#: The number of equal parts of the time.
PARTS = 96


@dataclass(frozen=True, slots=True)
class Throughput:
    """Bytes a second in each part of a run, the highest of them, and the mean."""

    rates: list[float]
    peak: float
    mean: float

    def line(self, height: float) -> list[tuple[float, float]]:
        """Return the points of the curve: x in percent, y from the top, for a drawing of this height."""
        width = 100 / len(self.rates)
        heights = [height - rate / self.peak * height for rate in self.rates]
        return [(0.0, heights[0]), *(((i + 0.5) * width, y) for i, y in enumerate(heights)), (100.0, heights[-1])]


def throughput_of(spans: Spans) -> Throughput | None:
    """Return the throughput between the first attempt and the last; None if nothing was received."""
    total = sum(span.bytes for span in spans.all)
    if not total:
        return None
    start, end = spans.window
    length = (end - start) / PARTS
    received = [0.0] * PARTS
    for span in spans.all:
        began, ended = (span.answered - start) / length, (span.ended - start) / length
        # The least time is added in units of parts: late moments in seconds are too coarse for it.
        _spread(span.bytes, began, max(ended, began + 0.01), received)
    rates = [each / length for each in received]
    return Throughput(rates, max(rates), total / (end - start))


def _spread(size: int, began: float, ended: float, received: list[float]) -> None:
    """Add bytes to the parts between two moments, which are in units of parts."""
    density = size / (ended - began)
    last = len(received) - 1
    for part in range(min(last, int(began)), min(last, int(ended)) + 1):
        stop = ended if part == last else min(ended, part + 1)
        received[part] += density * max(0.0, stop - max(began, part))
