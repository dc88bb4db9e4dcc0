import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.reading.rows import Row
from foveate.evals.report.figures import UNSCORED, figures, number, slices, spread
from foveate.evals.report.words import clean, plain

ENTRY = {"value": 0.9, "low": 0.81, "high": 0.96, "scored": 58, "unscored": 2, "clusters": 40, "better": "higher"}


def test_figures_keep_what_the_summary_says() -> None:
    found = figures(Row({"recall@3": {**ENTRY, "level": 0.9}}, "summary.json"))["recall@3"]
    assert (found.value, found.low, found.high) == (0.9, 0.81, 0.96)
    assert (found.scored, found.unscored, found.clusters, found.level) == (58, 2, 40, 0.9)


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_what_is_not_known_is_nan_and_never_0(nothing: float | None) -> None:
    found = figures(Row({"ece": {**ENTRY, "value": nothing, "low": nothing, "high": None}}, "summary.json"))["ece"]
    assert math.isnan(found.value) and math.isnan(found.low)
    assert not found.known and not found.bounded
    assert number(found.value) == UNSCORED and spread(found.low, found.high) == "-"


def test_a_wrong_field_is_named_with_its_place() -> None:
    with pytest.raises(CallerError, match=r"summary.json, field 'ece': field 'better' must be .* found 'more'"):
        figures(Row({"ece": {**ENTRY, "better": "more"}}, "summary.json"))
    with pytest.raises(CallerError, match=r"field 'value' must be float, found 'high'"):
        figures(Row({"ece": {**ENTRY, "value": "high"}}, "summary.json"))


def test_slices_in_their_order() -> None:
    body = {
        "slices": {"language": {"de": {"samples": 3, "metrics": {"em": ENTRY}}, "ar": {"samples": 2, "metrics": {}}}}
    }
    found = slices(Row(body, "summary.json"))
    assert [(item.key, item.value, item.samples, list(item.figures)) for item in found] == [
        ("language", "de", 3, ["em"]),
        ("language", "ar", 2, []),
    ]
    assert slices(Row({}, "summary.json")) == ()


@pytest.mark.parametrize(
    ("value", "signed", "words"),
    [(0.9, False, "0.900"), (-0.0001, True, "0.000"), (0.01, True, "+0.010"), (-0.5, True, "-0.500"),
     (0, True, "0.000"), (12345.6, False, "1.235e+04"), (61.25, False, "61.25"), (None, False, "unscored")],
)  # fmt: skip
def test_numbers(value: float | None, signed: bool, words: str) -> None:
    assert number(value, signed=signed) == words


@given(st.text())
def test_words_can_be_written_and_hide_nothing(text: str) -> None:
    words = clean(text)
    words.encode("utf-8")
    assert not set(words) & set("\u202e\u2066\x00\x1b\r")
    assert "\n" not in plain(text)


def test_words_of_many_scripts_stay() -> None:
    for words in ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0628\u062f", "猫", "चटाई", "\u00ab\u00a0oui\u00a0\u00bb"):
        assert plain(words) == words
    assert plain("a\u202eb\ud800") == "a\\u202eb\\ud800"
    assert clean("x" * 30, 10) == "x" * 10 + " … (20 more signs)"
