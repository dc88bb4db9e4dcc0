"""The cascade around rerankers whose scores are written down."""

import asyncio
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError, ModelError
from foveate.ids import digest
from foveate.records import Hit, Result
from foveate.rerankers.calibration import Calibrator, Curve, Fitted
from foveate.rerankers.cascade import Budget, Cascade, First, Outcome, Stage, Undecided
from foveate.rerankers.protocols import ImagePart
from foveate.rerankers.sentences import SentenceReranker
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.usage import Usage
from tests.contracts.reranker import RerankerContract, result
from tests.rerankers.fakes import Table

ALL = Undecided(low=0.0, high=1.0)


def squared(model: str) -> Calibrator:
    """Squares the odds of a score."""
    curve = Curve(method="platt", scale="probability", xs=(2.0,), ys=(0.0,), pairs=40)
    fitted = Fitted(data="", pairs=40, positives=20, ece_before=None, brier_before=None, ece_after=0.0, brier_after=0.0)
    return Calibrator(model=model, curve=curve, fitted=fitted)


def pool(scores: Mapping[str, float]) -> list[Result]:
    return [result(name, name) for name in scores]


def judge(cascade: Cascade, results: Sequence[Result]) -> Outcome:
    return asyncio.run(cascade.judge("?", results))


def ids(names: str) -> list[str]:
    return [digest(name) for name in names]


class TestContract(RerankerContract):
    @pytest.fixture
    def reranker(self) -> Cascade:
        cheap, dear = (SentenceReranker(HashedEncoder().encode_text) for _ in range(2))
        cheap.name = "cheap"
        return Cascade([cheap, dear], undecided=ALL, batch=2)


CHEAP = {"a": 0.9, "b": 0.6, "c": 0.45, "d": 0.3, "e": 0.01}
DEAR = {"a": 0.2, "b": 0.1, "c": 0.7, "d": 0.8, "e": 0.99}


def test_merge_by_hand() -> None:
    cheap, dear = Table("cheap", CHEAP), Table("dear", DEAR)
    outcome = judge(Cascade([cheap, dear], budget=Budget(calls=3), batch=2), pool(CHEAP))
    # Nearest to 1/2: c, b; then d. e is decided, a is not reached.
    assert dear.judged == [ids("cb"), ids("d")]
    assert [(hit.chunk_id, hit.score) for hit in outcome.hits] == list(
        zip(ids("adcbe"), [0.9, 0.8, 0.7, 0.1, 0.01], strict=True)
    )
    assert outcome.calls == {"cheap": 5, "dear": 3}


def test_calibrated_by_hand() -> None:
    cheap, dear = Table("cheap", {"a": 0.75, "b": 0.6}), Table("dear", {"a": 0.9, "b": 0.9})
    stages = [Stage(reranker=cheap, calibrator=squared("cheap")), Stage(reranker=dear, calibrator=squared("dear"))]
    outcome = judge(Cascade(stages, undecided=Undecided(high=0.85)), pool(CHEAP)[:2])
    # a: odds 3 become 9, decided. b: odds 1.5 become 2.25 (0.69), undecided; the dear 9 become 81.
    assert [hit.chunk_id for hit in outcome.hits] == ids("ba")
    assert [hit.score for hit in outcome.hits] == pytest.approx([81 / 82, 0.9])


def test_from_the_edge_of_the_top_outwards() -> None:
    cheap, dear = Table("cheap", CHEAP), Table("dear", CHEAP)
    undecided = Undecided(low=0.0, high=1.0, k=1, first="boundary")
    judge(Cascade([cheap, dear], undecided=undecided, batch=1), pool(CHEAP))
    # The edge stays at 0.75, between a and b, which are equally near: ids decide.
    by_distance = sorted(CHEAP, key=lambda name: (round(abs(CHEAP[name] - 0.75), 6), digest(name)))
    assert [one for (one,) in dear.judged] == [digest(name) for name in by_distance]


