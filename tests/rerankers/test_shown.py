import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.rerankers.protocols import Candidate, ImagePart
from foveate.rerankers.shown import cut_about, told


@given(st.text(), st.integers(1, 20))
def test_a_cut_is_a_beginning_and_cutting_again_changes_nothing(text: str, tokens: int) -> None:
    cut = cut_about(text, tokens)
    assert text.startswith(cut)
    assert cut_about(cut, tokens) == cut


def test_cut_by_hand() -> None:
    assert cut_about("The museum opens", 3) == "The museum"
    assert cut_about("The museum opens", 4) == "The museum open"
    assert cut_about("2024, a", 2) == "2024"
    assert cut_about("\u6c34\u6c34\u6c34", 2) == "\u6c34\u6c34"
    assert cut_about("short", 9) == "short"


def test_lines_and_pictures(caplog: pytest.LogCaptureFixture) -> None:
    asked, one, two = (ImagePart(data=bytes([n]), mime="image/png") for n in range(3))
    candidates = [
        Candidate(id="a", text="a\n b\u2029c", images=(one, two)),
        Candidate(id="b", text=""),
        Candidate(id="c", text="", images=(two,)),
    ]
    lines, pictures = told(candidates, [asked], tokens=2, cut=lambda text, tokens: text[: 2 * tokens])
    assert lines == ["a b (picture 2) (picture 3)", "", "(picture 4)"]
    assert pictures == [asked, one, two, two]
    with caplog.at_level("INFO", logger="foveate.rerankers.shown"):
        told(candidates, [], tokens=1, cut=lambda text, tokens: text[:tokens])
    assert "'a'" in caplog.text and "1 of 5 characters" in caplog.text
