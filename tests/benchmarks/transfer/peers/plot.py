"""Draws growth: `plot.py PNG`, with the measurements as JSON on stdin: name to [x, wall, CPU, peak MB]."""

import json
import sys

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

ROWS = ("wall seconds", "CPU seconds", "peak MB")


def main(target: str) -> None:
    found = json.load(sys.stdin)
    columns = sorted({name.rsplit(", ", 1)[1] for name in found}, reverse=True)
    figure, axes = plt.subplots(3, len(columns), figsize=(5 * len(columns), 10), squeeze=False)
    for name, points in found.items():
        client, column = name.rsplit(", ", 1)
        for row in range(3):
            axis = axes[row][columns.index(column)]
            axis.plot([point[0] for point in points], [point[row + 1] for point in points], "o-", label=client)
            axis.set(xscale="log", yscale="log", xlabel=column, ylabel=ROWS[row])
            axis.grid(visible=True, which="both", alpha=0.3)
            axis.legend()
    figure.tight_layout()
    figure.savefig(target, dpi=80)


if __name__ == "__main__":
    main(sys.argv[1])
