import hashlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from foveate.evals.report.canvas import SERIES, canvas
from foveate.evals.report.labels import Label, place
from foveate.evals.report.plots import (
    Bar,
    Point,
    calibration,
    forest,
    quality_cost,
    risk_coverage_plot,
    slice_bars,
)

NAN = float("nan")
COLUMNS = np.array([[0.9, 1.0], [0.8, 0.0], [0.7, 1.0], [0.2, 0.0]])
BARS = [Bar(label=f"l{n}", value=1 - n / 40, low=0.9 - n / 40, high=1.0, note=f"n {n}") for n in range(30)]
POINTS = [Point(label=f"task {n}", value=0.5 + n / 20, low=0.4, high=0.9, costs={"seconds": 1.0}) for n in range(5)]


def all_plots() -> list[str]:
    return [
        risk_coverage_plot(COLUMNS, 0.3),
        calibration(COLUMNS, 0.2),
        slice_bars("nDCG by language", BARS, 0.6),
        forest("B against A", BARS, "right: B is better"),
        quality_cost(POINTS, "seconds", "quality"),
    ]


def words(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


def test_plots_are_inline_svg_that_needs_nothing_else() -> None:
    for svg in all_plots():
        assert svg.startswith('<svg role="img" aria-label="') and svg.endswith("</svg>")
        ElementTree.fromstring(svg)  # well-formed
        assert not re.search(r"<\?xml|<!|<metadata|<style|<script|<image|@import|url\((?!#)", svg)
        assert set(re.findall(r'https?://[^" ]+', svg)) == {"http://www.w3.org/2000/svg"}
        ids = re.findall(r' id="([^"]+)"', svg)
        assert len(ids) == len(set(ids)) and set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)


def test_colours_follow_the_page() -> None:
    svg = "".join(all_plots())
    assert "currentColor" in svg and f"var(--plot-1, {SERIES[0]})" in svg and "var(--line" in svg
    assert not re.search("#01020[0-9]", svg)  # no stand-in is left


def test_same_plots_same_bytes_in_another_process_and_without_pyplot() -> None:
    code = (
        "import hashlib, sys; from tests.evals.report.test_plots import all_plots;"
        "print(hashlib.sha256(''.join(all_plots()).encode()).hexdigest(), 'matplotlib.pyplot' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == [hashlib.sha256("".join(all_plots()).encode()).hexdigest(), "False"]


def test_risk_coverage_says_what_it_shows() -> None:
    svg = risk_coverage_plot(COLUMNS, 0.3125)
    assert "Risk and coverage · AURC 0.312 · n 4" in words(svg)
    assert "always answer: 50.0% wrong" in words(svg)
    assert "answering all, 50.0% are wrong; of the half with most confidence, 50.0%" in svg
    assert "AURC unscored" in risk_coverage_plot(COLUMNS, NAN)


def test_calibration_shows_counts() -> None:
    rows = np.array([[0.95, 1.0]] * 7 + [[0.31, 0.0]] * 3)
    svg = calibration(rows, 0.1)
    assert {"7", "3"} <= set(words(svg)) and "ECE 0.100" in svg


def test_thirty_slices_each_on_a_line_of_its_own() -> None:
    svg = slice_bars("nDCG by language", BARS, 0.6)
    assert {f"l{n}" for n in range(30)} <= set(words(svg))
    assert "0.750 [0.650, 1.000] · n 10" in words(svg)
    lines = sorted(float(y) for y in re.findall(r'<text [^>]*y="([0-9.]+)"[^>]*>l\d+<', svg))
    assert len(lines) == 30 and min(np.diff(lines)) > 9.0  # points: the words are 9 high


def test_more_slices_than_a_page_takes() -> None:
    bars = [Bar(label=f"l{n:03d}", value=0.5, low=NAN, high=NAN, note="n 1") for n in range(200)]
    svg = slice_bars("by source", bars, NAN)
    assert "by source · 80 of 200 shown" in words(svg)
    assert "l000" in words(svg) and "l199" in words(svg) and "l100" not in words(svg)


def test_unscored_is_written_and_not_drawn_as_0() -> None:
    svg = slice_bars("em by kind", [Bar(label="x", value=NAN, low=NAN, high=NAN, note="n 0")], NAN)
    assert "unscored · n 0" in words(svg) and "opacity: 0.45" not in svg
    known = Bar(label="x", value=0.1, low=NAN, high=NAN, note="n 1")
    assert "opacity: 0.45" in slice_bars("em by kind", [known], NAN)


def test_labels_from_data_are_words() -> None:
    bars = [Bar(label="<script>$x^2$</script>", value=0.5, low=0.4, high=0.6, note="n 1"),
            Bar(label="a\nb\u202e", value=0.5, low=0.4, high=0.6, note="n 1"),
            Bar(label="猫 قطة", value=0.5, low=0.4, high=0.6, note="n 1")]  # fmt: skip
    svg = slice_bars('m by "k" <b>', bars, 0.5)
    assert "<script" not in svg and "<b>" not in svg
    assert {"<script>$x^2$</script>", "a b\\u202e", "猫 قطة"} <= set(words(svg))


def test_forest_marks_what_stands() -> None:
    weak, strong = (Bar(label="m", value=0.1, low=0.05, high=0.15, note="p", strong=s) for s in (False, True))
    assert forest("t", [weak], "right") != forest("t", [strong], "right")
    assert SERIES[1] in forest("t", [strong], "right") and SERIES[1] not in forest("t", [weak], "right")
    assert "+0.100 [+0.050, +0.150]" in forest("t", [weak], "right")


def test_points_without_a_cost_stay_out_of_its_panel() -> None:
    points = [*POINTS, Point(label="free", value=0.5, low=NAN, high=NAN, costs={})]
    svg = quality_cost(points, "seconds", "quality")
    assert "free" not in words(svg) and "task 4" in words(svg)
    assert "seconds a sample" in words(svg) and "task 0 0.500 at 1.000" in svg


def test_costs_far_apart_stand_on_a_scale_of_plain_numbers() -> None:
    points = [Point(label=f"t{cost}", value=0.5, low=NAN, high=NAN, costs={"seconds": cost}) for cost in (0.2, 30.0)]
    found = words(quality_cost(points, "seconds", "quality"))
    assert {"1", "10"} <= set(found) and not any("$" in text for text in found)


@pytest.mark.parametrize("count", [1, 4, 9])
def test_labels_lie_neither_on_each_other_nor_outside(count: int) -> None:
    with canvas(4.6, 3.4) as figure:
        axes = figure.subplots()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        found = [Label(x=0.5 + 0.03 * (n % 3), y=0.5 + 0.02 * (n // 3), text=f"task {n}") for n in range(count)]
        place(axes, found)
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in axes.texts]
        frame = axes.get_window_extent()
    for number, box in enumerate(boxes):
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        assert not any(box.padded(-1).overlaps(other.padded(-1)) for other in boxes[:number])
