"""The axis of the drawings: conversion of seconds after the start of a run to percent of the width."""

from __future__ import annotations

import math

from .spans import Spans


class Scale:
    """Converts seconds after the start of a run to percent of the width of a drawing."""

    def __init__(self, spans: Spans) -> None:
        self.began, self.ended = spans.window
        self.factor = 100 / (self.ended - self.began)

    def at(self, moment: float) -> float:
        """Return the position of a moment; one outside the drawing is at its edge."""
        return (min(max(moment, self.began), self.ended) - self.began) * self.factor

    def width(self, began: float, ended: float) -> float:
        """Return the width of a period."""
        return self.at(ended) - self.at(began)


def ticks(spans: Spans) -> list[tuple[float, str]]:
    """Return at most seven round moments of the drawn part of a run, in percent, with their texts."""
    scale = Scale(spans)
    seconds = scale.ended - scale.began
    steps = (*(digit * 10.0**power for power in (-2, -1, 0) for digit in (1, 2, 5)), 10, 15, 30)
    steps += tuple(60.0 * each for each in (1, 2, 5, 10, 15, 30)) + tuple(3600.0 * 2**power for power in range(40))
    step = next((each for each in steps if seconds / each <= 6), steps[-1])
    numbers = range(math.ceil(scale.began / step), math.floor(scale.ended / step) + 1)
    return [(scale.at(number * step), _tick_text(number * step)) for number in numbers]


def _tick_text(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"
