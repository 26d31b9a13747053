"""Draw a soak second by second. Runs in the benchmarks' environment: `python plot_soak.py soak.csv soak.png`."""

import csv
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt

LINES = {"p50": "#1f5fa8", "p99": "#b4572b", "longest": "#c9b8a8"}
KILL, CHANGE, FULL = "#a02020", "#4a8f4a", "#f2e3b3"


def main() -> None:
    """Draw a panel a database: p50, p99 and longest of each second, kills, swaps, phases, the full disk."""
    source, target = sys.argv[1:3]
    with Path(source).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    databases = list(dict.fromkeys(row["database"] for row in rows))
    figure, panels = plt.subplots(
        len(databases), 1, figsize=(11, 3.6 * len(databases)), layout="constrained", squeeze=False
    )
    for database, panel in zip(databases, panels[:, 0], strict=True):
        draw(panel, [row for row in rows if row["database"] == database])
        panel.set(yscale="log", ylabel="ms", title=database)
        panel.grid(visible=True, which="major", axis="y", alpha=0.3)
    figure.legend(*panels[0][0].get_legend_handles_labels(), frameon=False, ncols=6, loc="outside upper center")
    panels[-1][0].set_xlabel("seconds")
    figure.savefig(target, dpi=130)


def draw(panel, rows) -> None:
    """Draw one database's panel."""
    seconds = [row for row in rows if row["what"] == "second"]
    at = [int(row["at"]) for row in seconds]
    for name, colour in reversed(LINES.items()):
        panel.plot(at, [float(row[name]) for row in seconds], color=colour, linewidth=1.2, label=name)
    phases = [row for row in rows if row["what"] in {"phase", "full"}]
    ends = [*(float(row["at"]) for row in phases), at[-1] + 1.0]
    for row, (begin, end) in zip(phases, pairwise(ends), strict=True):
        if row["what"] == "full":
            panel.axvspan(begin, end, color=FULL, label="disk full")
        panel.annotate(row["p50"], (begin, 0.02), xycoords=("data", "axes fraction"), fontsize="small")
        panel.axvline(begin, color="grey", linewidth=0.6)
    for what, colour, style, label in (
        ("kill", KILL, "-", "worker killed"),
        ("change", CHANGE, ":", "CURRENT changed"),
    ):
        for number, row in enumerate(row for row in rows if row["what"] == what):
            panel.axvline(
                float(row["at"]), color=colour, linestyle=style, linewidth=0.8, label=label if number == 0 else None
            )


if __name__ == "__main__":
    main()
