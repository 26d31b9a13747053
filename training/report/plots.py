"""Small plots as inline SVG, without a plotting library; colours and fonts come from the style sheet, by class.

A square plot has a fixed size, so that its text stays readable everywhere. A strip is as wide as its cell: its
positions are percentages.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from tagdesk.training.judge.confidences import Bin, Curve
from tagdesk.training.report.html import Html, el, join, signed

SMALL, LARGE = 132, 300

_LEFT, _RIGHT, _TOP, _BOTTOM = 28, 6, 7, 17
_MOST_POINTS = 80


def reliability_plot(bins: Sequence[Bin], title: str, size: int = SMALL) -> Html:
    """Draw the share that is right (up) by mean confidence (right), and each bin's 95 % interval."""
    x = [_x(of_bin.confidence, size) for of_bin in bins]
    ends = [(_y(of_bin.low, size), _y(of_bin.high, size)) for of_bin in bins]
    whiskers = [
        el("line", class_="whisker", x1=at, x2=at, y1=low, y2=high) for at, (low, high) in zip(x, ends, strict=True)
    ]
    points = [(of_bin.confidence, of_bin.right) for of_bin in bins]
    dots = [
        el("circle", class_="dot", cx=_x(confidence, size), cy=_y(right, size), r=_radius(size))
        for confidence, right in points
    ]
    ideal = el("line", class_="ideal", x1=_x(0, size), y1=_y(0, size), x2=_x(1, size), y2=_y(1, size))
    return _square(title, size, ideal, *whiskers, _line(points, size, "trace thin"), *dots)


def precision_recall_plot(
    curve: Curve,
    title: str,
    *,
    suggest: tuple[float, float],
    auto: tuple[float, float] | None,
    size: int = SMALL,
) -> Html:
    """Draw precision (up) by recall (right), with the cut-offs: `suggest` a ring, `auto` a filled square.

    Args:
        curve: the curve.
        title: a description for those who cannot see the plot.
        suggest: recall and precision at the `suggest` cut-offs; NaN is not drawn.
        auto: the same for `auto`, or None where there is no such band.
        size: of the inner square, in pixels.
    """
    points = _sampled(list(zip(curve.recall.tolist(), curve.precision.tolist(), strict=True)))
    marks = []
    if not np.isnan(suggest).any():
        marks.append(el("circle", class_="ring", cx=_x(suggest[0], size), cy=_y(suggest[1], size), r=_radius(size) + 2))
    if auto is not None and not np.isnan(auto).any():
        half = _radius(size) + 1.5
        x, y = _x(auto[0], size) - half, _y(auto[1], size) - half
        marks.append(el("rect", class_="block", x=x, y=y, width=2 * half, height=2 * half))
    guides = [_f1_guide(f1, size) for f1 in (0.4, 0.6, 0.8)] if size >= LARGE else []
    return _square(title, size, *guides, _line(points, size, "trace"), *marks)


def growth_plot(
    sizes: Sequence[float], topics: Iterable[Sequence[float]], mean: Sequence[float], title: str, size: int = LARGE
) -> Html:
    """Draw a figure (up) by the number of articles learned from (right, doubled at each step).

    Every topic is faint, their mean bold; topics with a NaN are not drawn.
    """
    steps = np.linspace(0.06, 0.94, len(sizes)).tolist()
    faint = [_line(zip(steps, topic, strict=True), size, "faint") for topic in topics if not np.isnan(topic).any()]
    known = [(x, y) for x, y in zip(steps, mean, strict=True) if not np.isnan(y)]
    dots = [el("circle", class_="dot", cx=_x(x, size), cy=_y(y, size), r=_radius(size)) for x, y in known]
    labels = [
        el("text", f"{y:.3f}", class_="label", x=_x(x, size), y=_y(y, size) + 17, text_anchor="middle")
        for x, y in known
    ]
    ticks = [(step, f"{count:,}") for step, count in zip(steps, sizes, strict=True)]
    return _square(title, size, *faint, _line(known, size, "trace"), *dots, *labels, x_ticks=ticks)


