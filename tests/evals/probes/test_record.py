import json
import re
from pathlib import Path

import pytest
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.probes.record import Picture, ProbeReport, Table, pictured
from foveate.evals.probes.table import PROBES, load


def report(**more: object) -> ProbeReport:
    fields: dict[str, object] = {
        "name": "gap",
        "title": "A <b>title</b>",
        "source": "Someone & others",
        "facts": {"score": 0.5, "nothing": float("nan"), "pair": (1, 2), "why": None, "sure": True},
        "tables": (Table(title="T", columns=("a", "b"), rows=(("<script>x</script>", float("nan")), (None, 2))),),
        "pictures": (pictured('a "quoted" picture', Image.new("RGB", (4, 3), (255, 0, 0))),),
        "notes": ("A note.",),
    }
    return ProbeReport(**fields | more)  # type: ignore[arg-type]


def test_json_form_has_null_for_unknown(tmp_path: Path) -> None:
    report().write(tmp_path / "deep" / "r.json")
    body = json.loads((tmp_path / "deep" / "r.json").read_text())
    assert body["facts"] == {"score": 0.5, "nothing": None, "pair": [1, 2], "why": None, "sure": True}
    assert body["tables"][0]["rows"] == [["<script>x</script>", None], [None, 2]]
    assert body["pictures"] == ['a "quoted" picture']
    assert body == report().to_dict()


def test_page_escapes_and_needs_nothing_else(tmp_path: Path) -> None:
    report().write(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "<b>" not in page and "Someone &amp; others" in page
    assert "unknown" in page and "yes" in page
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert 'src="data:image/png;base64,' in page and "&#34;quoted&#34;" in page
    assert "<td class=n>0.500</td>" in page and "&lt;td" not in page


def test_only_known_forms_are_written(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"NAME\.html"):
        report().write(tmp_path / "r.pdf")


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(CallerError, match="row 1: 1 cells for 2"):
        Table(title="T", columns=("a", "b"), rows=((1, 2), (1,)))


def test_equal_figures_give_equal_svg() -> None:
    figures = pytest.importorskip("matplotlib.figure")
    from foveate.evals.probes.record import drawn

    def one() -> Picture:
        figure = figures.Figure(figsize=(1, 1))
        figure.subplots().plot([0, 1])
        return drawn("line", figure)

    assert one().data == one().data
    assert one().kind == "svg" and one().uri.startswith("data:image/svg+xml;base64,")


def test_every_probe_loads_and_is_described() -> None:
    for name in PROBES:
        assert (load(name).__doc__ or "").strip(), name


def test_unknown_probe_names_the_choices() -> None:
    with pytest.raises(CallerError, match=r"'association', 'attributions'.*'text-spotting'"):
        load("gaps")