def test_near_the_edge_even_what_is_sure_is_undecided() -> None:
    scores = {"a": 1.0, "b": 1.0 - 1e-9, "c": 1e-9, "d": 0.0}
    for near, expected in ((0, set()), (1, set("bc")), (2, set("abcd"))):
        dear = Table("dear", scores)
        judge(Cascade([Table("cheap", scores), dear], undecided=Undecided(k=2, near=near)), pool(scores))
        assert {name for call in dear.judged for name in call} == {digest(name) for name in expected}


def test_the_edge_moves_with_what_was_learnt() -> None:
    beliefs = {"a": 0.875, "b": 0.75, "c": 0.25, "d": 0.125}
    undecided = Undecided(low=0.0, high=1.0, k=1, first="boundary")
    assert undecided.queue(beliefs, set()) == ["a", "b", "c", "d"]  # the edge at 0.8125
    assert undecided.queue(beliefs | {"a": 0.0}, {"a"}) == ["b", "c", "d"]  # at 0.5
    assert undecided.queue(beliefs | {"a": 0.0, "b": 0.0}, {"a", "b"}) == ["c", "d"]  # at 0.1875


def test_what_a_stage_cuts_is_gone() -> None:
    cheap, dear = Table("cheap", CHEAP), Table("dear", {"a": 0.5, "b": 0.6, "c": 0.7})
    outcome = judge(Cascade([cheap, dear]), [*pool(CHEAP), result("z", "z")])
    assert [hit.chunk_id for hit in outcome.hits] == ids("cba") + ids("e")


def test_whom_a_stage_cannot_judge_stays_as_he_was() -> None:
    cheap = Table("cheap", {"a": 0.3, "b": -0.4, "c": -0.9})
    dear = Table("dear", {"a": -0.2, "b": 0.8, "c": -0.2})
    results = [result("a", "a"), result("b", "b"), result("c", "c", score=1.0)]
    outcome = judge(Cascade([cheap, dear], batch=1), results)
    # Unjudged by the cheap one is as open as can be: judged first. c, on whom all abstained, is below everything.
    assert set(map(tuple, dear.judged[:2])) == {(digest("b"),), (digest("c"),)}
    assert [(hit.chunk_id, hit.score) for hit in outcome.hits] == list(zip(ids("bac"), [0.8, 0.3, -0.25], strict=True))


def test_three_stages_share_the_budget() -> None:
    tables = [Table("one", CHEAP), Table("two", CHEAP), Table("three", DEAR)]
    outcome = judge(Cascade(tables, budget=Budget(calls=6), undecided=ALL), pool(CHEAP))
    assert outcome.calls == {"one": 5, "two": 5, "three": 1}


class Slow(Table):
    """Moves a clock by what each candidate takes."""

    def __init__(self, name: str, scores: Mapping[str, float], cost_s: Callable[[], float], now: list[float]) -> None:
        super().__init__(name, scores)
        self.cost_s, self.now = cost_s, now

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        self.now[0] += sum(self.cost_s() for _ in results)
        return await super().rerank(question, results, images=images)


def timed(milliseconds: float, cost_s: Callable[[], float], count: int = 40) -> tuple[Outcome, float]:
    now = [100.0]
    scores = {f"n{place}": 0.5 for place in range(count)}
    cheap, dear = Slow("cheap", scores, lambda: 0.0, now), Slow("dear", scores, cost_s, now)
    cascade = Cascade([cheap, dear], budget=Budget(milliseconds=milliseconds), clock=lambda: now[0])
    return judge(cascade, pool(scores)), now[0] - 100.0


def test_milliseconds_by_hand() -> None:
    # 100 ms at 10 ms each: 1, then 8, then 1 are all that fit.
    outcome, spent_s = timed(101, lambda: 0.01)
    assert outcome.calls["dear"] == 10
    assert spent_s == pytest.approx(0.1)
    assert outcome.seconds["dear"] == pytest.approx(0.1)
    assert timed(0, lambda: 0.01)[0].calls["dear"] == 0
    # The first candidate alone may overrun.
    assert timed(5, lambda: 0.01)[0].calls["dear"] == 1
    # The first stage's time counts, and a clock that stands still ends nothing early.
    assert timed(5, lambda: 0.0)[0].calls["dear"] == 40


