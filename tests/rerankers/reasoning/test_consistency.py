"""Votes of those whose reasons hold, beside plain counting."""

import asyncio
import itertools
import math
from collections.abc import Sequence

import pytest

from foveate.errors import CallerError
from foveate.rerankers.protocols import Message, Reply, TokenLogprob
from foveate.rerankers.reasoning.consistency import Candidate, Checked, Chosen, choose, majority, statement_of, vote
from foveate.rerankers.reasoning.verifier import Verifier
from foveate.rerankers.scripted import ScriptedChat
from foveate.usage import Usage

EVIDENCE = ["The mill of Orrin was built in 1931.", "The mill of Orrin closed in 1975."]
TRUE = {*EVIDENCE, "The mill of Orrin closed in 1975, 44 years after it was built."}


def reader(messages: Sequence[Message]) -> Reply:
    """Says entailed where evidence holds the claim, where both dates are known, or where a reason names the answer."""
    evidence, claim = messages[-1].text.removeprefix("Evidence: ").split("\nClaim: ")
    both = all(text in evidence for text in EVIDENCE) and claim in TRUE
    sure = 0.9 if claim in evidence or both or claim.removesuffix(" years") in evidence else 0.1
    top = (("ent", math.log(sure)), ("cont", math.log((1 - sure) / 4)), ("neutral", math.log(3 * (1 - sure) / 4)))
    token = TokenLogprob(token=top[0][0], logprob=top[0][1], top=top)
    return Reply(text="", finish="length", usage=Usage(tokens_in=1), logprobs=(token,))


def chosen(*candidates: Candidate, evidence: Sequence[str] = EVIDENCE) -> Chosen:
    return asyncio.run(choose(candidates, evidence, Verifier(ScriptedChat(reader))))


def checked(answer: str, grounded: float, follows: float) -> Checked:
    return Checked(candidate=Candidate(answer=answer, rationale="r"), grounded=grounded, follows=follows)


def test_carried_reasons_beat_the_majority() -> None:
    good = Candidate(answer="44 years", rationale="The mill of Orrin closed in 1975, 44 years after it was built.")
    bad = [Candidate(answer="34 years", rationale="The mill closed in 1965, 34 years after.") for _ in range(3)]
    found = chosen(*bad, good)
    assert (found.answer, found.majority) == ("44 years", "34 years")
    # The reason needs both pieces, which only stand together in the joined evidence: 0.9 times 0.9 of 3.81 votes.
    assert found.share == pytest.approx(0.81 / 3.81) and len(found.dropped) == 3


def test_a_rationale_is_as_good_as_its_weakest_sentence() -> None:
    found = chosen(Candidate(answer="1975", rationale=f"{EVIDENCE[1]} It was the largest mill of the valley."))
    assert found.answer is None and found.dropped[0].grounded == pytest.approx(0.1)
    assert found.dropped[0].follows == pytest.approx(0.9) and found.majority == "1975"


def test_an_answer_that_does_not_follow_is_dropped() -> None:
    found = chosen(Candidate(answer="1931", rationale=EVIDENCE[1]))
    assert found.answer is None and found.dropped[0].grounded == pytest.approx(0.9)


def test_nothing_to_go_by_chooses_nothing() -> None:
    assert chosen().answer is None and chosen().majority is None
    one = Candidate(answer="1975", rationale=EVIDENCE[1])
    assert chosen(one, evidence=[" "]).answer is None
    assert chosen(Candidate(answer="1975", rationale=" ")).answer is None


def test_weights_by_hand() -> None:
    found = vote([checked("Yes.", 0.9, 0.8), checked("yes", 0.6, 0.5), checked("no", 0.95, 0.9), checked("no", 0.4, 1)])
    assert found.votes == (("Yes.", pytest.approx(1.02)), ("no", pytest.approx(0.855)))
    assert found.answer == "Yes." and found.share == pytest.approx(1.02 / (1.02 + 0.855 + 1))


def test_the_order_of_the_candidates_changes_nothing() -> None:
    some = [checked("a", 0.9, 0.6), checked("B", 0.9, 0.6), checked("b", 0.5, 0.5), checked("c", math.nan, 0.9)]
    found = [vote(list(order)) for order in itertools.permutations(some)]
    assert {(one.answer, one.share, one.votes, one.majority) for one in found} == {
        (found[0].answer, found[0].share, found[0].votes, found[0].majority)
    }
    assert found[0].answer == "B" and found[0].dropped[0].candidate.answer == "c"


def test_majority() -> None:
    assert majority(["b", "A", "a.", "B"]) == "A"  # a tie goes by the alphabet, then the first spelling
    assert majority(["1,200", "1200", "1,200"]) == "1,200"


def test_statements() -> None:
    assert statement_of(Candidate(answer="44", rationale="", statement="It ran 44 years."), "How long?") == (
        "It ran 44 years."
    )
    assert statement_of(Candidate(answer="44", rationale=""), " How long? ") == "The answer to 'How long?' is 44."
    assert statement_of(Candidate(answer="44", rationale=""), "") == "44"


def test_refused() -> None:
    with pytest.raises(CallerError, match="bar is 0"):
        vote([], bar=0)
    with pytest.raises(CallerError, match="must hold a word"):
        vote([checked("?", 0.9, 0.9)])
