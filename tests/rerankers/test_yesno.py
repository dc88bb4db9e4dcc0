"""Spellings of yes and no, and what a server's alternatives are worth: by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate import models
from foveate.errors import ModelError, ModelMissing, ServiceError
from foveate.rerankers.protocols import Judgement, Reply, TokenLogprob
from foveate.rerankers.yesno import AnswerTokens, answer_of, answer_tokens, judgement_of, log_sum, read_alternatives
from foveate.usage import Usage

LOG = math.log


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        ("yes", "yes"), ("Yes", "yes"), ("YES", "yes"), (" yes", "yes"), (" Yes", "yes"), ("\n\nYes", "yes"),
        ("\u0120yes", "yes"), ("\u2581Yes", "yes"), ("\u010aYes", "yes"), (r"bytes:\x20yes", "yes"),
        (r"bytes:\x59es", "yes"), ("<0x59><0x65><0x73>", "yes"), ("no", "no"), (" NO", "no"), ("\u0120No", "no"),
        ("\u2581no", "no"), ("No ", "no"),
        ("Yesterday", None), ("ye", None), ("y", None), ("not", None), ("None", None), ("know", None), ("", None),
        ("N", None), ("yes no", None), ("<0xff>", None), ("No.", None), ("yes|", None),
    ],
)  # fmt: skip
def test_what_a_token_answers(token: str, answer: str | None) -> None:
    assert answer_of(token) == answer


VOCABULARY = {"yes": 3, "\u0120Yes": 7, "YES": 5, "no": 4, "\u0120no": 9, "not": 1, "<yes>": 8, "No": 0}


def first_letter(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def test_all_spellings_of_a_vocabulary() -> None:
    found = answer_tokens(VOCABULARY, first_letter, control=frozenset({0}), name="m")
    assert found == AnswerTokens(yes=(3, 5, 7), no=(4, 9))


def test_first_tokens_count_where_no_whole_word_is_a_token() -> None:
    found = answer_tokens({"y": 1, "no": 4}, first_letter, control=frozenset(), name="m")
    assert found == AnswerTokens(yes=(ord("Y"),), no=(4,))


@pytest.mark.parametrize("encode", [lambda text: [2, *first_letter(text)], lambda text: []])
def test_answers_that_begin_alike_are_refused(encode: object) -> None:
    with pytest.raises(ModelError, match=r"'m' cannot be asked.*begins both alike"):
        answer_tokens({"y": 1}, encode, control=frozenset(), name="m")  # type: ignore[arg-type]


def test_smollm2_vocabulary() -> None:
    try:
        folder = models.path("smollm2")
    except ModelMissing as error:
        pytest.skip(str(error))
    tokenizers = pytest.importorskip("tokenizers")
    inner = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    found = answer_tokens(inner.get_vocab(), lambda text: inner.encode(text).ids, control=frozenset(), name="smollm2")
    assert {inner.decode([at]) for at in found.yes} == {"yes", "Yes", " yes", " Yes"}
    assert {inner.decode([at]) for at in found.no} == {"no", "No", " no", " No", "NO", " NO"}


def token(*top: tuple[str, float], own: tuple[str, float] | None = None) -> TokenLogprob:
    taken = own or top[0]
    return TokenLogprob(token=taken[0], logprob=taken[1], top=top)


def test_spellings_are_summed_by_hand() -> None:
    read = read_alternatives(
        token(("Yes", LOG(0.4)), (" yes", LOG(0.2)), ("No", LOG(0.1)), ("\u2581no", LOG(0.1)), ("Maybe", LOG(0.05))),
        name="m",
    )
    assert read == pytest.approx((LOG(0.6), LOG(0.2)))
    assert Judgement(yes=read[0], no=read[1], usage=Usage()).probability == pytest.approx(0.75)


def test_two_tokens_of_one_text_both_count() -> None:
    """Detokenized, a word with and without its space can look alike."""
    assert read_alternatives(token(("Yes", LOG(0.5)), ("Yes", LOG(0.25)), ("no", LOG(0.2))), name="m")[0] == (
        pytest.approx(LOG(0.75))
    )


def test_the_taken_token_counts_when_the_server_leaves_it_out() -> None:
    yes, no = read_alternatives(token(("Well", LOG(0.3)), ("no", LOG(0.1)), own=("Yes", LOG(0.4))), name="m")
    assert (yes, no) == pytest.approx((LOG(0.4), LOG(0.1)))
    spaced = token((" Yes", LOG(0.7)), ("no", LOG(0.1)), own=("Yes", LOG(0.7)))
    assert read_alternatives(spaced, name="m")[0] == pytest.approx(LOG(0.7))
    # Named in both places, it counts once.
    assert read_alternatives(token(("Yes", LOG(0.4)), ("no", LOG(0.1)), own=("Yes", LOG(0.4))), name="m")[0] == (
        pytest.approx(LOG(0.4))
    )


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        # 0.2 are left, but six spellings of at most 0.01 each come to 0.06.
        ([("Yes", 0.7), ("Sure", 0.09), ("Well", 0.01)], (LOG(0.7), LOG(0.06))),
        # 0.05 are left, less than six times 0.15.
        ([("No", 0.8), ("Well", 0.15)], (LOG(0.05), LOG(0.8))),
        ([("yes", 0.9)], (LOG(0.9), LOG(0.1))),
    ],
)
def test_an_answer_that_is_not_listed_gets_the_most_it_can_have(
    top: list[tuple[str, float]], expected: tuple[float, float]
) -> None:
    assert read_alternatives(token(*((text, LOG(share)) for text, share in top)), name="m") == pytest.approx(expected)


def test_nothing_is_left() -> None:
    yes, no = read_alternatives(token(("Yes", 0.0), ("x", -9999.0)), name="m")
    assert yes == 0.0 and no < -1000
    assert Judgement(yes=yes, no=no, usage=Usage()).probability == pytest.approx(1.0)
    assert read_alternatives(token(("Yes", 0.0), ("No", -math.inf)), name="m")[1] < -1000


@given(st.lists(st.floats(0.001, 1.0), min_size=22, max_size=60), st.data())
def test_the_bound_holds_whatever_was_not_listed(weights: list[float], data: st.DataObject) -> None:
    """Of a whole distribution the 20 likeliest are shown; the probability never passes the true one."""
    shares = sorted((weight / sum(weights) for weight in weights), reverse=True)
    shown = data.draw(st.integers(0, 19))
    hidden = data.draw(st.lists(st.integers(20, len(shares) - 1), min_size=1, max_size=6, unique=True))
    alternatives = [("Yes" if at == shown else f"t{at}", LOG(share)) for at, share in enumerate(shares[:20])]
    yes, no = read_alternatives(token(*alternatives), name="m")
    assert yes == pytest.approx(LOG(shares[shown]))
    assert no >= LOG(sum(shares[at] for at in hidden)) - 1e-6


def test_neither_answer_is_named() -> None:
    with pytest.raises(ModelError, match=r"'m' answered neither yes nor no: not among its 2 likeliest tokens \('The'"):
        read_alternatives(token(("The", LOG(0.5)), ("A", LOG(0.1))), name="m")
    with pytest.raises(ModelError, match="neither"):
        read_alternatives(token(("The", LOG(0.5)), ("yes", -math.inf)), name="m")


@pytest.mark.parametrize(
    ("bad", "said"), [(math.nan, "log-probability nan"), (0.3, "log-probability 0.3"), (math.inf, "inf")]
)
def test_values_that_are_no_log_probabilities(bad: float, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        read_alternatives(token(("Yes", LOG(0.5)), ("x", bad)), name="m")
    with pytest.raises(ServiceError, match=r"sum to 1\.3"):
        read_alternatives(token(("Yes", LOG(0.8)), ("No", LOG(0.5))), name="m")


def test_a_reply_without_log_probabilities() -> None:
    usage = Usage(tokens_in=5, tokens_out=1)
    reply = Reply(text="Yes", finish="length", usage=usage)
    with pytest.raises(ServiceError, match="'m' gave no log-probabilities"):
        judgement_of(reply, name="m")
    good = Reply(text="Yes", finish="length", usage=usage, logprobs=(token(("Yes", LOG(0.5)), ("No", LOG(0.5))),))
    assert judgement_of(good, name="m") == Judgement(yes=LOG(0.5), no=LOG(0.5), usage=usage)


def test_log_sum() -> None:
    assert log_sum([-1000.0, -1000.0]) == pytest.approx(-1000.0 + LOG(2))
