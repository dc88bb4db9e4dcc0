import math
import string
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.metrics.answers import anls, contains, exact_match, normalised, token_f1
from foveate.evals.metrics.metric import Context
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Sample

WORDED = ("em", "f1", "contains", "anls", "vqa_accuracy")
words = st.lists(st.sampled_from(["the", "red", "Cat", "dog,", "a", "7", "yes", "no"]), max_size=6).map(" ".join)


def value(name: str, sample: Sample, output: Output) -> float:
    return float(metric(name).rows([sample], [output], Context())[0, 0])


def test_normalisation_is_that_of_squad() -> None:
    assert normalised("The  Eiffel-Tower, (an) icon!") == "eiffeltower icon"
    assert normalised("A the an") == ""
    assert normalised("Theatre another") == "theatre another"


def test_exact_match_takes_any_accepted_answer() -> None:
    assert exact_match("the Red Cat.", ["dog", "red cat"]) == 1.0
    assert exact_match("red cats", ["dog", "red cat"]) == 0.0


def test_token_f1_by_hand() -> None:
    # said: red cat sat (3), right: red red cat (3), in common red and cat: 2 * 2 / 6
    assert token_f1("red cat sat", ["red red cat"]) == pytest.approx(2 / 3)
    assert token_f1("red cat sat", ["nothing", "red cat"]) == pytest.approx(4 / 5)
    assert token_f1("blue", ["red"]) == 0.0
    assert math.isnan(token_f1("blue", []))


@pytest.mark.parametrize(("said", "right"), [("yes it is", "yes"), ("no", "no one"), ("yes", "no"), ("noanswer", "x")])
def test_yes_and_no_match_only_themselves(said: str, right: str) -> None:
    assert token_f1(said, [right]) == 0.0
    assert token_f1(right, [right]) == 1.0


@given(words, words)
def test_f1_lies_between_exact_match_and_one(said: str, right: str) -> None:
    f1 = token_f1(said, [right])
    assert exact_match(said, [right]) <= f1 <= 1.0
    assert f1 == token_f1(right, [said])
    assert token_f1(" ".join(reversed(said.split())), [said]) in (1.0, 0.0)


def test_contains_finds_whole_words_only() -> None:
    assert contains("It is a cat, I think.", ["cat"]) == 1.0
    assert contains("It is a category.", ["cat"]) == 0.0
    assert contains("red and cat", ["red cat"]) == 0.0
    assert contains("anything", ["the"]) == 0.0  # nothing is left of it to be found
    assert contains("", ["cat"]) == 0.0


def test_contains_in_scripts_without_spaces() -> None:
    assert contains("这是一只猫。", ["猫"]) == 1.0
    assert contains("นี่คือแมวสีแดง", ["แมว"]) == 1.0
    assert contains("这是一只狗。", ["猫"]) == 0.0


@given(words, words)
def test_contains_holds_wherever_exact_match_does(said: str, right: str) -> None:
    if normalised(right):
        assert contains(said, [right]) >= exact_match(said, [right])
        assert contains(f"well {right} then", [right]) == 1.0


def test_anls_by_hand() -> None:
    assert anls("Hello  World", ["hello world"]) == 1.0
    assert anls("helo", ["hello"]) == pytest.approx(1 - 1 / 5)
    assert anls("ab", ["cb"]) == 0.0  # half is wrong, which is not below 0.5
    assert anls("abc", ["abd"]) == pytest.approx(2 / 3)
    assert anls("", [""]) == 1.0
    assert anls("x" * 100_000, ["x"]) == 0.0  # and in no time
    assert math.isnan(anls("x", []))


