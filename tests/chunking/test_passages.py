import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.chunking.passages import markdown_sections, passages, sentences
from foveate.errors import CallerError

WORDS = st.sampled_from(
    [
        "The",
        "cat",
        "sat",
        "e.g.",
        "Dr.",
        "x" * 30,
        "3.5",
        "Yes!",
        "No?",
        "end.",
        "\n",
        "\n\n",
        "# Head\n",
        "- item",
        " ",
        "。",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=60).map(" ".join))


def cut(text: str, **how: int) -> list[str]:
    return [
        text[span.start : span.end]
        for span in passages(text, max_chars=how.get("size", 80), overlap=how.get("overlap", 1))
    ]


def split(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentences(text)]


@given(TEXTS, st.integers(1, 120), st.integers(0, 3), st.booleans())
def test_passages_are_trimmed_bounded_ascending_and_leave_no_word_out(
    text: str, size: int, overlap: int, headed: bool
) -> None:
    sections = markdown_sections(text) if headed else []
    spans = list(passages(text, max_chars=size, overlap=overlap, sections=sections))
    covered: set[int] = set()
    for span in spans:
        piece = text[span.start : span.end]
        assert piece == piece.strip() and 0 < len(piece) <= size
        covered.update(range(span.start, span.end))
    assert all(char.isspace() for i, char in enumerate(text) if i not in covered)
    assert all(a.start < b.start and a.end < b.end for a, b in pairwise(spans))


@given(TEXTS)
def test_sentences_partition_the_text_but_for_space(text: str) -> None:
    spans = list(sentences(text))
    assert all(a.end <= b.start for a, b in pairwise(spans))
    kept = "".join(text[span.start : span.end] for span in spans)
    assert "".join(kept.split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith met J. R. Hall, e.g. at 5 p.m. on No. 7.", ["Dr. Smith met J. R. Hall, e.g. at 5 p.m. on No. 7."]),
        ('"Who?" she said. "Me."', ['"Who?" she said.', '"Me."']),
        ("wrapped by\nhand. Next", ["wrapped by\nhand.", "Next"]),
        ("a title\n\nits text", ["a title", "its text"]),
        ("- one\n- two", ["- one", "- two"]),
        ("1. First\n2. Second", ["1. First", "2. Second"]),
        ("# Head\nBody.", ["# Head", "Body."]),
        ("He owes 3.50 to www.x.org now.", ["He owes 3.50 to www.x.org now."]),
        ("猫がいる。犬もいる。", ["猫がいる。", "犬もいる。"]),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_sentence_borders(text: str, wanted: list[str]) -> None:
    assert split(text) == wanted


def test_the_next_passage_repeats_the_last_sentence() -> None:
    text = "Alpha is the first of all. Beta comes after alpha. Gamma follows. Delta ends it."
    assert cut(text, size=55) == [
        "Alpha is the first of all. Beta comes after alpha.",
        "Beta comes after alpha. Gamma follows. Delta ends it.",
    ]
    assert cut(text, size=55, overlap=0)[1] == "Gamma follows. Delta ends it."


def test_a_sentence_is_cut_only_when_alone_too_long_and_then_between_words() -> None:
    long = "word " * 40
    assert all(set(piece.split()) == {"word"} and len(piece) <= 80 for piece in cut(long))
    assert [len(piece) for piece in cut("x" * 200)] == [80, 80, 40]


def test_the_same_sentence_twice_gives_two_spans() -> None:
    text = "The tide is high.\n\n" * 2
    first, second = passages(text, max_chars=20, overlap=0)
    assert first != second and text[first.start : first.end] == text[second.start : second.end]


def test_headings_stay_with_their_section() -> None:
    text = "# Top\n\n## Inner\n\nA. B.\n\nSetext\n======\nC.\n\n```\n# no heading\n```\n"
    sections = markdown_sections(text)
    assert [text[at : at + 6] for at in sections] == ["# Top\n", "## Inn", "Setext"]
    found = [text[s.start : s.end] for s in passages(text, max_chars=700, overlap=1, sections=sections)]
    assert found == ["# Top\n\n## Inner\n\nA. B.", "Setext\n======\nC.\n\n```\n# no heading\n```"]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 2_000_000,
        "e" + "\u0301" * 1_000_000,
        "\n" * 2_000_000,
        "." * 1_000_000 + "x",
        "?)" * 500_000,
        ("\n" + " " * 999) * 2000,
    ],
    ids=["one line", "combining marks", "empty lines", "dots", "brackets", "blanks"],
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    start = time.process_time()
    assert all(span.end - span.start <= 700 for span in passages(text, max_chars=700, overlap=1))
    markdown_sections(text)
    assert time.process_time() - start < 3


@pytest.mark.parametrize("how", [{"size": 0}, {"overlap": -1}])
def test_senseless_sizes_are_refused(how: dict[str, int]) -> None:
    with pytest.raises(CallerError, match="passage length"):
        cut("text", **how)
