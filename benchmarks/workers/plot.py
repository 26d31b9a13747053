"""Draw how training grows. Runs in the benchmarks' environment: `python plot.py growth.csv growth.png`."""

import csv
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt

WHO = {"ours": ("Tagdesk", "#1f5fa8", "o", "-"), "sklearn": ("scikit-learn", "#b4572b", "s", "--")}


def main() -> None:
    """Draw seconds and memory over articles and over topics, four panels on logarithmic axes."""
    source, target = sys.argv[1:3]
    with Path(source).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure, panels = plt.subplots(2, 2, figsize=(9, 6.5), layout="constrained")
    for column, axis in enumerate(("articles", "topics")):
        for line, (what, label) in enumerate((("seconds", "seconds"), ("mib", "peak memory, MiB"))):
            panel = panels[line][column]
            for who, (name, colour, marker, style) in WHO.items():
                points = [row for row in rows if row["axis"] == axis and row["who"] == who]
                x, y = [int(row[axis]) for row in points], [float(row[what]) for row in points]
                panel.plot(x, y, style, color=colour, marker=marker, label=name)
            panel.set(xscale="log", yscale="log", xlabel=axis, ylabel=label)
            panel.grid(visible=True, which="major", alpha=0.3)
    panels[0][0].legend(frameon=False)
    figure.savefig(target, dpi=130)


if __name__ == "__main__":
    main()
