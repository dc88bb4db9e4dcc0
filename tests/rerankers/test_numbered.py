import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import ServiceError
from foveate.rerankers.numbered import Answer, probability_at, read_answers
from foveate.rerankers.protocols import Reply, TokenLogprob
from foveate.usage import Usage

LOG = math.log


def reply(text: str, *, finish: str = "stop", logprobs: tuple[TokenLogprob, ...] = ()) -> Reply:
    return Reply(text=text, finish=finish, usage=Usage(), logprobs=logprobs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "given", "faults"),
    [
        ("[1] Yes\n[2] No\n[3] yes.", {1: True, 2: False, 3: True}, ()),
        ("[3] No\r\n [1]YES \n[ 2 ]  no", {1: True, 2: False, 3: False}, ()),
        ("<think>[1] No\n[2] No</think>\n[1] Yes\n[2] No\n[3] No", {1: True, 2: False, 3: False}, ()),
        ("Here you are:\n```\n[1] Yes\n[2] No\n[3] No\n```", {1: True, 2: False, 3: False}, ()),
        ("[1] Yes\n[3] No", {1: True, 3: False}, ("missing [2]",)),
        ("[1] Yes\n[2] No\n[2] No\n[3] No", {1: True, 3: False}, ("repeated [2]",)),
        ("[1] Yes\n[2] maybe\n[3] No", {1: True, 3: False}, ("missing [2]",)),
        ("[1] Yes\n[2] No, but\n[2] Yes\n[3] No", {1: True, 3: False}, ("repeated [2]",)),
        ("[1] Yes [2] No\n[3] No", {3: False}, ("missing [1, 2]",)),
        ("[1] Yes, it does\n[2] Yes No\n[3] Not", {}, ("missing [1, 2, 3]",)),
        ("[0] Yes\n[1] No\n[2] No", {}, ("foreign numbers [0]",)),
        ("[1] Yes\n[2] No\n[3] No\n[4] Yes", {}, ("foreign numbers [4]",)),
        ("[1] Yes\n[2] No\n[99] \n[3] Yes", {}, ("foreign numbers [99]",)),
        ("1. Yes\n2. No\n3. No", {}, ("missing [1, 2, 3]",)),
        ("", {}, ("missing [1, 2, 3]",)),
        ("Yes", {}, ("missing [1, 2, 3]",)),
    ],
)
def test_strictly(text: str, given: dict[int, bool], faults: tuple[str, ...]) -> None:
    read = read_answers(reply(text), 3)
    assert {number: answer.yes for number, answer in read.given.items()} == given
    assert read.faults == faults
    for answer in read.given.values():
        assert text[answer.at :].casefold().startswith("yes" if answer.yes else "no")


def test_a_last_line_that_may_go_on() -> None:
    assert set(read_answers(reply("[1] Yes\n[2] No", finish="length"), 2).given) == {1}
    assert set(read_answers(reply("[1] Yes\n[2] No\n", finish="length"), 2).given) == {1, 2}


@given(st.text(alphabet="[]0123 yesnoYN.\n", max_size=80), st.integers(1, 5))
def test_whatever_the_text(text: str, count: int) -> None:
    read = read_answers(reply(text), count)
    assert set(read.given) <= set(range(1, count + 1))
    assert (len(read.given) == count) == (not read.faults)


def tokens(*pieces: str | tuple[str, dict[str, float]]) -> tuple[TokenLogprob, ...]:
    made = []
    for piece in pieces:
        text, shares = piece if isinstance(piece, tuple) else (piece, {piece: 0.9})
        top = tuple((word, LOG(share)) for word, share in shares.items())
        made.append(TokenLogprob(token=text, logprob=dict(top).get(text, LOG(0.1)), top=top))
    return tuple(made)


def test_probability_of_each_line_by_hand() -> None:
    logprobs = tokens(
        "[", "1", "]", (" Yes", {" Yes": 0.6, " No": 0.2}), "\n",
        "[2]", " ", ("No", {"No": 0.9, "yes": 0.1}), "\n[3] ", ("N", {"N": 0.8, "Y": 0.1}), "o",
    )  # fmt: skip
    whole = reply("[1] Yes\n[2] No\n[3] No", logprobs=logprobs)
    read = read_answers(whole, 3)
    scores = {number: probability_at(whole, answer, name="m") for number, answer in read.given.items()}
    assert scores == {1: pytest.approx(0.75), 2: pytest.approx(0.1), 3: None}
    # A server that strips the text and not its tokens.
    loose = reply("[1] Yes", logprobs=tokens("\n ", "[1]", ("\u2581Yes", {"\u2581Yes": 0.6, "No": 0.2})))
    assert probability_at(loose, Answer(yes=True, at=4), name="m") is None
    spaced = reply("[1] Yes", logprobs=tokens("\n ", "[1]", (" Yes", {" Yes": 0.6, " No": 0.2})))
    assert probability_at(spaced, Answer(yes=True, at=4), name="m") == pytest.approx(0.75)


def test_log_probabilities_that_are_none() -> None:
    broken = reply("[1] Yes", logprobs=tokens("[1]", (" Yes", {" Yes": 0.6, " No": 0.2, "x": 3.0})))
    with pytest.raises(ServiceError, match="log-probability"):
        probability_at(broken, Answer(yes=True, at=4), name="m")
    assert probability_at(reply("[1] Yes", logprobs=tokens("[1]")), Answer(yes=True, at=4), name="m") is None