@given(st.integers(0, 2**32), st.floats(0, 2000))
def test_milliseconds_are_kept(seed: int, milliseconds: float) -> None:
    """With candidates that take 5 to 20 ms: over by no more than the first one, or a slower batch than any before."""
    chance = random.Random(seed)
    _, spent_s = timed(milliseconds, lambda: chance.uniform(0.005, 0.02))
    assert spent_s * 1000.0 <= milliseconds + max(20.0, 8 * 15.0)
    _, spent_s = timed(milliseconds, lambda: 0.02)
    assert spent_s * 1000.0 <= max(milliseconds, 20.0) + 1e-6


probabilities = st.floats(0, 1)
scored = st.dictionaries(
    st.sampled_from([f"n{place}" for place in range(30)]), st.tuples(probabilities, probabilities), max_size=30
)


@given(scored, st.integers(0, 40), st.integers(1, 9), st.sampled_from(["uncertain", "boundary"]), st.integers(1, 12))
def test_never_over_budget_and_nobody_lost(
    scores: dict[str, tuple[float, float]], calls: int, batch: int, first: First, k: int
) -> None:
    cheap = Table("cheap", {name: one for name, (one, _) in scores.items()})
    dear = Table("dear", {name: one for name, (_, one) in scores.items()})
    undecided = Undecided(low=0.1, high=0.9, k=k, near=1, first=first)
    cascade = Cascade([cheap, dear], budget=Budget(calls=calls), undecided=undecided, batch=batch)
    outcome = judge(cascade, pool(scores))
    asked = [name for call in dear.judged for name in call]
    assert len(asked) == len(set(asked)) == outcome.calls["dear"] <= calls
    assert all(len(call) <= batch for call in dear.judged)
    assert sorted(hit.chunk_id for hit in outcome.hits) == sorted(digest(name) for name in scores)
    said = {hit.chunk_id: hit.score for hit in outcome.hits}
    for name, score in said.items():
        assert score == (dear.scores[name] if name in asked else cheap.scores[name])
    shuffled = pool(scores)
    random.Random(calls).shuffle(shuffled)
    again = Table("dear", {name: one for name, (_, one) in scores.items()})
    assert judge(
        Cascade([cheap, again], budget=Budget(calls=calls), undecided=undecided, batch=batch), shuffled
    ).hits == (outcome.hits)
    assert again.judged == dear.judged


@given(scored, st.booleans())
def test_the_two_ends(scores: dict[str, tuple[float, float]], calibrated: bool) -> None:
    cheap = Table("cheap", {name: one for name, (one, _) in scores.items()})
    dear = Table("dear", {name: one for name, (_, one) in scores.items()})
    for budget, alone in ((Budget(), dear), (Budget(calls=0), cheap), (Budget(milliseconds=0), cheap)):
        stages = [Stage(reranker=one, calibrator=squared(one.name) if calibrated else None) for one in (cheap, dear)]
        hits = judge(Cascade(stages, budget=budget, undecided=ALL), pool(scores)).hits
        expected = asyncio.run(alone.rerank("?", pool(scores)))
        assert sorted(hit.chunk_id for hit in hits) == sorted(hit.chunk_id for hit in expected)
        if not calibrated:
            assert hits == expected
        else:
            # A curve may join scores that differ by a rounding, never turn two round.
            raw = {hit.chunk_id: hit.score for hit in expected}
            for one, next_ in pairwise(hits):
                assert raw[one.chunk_id] >= raw[next_.chunk_id] or one.score == next_.score


def test_usage_and_calls_add_up() -> None:
    class Spending(Table):
        usage = Usage(tokens_in=7)

    now = [0.0]
    cascade = Cascade(
        [Slow("cheap", CHEAP, lambda: 0.25, now), Spending("dear", DEAR)], undecided=ALL, clock=lambda: now[0]
    )
    for _ in range(2):
        judge(cascade, pool(CHEAP))
    assert cascade.calls == {"cheap": 10, "dear": 10}
    assert cascade.usage.tokens_in == 7
    assert cascade.usage.seconds == {"cascade.cheap": 2.5, "cascade.dear": 0.0}
    assert cascade.name == "cheap>dear"