def slow_edits(one: str, other: str) -> int:
    @cache
    def edits(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(edits(i - 1, j) + 1, edits(i, j - 1) + 1, edits(i - 1, j - 1) + (one[i - 1] != other[j - 1]))

    return edits(len(one), len(other))


@given(st.text("abc", max_size=8), st.lists(st.text("abc", max_size=8), min_size=1, max_size=3))
def test_anls_equals_its_definition(said: str, answers: list[str]) -> None:
    shares = [slow_edits(said, answer) / max(len(said), len(answer), 1) for answer in answers]
    assert anls(said, answers) == pytest.approx(max(1 - share if share < 0.5 else 0.0 for share in shares), abs=1e-12)


@given(st.text(string.printable), st.text(string.printable, min_size=1))
def test_all_lie_between_0_and_1_and_are_1_for_the_answer_itself(said: str, right: str) -> None:
    for measure in (exact_match, token_f1, contains, anls):
        assert 0.0 <= measure(said, [right]) <= 1.0
    for measure in (exact_match, token_f1, anls):
        assert measure(right, ["other", right]) == 1.0


@pytest.mark.parametrize("name", WORDED)
def test_what_is_scored_of_words(name: str) -> None:
    asked = Sample(id="s", answers=("cat",))
    assert value(name, asked, Output(text="cat", verdict="answered")) == 1.0
    assert value(name, asked, Output(text="dog", verdict="answered")) == 0.0
    assert value(name, asked, Output(text="", verdict="answered")) == 0.0
    # The words of an abstention are no answer, whatever they happen to hold.
    assert value(name, asked, Output(text="cat", verdict="unanswerable")) == 0.0
    assert value(name, asked, Output(verdict="unanswerable")) == 0.0
    assert math.isnan(value(name, asked, Output()))
    assert math.isnan(value(name, Sample(id="s"), Output(text="cat")))
    closed = Sample(id="s", answers=("cat",), answerable=False)
    assert math.isnan(value(name, closed, Output(text="cat")))
    assert math.isnan(value(name, closed, Output(verdict="unanswerable")))


def test_options() -> None:
    asked = Sample(id="s", options=("a", "b"), choice=1)
    assert value("choice_accuracy", asked, Output(choice=1)) == 1.0
    assert value("choice_accuracy", asked, Output(choice=0)) == 0.0
    assert value("choice_accuracy", asked, Output(choice=-1)) == 0.0
    assert value("choice_accuracy", asked, Output(choice=1, verdict="unanswerable")) == 0.0
    assert math.isnan(value("choice_accuracy", asked, Output(text="b")))
    assert math.isnan(value("choice_accuracy", Sample(id="s"), Output(choice=1)))
    assert math.isnan(value("choice_accuracy", Sample(id="s", choice=1, answerable=False), Output(choice=1)))


def test_classes() -> None:
    asked = Sample(id="s", label="entailed")
    assert value("label_accuracy", asked, Output(label=" Entailed")) == 1.0
    assert value("label_accuracy", asked, Output(label="neutral")) == 0.0
    assert value("label_accuracy", asked, Output(label="")) == 0.0
    assert value("label_accuracy", asked, Output(verdict="unanswerable")) == 0.0
    assert math.isnan(value("label_accuracy", asked, Output(text="entailed")))
    assert math.isnan(value("label_accuracy", Sample(id="s"), Output(label="neutral")))
    assert math.isnan(value("label_accuracy", Sample(id="s", label="x", answerable=False), Output(label="x")))


@pytest.mark.parametrize("name", [*WORDED, "choice_accuracy", "label_accuracy"])
def test_statistic_is_the_mean_in_any_order(name: str) -> None:
    columns = np.array([[0.2], [0.4], [0.9]])
    assert metric(name).statistic(columns) == pytest.approx(0.5)
    assert metric(name).statistic(columns[::-1]) == pytest.approx(0.5)
    assert math.isnan(metric(name).statistic(columns[:0]))


def test_short_answers_are_scored_where_the_system_tells_them_apart() -> None:
    sample = Sample(id="a", text="Which currency?", answers=("Fijian dollar",))
    told = Output(
        text="Fijian dollar. Nadi lies in Fiji. People in Fiji pay with the Fijian dollar.", short="Fijian dollar"
    )
    assert value("em", sample, told) == value("f1", sample, told) == value("anls", sample, told) == 1.0
    assert value("em", sample, Output(text=told.text)) == 0.0
    # What the sentences say besides is still there for who asks whether the answer stands in the text.
    wrong = Output(text="Euro. People in Fiji pay with the Fijian dollar.", short="Euro")
    assert (value("em", sample, wrong), value("contains", sample, wrong)) == (0.0, 1.0)
