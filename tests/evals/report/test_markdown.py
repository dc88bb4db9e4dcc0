import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.report.markdown import escaped, markdown, table
from foveate.evals.report.run import read_run
from tests.evals.report.maker import line, make_run, scored
from tests.evals.report.test_html import EVIL, evil


def cells(row: str) -> list[str]:
    return re.split(r"(?<!\\)\|", row)[1:-1]


def test_every_row_has_its_columns_whatever_the_words(tmp_path: Path) -> None:
    text = markdown(read_run(evil(tmp_path)))
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 4  # figures, data, the slice, costs
    for block in blocks:
        assert len({len(cells(row)) for row in block}) == 1
    assert "<script>" not in text and "\\<script\\>" in text


@given(st.text())
def test_words_stay_in_their_cell(text: str) -> None:
    rows = table(("a", "b"), [(text, 1)])
    assert len(rows) == 3 and all("\n" not in row for row in rows)
    assert len(cells(rows[2].replace("\\\\", ""))) == 2


def test_escaping_by_hand() -> None:
    assert escaped("a | b\n# c") == "a \\| b \\# c"
    assert escaped("[x](y) `z` *w*") == "\\[x\\](y) \\`z\\` \\*w\\*"
    assert "\\|" in escaped(EVIL)


def test_figures_slices_and_costs(tmp_path: Path) -> None:
    rows = [line(f"s{n}", slices={"modality": m}, scores={"recall@3": [v]})
            for n, (m, v) in enumerate([("image", 1.0), ("text", None)])]  # fmt: skip
    text = markdown(read_run(make_run(tmp_path, {"plain": rows})))
    assert "| plain | recall@3 | higher | 1.000 | \\[1.000, 1.000\\] | 1 | 1 | 0 | 1 |" in text
    assert "| image | 1 | 1.000 \\[1.000, 1.000\\] |" in text
    assert "| text | 1 | unscored |" in text
    assert "| seconds | 0.21 | 0.105 | 0.11 | 2 |" in text
    assert "| plain | retrieval | agent | sample | hard = false |" in text


def test_unscored_is_never_0(tmp_path: Path) -> None:
    text = markdown(read_run(make_run(tmp_path, {"plain": scored([None])})))
    assert "| plain | recall@3 | higher | unscored | - | 0 | 1 | 0 | 0 |" in text
    assert "0.000" not in text


def test_same_run_same_text(tmp_path: Path) -> None:
    texts = [markdown(read_run(make_run(tmp_path / name, {"p": scored([1.0, 0.5])}))) for name in "ab"]
    assert texts[0] == texts[1]