def test_an_empty_pool_costs_nothing() -> None:
    cheap, dear = Table("cheap", {}), Table("dear", {})
    outcome = judge(Cascade([cheap, dear]), [])
    assert outcome.hits == [] and cheap.judged == dear.judged == []


def test_what_cannot_be_is_refused() -> None:
    cheap, dear = Table("cheap", {"a": 3.0}), Table("dear", {"a": math.nan})
    with pytest.raises(CallerError, match=r"'cheap' gave the score 3\.0"):
        judge(Cascade([cheap, dear]), pool({"a": 1.0}))
    with pytest.raises(ModelError, match=r"gave chunk .* the score nan"):
        judge(Cascade([Table("cheap", CHEAP), dear]), pool({"a": 1.0}))
    for stages in ([cheap], [cheap, cheap], []):
        with pytest.raises(CallerError, match="two or more stages of different names"):
            Cascade(stages)
    with pytest.raises(CallerError, match="batch is 0"):
        Cascade([cheap, dear], batch=0)
    with pytest.raises(CallerError, match="scores of 'other'"):
        Stage(reranker=cheap, calibrator=squared("other"))
    for bad in ({"calls": -1}, {"milliseconds": math.nan}):
        with pytest.raises(CallerError, match="allowed are None and numbers from 0"):
            Budget(**bad)  # type: ignore[arg-type]
    for wrong in ({"low": 0.6, "high": 0.5}, {"k": 0}, {"near": -1}):
        with pytest.raises(CallerError, match="allowed are low <= high"):
            Undecided(**wrong)  # type: ignore[arg-type]
    with pytest.raises(CallerError, match=r"low is -0\.1"):
        Undecided(low=-0.1)
    with pytest.raises(CallerError, match="'best'; choose one of: uncertain, boundary"):
        Undecided(first="best")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Simulated:
    """Mean nDCG@10 of each way."""

    cascade: float
    cheap: float
    dear: float


def simulate(first: First, questions: int) -> Simulated:
    """Both stages calibrated: log-odds of relevance are the prior's and 2 mu x, where x is normal around +mu or -mu."""
    chance = random.Random(4)
    sums = [0.0, 0.0, 0.0]
    for _ in range(questions):
        relevant = {f"n{place}": place < chance.randint(1, 3) for place in range(50)}
        prior = sum(relevant.values()) / 50

        def column(mu: float, relevant: dict[str, bool] = relevant, prior: float = prior) -> dict[str, float]:
            odds = {
                name: math.log(prior / (1 - prior)) + 2 * mu * chance.gauss(mu if is_so else -mu, 1.0)
                for name, is_so in relevant.items()
            }
            return {name: 1 / (1 + math.exp(-one)) for name, one in odds.items()}

        cheap, dear = Table("cheap", column(0.7)), Table("dear", column(1.5))
        undecided = Undecided(low=0.0, high=1.0, first=first)
        cascade = Cascade([cheap, dear], budget=Budget(calls=20), undecided=undecided)
        results = pool(relevant)
        wanted = {digest(name) for name, is_so in relevant.items() if is_so}
        best = sum(1 / math.log2(place + 2) for place in range(len(wanted)))
        for place, one in enumerate((cascade, cheap, dear)):
            hits = asyncio.run(one.rerank("?", results))[:10]
            sums[place] += sum(1 / math.log2(hit.rank + 2) for hit in hits if hit.chunk_id in wanted) / best
    return Simulated(cascade=sums[0] / questions, cheap=sums[1] / questions, dear=sums[2] / questions)


def test_the_most_uncertain_first_is_worth_more_than_the_edge() -> None:
    uncertain, boundary = simulate("uncertain", 60), simulate("boundary", 60)
    assert (uncertain.cheap, uncertain.dear) == (boundary.cheap, boundary.dear)
    assert uncertain.cheap < boundary.cascade < uncertain.cascade
    assert uncertain.cascade - boundary.cascade > 0.05
    assert uncertain.cascade > 0.9 * uncertain.dear
