import asyncio
import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError, ModelError
from foveate.records import Hit, Result
from foveate.rerankers.blended import Blend, BlendedReranker, FirstStage, fit_blend, log_odds
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.protocols import ImagePart
from tests.contracts.reranker import RerankerContract, result

BLEND = Blend(bias=-2.0, judged=0.5, first=1.0)


class ByLength:
    """Longer texts are more relevant."""

    name = "length"

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        check_distinct(results)
        scores = [(one.chunk.id, min(len(one.chunk.text or "") / 100, 1.0)) for one in results]
        return ranked(scores, by=self.name)


class TestContract(RerankerContract):
    pointwise = True

    @pytest.fixture
    def reranker(self) -> BlendedReranker:
        return BlendedReranker(ByLength(), BLEND)


class TestFirstStage(RerankerContract):
    pointwise = True

    @pytest.fixture
    def reranker(self) -> FirstStage:
        return FirstStage()


def test_what_the_first_stage_did_not_see_stands_below() -> None:
    pool = [result("text", "a museum", score=9.0), result("seen", None, part="picture", z=0.5)]
    hits = asyncio.run(FirstStage().rerank("q", pool))
    assert [hit.chunk_id for hit in hits] == [pool[1].chunk.id, pool[0].chunk.id] and hits[1].score < 0


def scores(results: list[Result], blend: Blend = BLEND) -> dict[str, float]:
    hits = asyncio.run(BlendedReranker(ByLength(), blend).rerank("q", results))
    return {hit.chunk_id: hit.score for hit in hits}


def test_by_hand() -> None:
    seen = result("seen", "x" * 80, part="picture", z=3.0)
    # log-odds of 0.8 is ln 4; -2 + 0.5 * ln 4 + 3 = 1 + ln 2
    assert scores([seen])[seen.chunk.id] == pytest.approx(2 * math.e / (1 + 2 * math.e), abs=1e-12)


def test_what_the_stage_did_not_see_keeps_its_score() -> None:
    text = result("text", "x" * 80)
    assert scores([text])[text.chunk.id] == pytest.approx(0.8)


def test_a_blend_of_another_reranker_is_refused() -> None:
    with pytest.raises(CallerError, match=r"fitted with 'other' and cannot serve 'length'"):
        BlendedReranker(ByLength(), Blend(bias=0, judged=1, first=1, reranker="other"))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-20, 20))
def test_more_of_either_is_never_less(one: float, other: float, z: float) -> None:
    low, high = sorted((one, other))
    assert BLEND.probability(low, z) <= BLEND.probability(high, z)
    assert BLEND.probability(low, z) <= BLEND.probability(low, z + 1)


def test_fitting_finds_the_weights() -> None:
    rng = random.Random(0)
    rows = []
    for _ in range(20_000):
        judged, first = rng.random(), rng.gauss(0, 2)
        chance = 1 / (1 + math.exp(1.0 - 0.8 * log_odds(judged) - 0.6 * first))
        rows.append((judged, first, rng.random() < chance))
    found = fit_blend(rows)
    assert found.bias == pytest.approx(-1.0, abs=0.1)
    assert found.judged == pytest.approx(0.8, abs=0.06)
    assert found.first == pytest.approx(0.6, abs=0.04)


def test_a_ratio_that_was_chosen_is_kept() -> None:
    rng = random.Random(1)
    rows = [(rng.random(), rng.gauss(0, 2), rng.random() < 0.3) for _ in range(500)]
    rows = [(judged, first, right or log_odds(judged) + first > 3) for judged, first, right in rows]
    found = fit_blend(rows, ratio=0.5)
    assert found.judged == pytest.approx(0.5 * found.first) and found.first > 0


def test_fitting_needs_both_kinds() -> None:
    with pytest.raises(CallerError, match="needs 20 or more, relevant and not"):
        fit_blend([(0.5, 1.0, True)] * 30)


def test_kept_as_json(tmp_path: Path) -> None:
    path = tmp_path / "blend.json"
    BLEND.save(path)
    assert Blend.load(path) == BLEND


@pytest.mark.parametrize("text", ["", "[]", '{"bias": 1}', '{"bias": NaN, "judged": 1, "first": 1}'])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "blend.json"
    path.write_text(text)
    with pytest.raises(ModelError, match="holds no blend"):
        Blend.load(path)
