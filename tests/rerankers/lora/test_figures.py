import math
import random
from typing import Any

import ir_measures
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from foveate.rerankers.lora.figures import auroc, ece, figures, ndcg
from foveate.rerankers.lora.learners import Answers
from foveate.rerankers.lora.measuring import log_odds, losses, ranking_loss
from foveate.rerankers.yesno import AnswerTokens

ANSWERS = Answers(tokens=AnswerTokens(yes=(1, 2), no=(3,)), yes=1, no=3)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_auroc_is_scikit_learns(rows: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([row[0] for row in rows], float), np.array([row[1] for row in rows])
    if len(set(labels.tolist())) < 2:
        assert auroc(scores, labels) is None
    else:
        assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


def test_ndcg_is_ir_measures() -> None:
    chance = random.Random(4)
    for _ in range(20):
        scores = chance.sample(range(1000), 15)
        labels = [chance.random() < 0.3 for _ in scores]
        if len(set(labels)) < 2:
            continue
        truth: Any = {"q": {str(at): int(label) for at, label in enumerate(labels)}}
        run: Any = {"q": {str(at): float(score) for at, score in enumerate(scores)}}
        expected = ir_measures.calc_aggregate([ir_measures.nDCG @ 10], truth, run)[ir_measures.nDCG @ 10]
        assert ndcg([float(score) for score in scores], labels) == pytest.approx(expected)


def test_ties_do_not_flatter() -> None:
    assert ndcg([1.0, 1.0], [True, False]) == pytest.approx(1 / math.log2(3))
    assert ndcg([1.0, 2.0], [True, True]) is None


def test_ece_by_hand() -> None:
    assert ece(np.array([0.92, 0.98, 0.31]), np.array([True, False, False])) == pytest.approx((0.9 + 0.31) / 3)
    assert ece(np.array([1.0]), np.array([True])) == 0.0


def test_all_by_hand() -> None:
    found = figures([0.5, 1.5, 1.0, 1.0], [2.0, -2.0, -1.0, 3.0], [True, False, True, False], [0, 0, 1, 1])
    assert (found.pairs, found.questions, found.loss, found.auroc, found.accuracy) == (4, 2, 1.0, 0.5, 0.5)
    assert found.ndcg == pytest.approx((1 + 1 / math.log2(3)) / 2)
    lone = figures([0.5], [2.0], [True], [0])
    assert (lone.auroc, lone.ndcg) == (None, None)


def test_losses_by_hand() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0, 0.0]])
    total = math.log(sum(math.exp(at) for at in range(5)))
    assert losses(logits, [True, False], ANSWERS).tolist() == pytest.approx([total - 1, total - 1])
    first = math.log(math.exp(1) + math.exp(2)) - 3
    assert log_odds(logits, ANSWERS).tolist() == pytest.approx([first, math.log(math.exp(3) + math.exp(2)) - 1])


def test_ranking_loss_by_hand() -> None:
    odds = torch.tensor([1.0, 0.0, 5.0, 2.0])
    total, count = ranking_loss(odds, [True, False, True, True], [0, 0, 1, 1])
    assert count == 1 and float(total) == pytest.approx(math.log(1 + math.exp(-1)))
    both, _ = ranking_loss(odds[:3], [True, True, False], [0, 0, 0])
    expected = math.log(sum(math.exp(value) for value in (1, 0, 5))) - 0.5
    assert float(both) == pytest.approx(expected)