def strip_plot(title: str, *, low: float, high: float, marks: Sequence[tuple[str, float]], height: int = 18) -> Html:
    """Draw one row of a chart as wide as its cell.

    Args:
        title: what the row shows, in words.
        low: where the bar begins, 0 to 1; NaN for no bar.
        high: where it ends.
        marks: class (`ring`, `dot`, `block` or `tick`) and position, 0 to 1; a NaN is not drawn.
        height: in pixels.
    """
    middle = height / 2
    parts = [el("line", class_="guide", x1="0%", x2="100%", y1=middle, y2=middle)]
    if not np.isnan((low, high)).any():
        parts.append(el("line", class_="span", x1=_percent(low), x2=_percent(high), y1=middle, y2=middle))
    for kind, position in marks:
        if np.isnan(position):
            continue
        at = _percent(position)
        if kind == "tick":
            parts.append(el("line", class_="zero", x1=at, x2=at, y1=0, y2=height))
        else:
            parts.append(el("circle", class_=kind, cx=at, cy=middle, r=4 if kind == "dot" else 3.5))
    return el("svg", el("title", title), *parts, class_="strip", role="img", height=height, width="100%")


def change_plot(name: str, change: float, low: float, high: float, reach: float) -> Html:
    """Draw a change and its interval as a strip from -reach to +reach; the title gives the numbers."""
    at, start, end = ((value / reach + 1) / 2 for value in (change, low, high))
    title = f"{name}: {signed(change)}, from {signed(low)} to {signed(high)}"
    return strip_plot(title, low=start, high=end, marks=[("tick", 0.5), ("dot", at)])


def bar(share: float, title: str) -> Html:
    """Draw a bar over a share of the cell's width, 0 to 1."""
    return el(
        "svg",
        el("title", title),
        el("rect", class_="bar", x="0", y="0", width=_percent(share), height="100%"),
        class_="strip",
        role="img",
        height=10,
        width="100%",
    )


def _square(title: str, size: int, *marks: Html, x_ticks: Sequence[tuple[float, str]] | None = None) -> Html:
    """Draw marks in a unit square with a grid and axes; `x_ticks` replaces the ticks of the x axis."""
    steps = (0.0, 0.25, 0.5, 0.75, 1.0) if size >= LARGE else (0.0, 0.5, 1.0)
    ticks = [(step, f"{step:g}") for step in steps]
    grid = [el("line", class_="grid", x1=_x(0, size), x2=_x(1, size), y1=_y(s, size), y2=_y(s, size)) for s in steps]
    x_labels = [
        el("text", text, x=_x(at, size), y=_y(0, size) + 13, text_anchor="middle") for at, text in x_ticks or ticks
    ]
    y_labels = [el("text", text, x=_LEFT - 5, y=_y(at, size) + 3.5, text_anchor="end") for at, text in ticks]
    width, height = size + _LEFT + _RIGHT, size + _TOP + _BOTTOM
    return el(
        "svg",
        el("title", title),
        *grid,
        *x_labels,
        *y_labels,
        *marks,
        class_="plot",
        role="img",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
    )


def _line(points: Iterable[tuple[float, float]], size: int, kind: str) -> Html:
    steps = " ".join(f"{_x(x, size):.1f},{_y(y, size):.1f}" for x, y in points)
    return el("path", class_=kind, d=f"M{steps}") if steps else join()


def _f1_guide(f1: float, size: int) -> Html:
    """Draw the line along which F1 is constant: precision = F1 · recall / (2 · recall - F1)."""
    recall = np.linspace(f1 / (2 - f1), 1, 30)
    points = list(zip(recall.tolist(), (f1 * recall / (2 * recall - f1)).tolist(), strict=True))
    x, y = points[-1]
    label = el("text", f"F1 {f1:g}", x=_x(x, size) + 4, y=_y(y, size) + 3.5)
    return join(_line(points, size, "ideal"), label)


def _sampled(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most `_MOST_POINTS` points, evenly spread along recall, and both ends."""
    if len(points) <= _MOST_POINTS:
        return points
    recall = np.array([x for x, _ in points])
    nearest = np.searchsorted(recall, np.linspace(recall[0], recall[-1], _MOST_POINTS))
    return [points[i] for i in sorted({0, len(points) - 1, *np.minimum(nearest, len(points) - 1).tolist()})]


def _x(value: float, size: int) -> float:
    return _LEFT + value * size


def _y(value: float, size: int) -> float:
    return _TOP + (1 - value) * size


def _radius(size: int) -> float:
    return 3.5 if size >= LARGE else 2.2


def _percent(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.1f}%"
