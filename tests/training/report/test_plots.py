"""Plots as SVG: well-formed, titled, inside their frame."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tagdesk.training.judge.confidences import Bin, Curve
from tagdesk.training.report.html import Html
from tagdesk.training.report.plots import (
    LARGE,
    SMALL,
    bar,
    change_plot,
    growth_plot,
    precision_recall_plot,
    reliability_plot,
    strip_plot,
)

BINS = tuple(Bin(x, x**2, max(0.0, x**2 - 0.1), min(1.0, x**2 + 0.1), 0.2, 10) for x in (0.1, 0.3, 0.5, 0.7, 1.0))
LONG = Curve(*(np.linspace(1, 0, 5000), np.linspace(1, 0.2, 5000), np.linspace(0.001, 1, 5000)))


def plots(size: int) -> dict[str, Html]:
    return {
        "reliability": reliability_plot(BINS, "A <topic> & more", size),
        "precision-recall": precision_recall_plot(LONG, "A", suggest=(0.7, 0.6), auto=(0.5, 0.9), size=size),
        "growth": growth_plot((10, 20, 40), [[0.5, 0.6, 0.7]], [0.4, 0.5, 0.6], "A", size),
        "strip": strip_plot("A", low=0.2, high=0.4, marks=[("dot", 0.2), ("ring", 0.4), ("tick", 0.5)]),
        "change": change_plot("A", 0.01, -0.02, 0.03, 0.05),
        "bar": bar(0.3, "A"),
    }


def parts(svg: str, tag: str, kind: str) -> list[ElementTree.Element]:
    return [one for one in ElementTree.fromstring(svg).iter(tag) if one.get("class") == kind]


@pytest.mark.parametrize("name", plots(SMALL))
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_plot_is_well_formed_and_says_in_words_what_it_shows(name: str, size: int) -> None:
    root = ElementTree.fromstring(plots(size)[name])
    assert root.get("role") == "img"
    assert root[0].tag == "title"
    assert root[0].text
    assert "style" not in {key for one in root.iter() for key in one.attrib}


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_everything_drawn_lies_in_the_frame(size: int) -> None:
    for svg in (plots(size)[name] for name in ("reliability", "precision-recall", "growth")):
        root = ElementTree.fromstring(svg)
        width, height = (float(root.get(name, "nan")) for name in ("width", "height"))
        for one in root.iter("path"):
            places = np.array(re.findall(r"[\d.]+", one.get("d", "")), np.float64).reshape(-1, 2)
            assert ((places >= 0) & (places <= (width, height))).all()
        for one in root.iter("circle"):
            assert 0 <= float(one.get("cx", "nan")) <= width
            assert 0 <= float(one.get("cy", "nan")) <= height


def test_higher_is_drawn_higher_and_surer_further_right() -> None:
    dots = parts(reliability_plot(BINS, "A"), "circle", "dot")
    across, down = ([float(one.get(axis, "nan")) for one in dots] for axis in ("cx", "cy"))
    assert across == sorted(across)
    assert down == sorted(down, reverse=True)


def test_cut_offs_differ_by_shape() -> None:
    """Not by colour alone: a ring and a square."""
    svg = precision_recall_plot(LONG, "A", suggest=(0.7, 0.6), auto=(0.5, 0.9))
    assert len(parts(svg, "circle", "ring")) == len(parts(svg, "rect", "block")) == 1


def test_topic_without_an_auto_band_has_no_square() -> None:
    assert not parts(precision_recall_plot(LONG, "A", suggest=(0.7, 0.6), auto=None), "rect", "block")


def test_long_curve_is_thinned_and_keeps_its_ends() -> None:
    svg = precision_recall_plot(LONG, "A", suggest=(0.7, 0.6), auto=None)
    points = parts(svg, "path", "trace")[0].get("d", "").split()
    assert 60 < len(points) < 100
    whole = Curve(LONG.cut_offs[[0, -1]], LONG.precision[[0, -1]], LONG.recall[[0, -1]])
    ends = parts(precision_recall_plot(whole, "A", suggest=(0.7, 0.6), auto=None), "path", "trace")[0].get("d", "")
    assert [points[0], points[-1]] == ends.split()


def test_what_is_not_known_is_not_drawn() -> None:
    nan = float("nan")
    empty = Curve(np.empty(0), np.empty(0), np.empty(0))
    svg = precision_recall_plot(empty, "A", suggest=(nan, nan), auto=(nan, nan))
    assert not parts(svg, "path", "trace")
    assert not parts(svg, "circle", "ring")
    assert not parts(reliability_plot((), "A"), "circle", "dot")
    assert not parts(growth_plot((1, 2, 4), [[nan, 0.5, 0.5]], [nan] * 3, "A"), "path", "faint")
    assert "nan" not in strip_plot("A", low=nan, high=nan, marks=[("dot", nan)])


def test_strip_stays_in_its_cell() -> None:
    """A change beyond the reach is drawn at its end."""
    places = [one.get("cx") for one in parts(change_plot("A", 0.5, 0.4, 0.6, 0.1), "circle", "dot")]
    assert places == ["100.0%"]
