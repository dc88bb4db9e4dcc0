"""Plots as inline SVG: text stays text, colours follow the page, the same figure is the same bytes."""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import Any

from foveate.errors import ExtraMissing
from foveate.evals.report.words import plain

__all__ = ["GRID", "INK", "SERIES", "SOFT", "canvas", "svg"]

# Stand-ins that no plot uses otherwise: the SVG gets the page's own variables in their place, so one drawing serves
# light and dark. The series are Okabe and Ito's (2008), told apart by every common kind of colour blindness.
INK, SOFT, GRID = "#010203", "#010204", "#010205"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_CSS = {
    INK: "currentColor",
    SOFT: "var(--soft, #66717d)",
    GRID: "var(--line, #d8d8d8)",
    **{color: f"var(--plot-{number}, {color})" for number, color in enumerate(SERIES, 1)},
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # labels come from data: a "$" in one is a dollar
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "legend.frameon": False,
    "lines.solid_capstyle": "butt",
}
_FONTS = "'DejaVu Sans', Verdana, 'Segoe UI', system-ui, sans-serif"


@contextmanager
def canvas(width_in: float, height_in: float) -> Iterator[Any]:
    """A matplotlib figure in the house's style, laid out by its constrained layout.

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ExtraMissing("matplotlib", "evals") from None
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # Scripts the font lacks: the reader's browser has them, text stays text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support", category=UserWarning)
        figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="none")
        FigureCanvasAgg(figure)
        yield figure


def svg(width_in: float, height_in: float, alt: str, draw: Callable[[Any], None]) -> str:
    """Draw a figure to an ``<svg>`` element that can stand in HTML.

    Args:
        width_in: width in inches; 72 units of the drawing an inch.
        height_in: height in inches.
        alt: what it shows, for those who do not see it.
        draw: puts axes and marks into the figure.
    """
    with canvas(width_in, height_in) as figure:
        import matplotlib

        draw(figure)
        stream = StringIO()
        # Ids are hashes of content and salt: with the plot's own words as salt, no two plots of a page share one.
        with matplotlib.rc_context({"svg.hashsalt": alt}):
            facts = {"Date": None, "Creator": None, "Format": None, "Type": None}
            figure.savefig(stream, format="svg", transparent=True, metadata=facts)
    return _inline(stream.getvalue(), alt)


def _inline(text: str, alt: str) -> str:
    """The drawing without what only a file of its own needs, in the page's colours."""
    body = text[text.index("<svg") :]
    # The style sheet would reach beyond the drawing: it speaks of "*".
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<defs>\s*</defs>|<g/>", "", re.sub(r">\s+<", "><", body))
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", body)
    body = re.sub(r'(?<= style=")[^"]*', _coloured, body)
    body = re.sub(r'(?<= d=")[^"]*|(?<= [xy]=")[^"]*', _rounded, body)
    body = re.sub(r' (?:xmlns:xlink|version)="[^"]*"| transform="rotate\(-0 [^"]*"', "", body)
    body = body.replace(" xlink:href=", " href=")
    view = re.search(r'viewBox="0 0 ([0-9.]+) ', body)
    width = round(float(view[1]) * 4 / 3) if view else 0
    head = f'<svg role="img" aria-label="{escape(plain(alt))}" style="width:{width}px"'
    return re.sub(r'<svg width="[^"]*" height="[^"]*"', lambda found: head, body, count=1).strip()


def _coloured(found: re.Match[str]) -> str:
    style = re.sub("#[0-9a-f]{6}", lambda color: _CSS.get(color[0], color[0]), found[0])
    return style.replace("'DejaVu Sans'", _FONTS)


def _rounded(found: re.Match[str]) -> str:
    """A hundredth of a point is below what a screen shows; the matplotlib default takes half the report's bytes."""
    return re.sub(r"(\.\d\d)\d+", r"\1", " ".join(found[0].split()))
