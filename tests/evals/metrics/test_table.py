import math

import numpy as np
import pytest

from foveate.errors import CallerError
from foveate.evals.metrics.metric import Context, Metric
from foveate.evals.metrics.table import metric, metric_names
from foveate.evals.samples import Output, Place, Sample
from foveate.evals.tasks.table import TASKS

EXAMPLES = {"K": "10", "T": "0.5", "C": "0.8", "R": "0.1"}


def example(pattern: str) -> str:
    base, at, letters = pattern.partition("@")
    return base + at + ":".join(EXAMPLES[letter] for letter in letters.split(":") if letter)


EVERY = [example(pattern) for pattern in metric_names()]
RIGHT = Sample(
    id="s",
    answers=("cat",),
    choice=0,
    label="true",
    relevant={"a": 1.0},
    facts=(Place(document="a"),),
    spans=((0.0, 1.0),),
    pairs=((0, 0), (1, 1)),
    answerable=True,
    slices={"pair": "1"},
)
SAID = Output(
    text="cat",
    choice=0,
    label="true",
    ranking=(("a", 1.0),),
    cited=(Place(document="a"),),
    spans=((0.0, 1.0),),
    matrix=((1.0, 0.0), (0.0, 1.0)),
    verdict="answered",
    confidence=1.0,
)
CLOSED = Sample(id="t", answerable=False, slices={"pair": "1"})
REFUSED = Output(verdict="unanswerable", confidence=0.0)


def test_names_are_sorted_patterns() -> None:
    names = metric_names()
    assert names == sorted(names)
    assert {"recall@K", "ndcg@K", "mrr", "mrr@K", "em", "vqa_accuracy", "moment_recall@K:T", "risk@C"} <= set(names)


@pytest.mark.parametrize("name", EVERY)
def test_each_is_whole(name: str) -> None:
    found = metric(name)
    assert isinstance(found, Metric)
    assert found.name == name
    assert found.title and found.source
    assert metric(name) is found


@pytest.mark.parametrize("name", [name for name in EVERY if "clipscore" not in name])
def test_each_knows_perfect_silent_and_empty(name: str) -> None:
    found = metric(name)
    rows = found.rows([RIGHT, CLOSED], [SAID, REFUSED], Context())
    assert rows.dtype == np.float64
    assert len(rows) == 2
    scored = rows[~np.isnan(rows).any(axis=1)]
    assert len(scored)
    perfect = {"precision@10": 0.1, "false_answer_rate": 0.0, "false_refusal_rate": 0.0, "ece": 0.0, "brier": 0.0}
    # Two samples of which one is rightly refused: everything answered is right, and half can be answered.
    perfect |= {"aurc": 0.25, "risk@0.8": 0.5, "coverage@0.1": 0.5}
    assert found.statistic(scored) == pytest.approx(perfect.get(name, 1.0))
    assert found.statistic(scored[::-1]) == pytest.approx(found.statistic(scored))
    silent = found.rows([RIGHT, Sample(id="u")], [Output(), Output()], Context())
    assert np.isnan(silent).any(axis=1).all()
    assert math.isnan(found.statistic(rows[:0]))
    assert found.rows([], [], Context()).shape == (0, rows.shape[1])


def test_every_task_names_metrics_that_exist() -> None:
    for task in TASKS.values():
        for name in task.metrics:
            assert metric(name).name == name


@pytest.mark.parametrize(
    ("name", "cured"),
    [
        ("recal@10", "'recall@K'"),
        ("recall", "'recall@K'"),
        ("NDCG@10", "'ndcg@K'"),
        ("mapp", "'map' or 'map@K'"),
        ("em@3", "'em'"),
        ("vqa_acuracy", "'vqa_accuracy'"),
        ("risk", "'risk@C'"),
    ],
)
def test_a_slip_is_told_with_the_cure(name: str, cured: str) -> None:
    with pytest.raises(CallerError) as caught:
        metric(name)
    assert str(caught.value).startswith(f"metric {name!r} is none of: {', '.join(metric_names())}")
    assert str(caught.value).endswith(f"did you mean {cured}?")


@pytest.mark.parametrize("name", ["", "@", "@10", "bleurt", "猫"])
def test_what_resembles_nothing_gets_the_choices_alone(name: str) -> None:
    with pytest.raises(CallerError, match=r"is none of: .*vqa_accuracy$"):
        metric(name)


@pytest.mark.parametrize(
    "name",
    [f"recall@{cut}" for cut in ("0", "", "-1", "1.5", "ten", "010", " 5", "100001", "9" * 5000, "٣", "1e3")],
)
def test_a_bad_rank_is_told_with_what_is_allowed(name: str) -> None:
    with pytest.raises(CallerError, match="K is a whole number from 1 to 100000"):
        metric(name)


@pytest.mark.parametrize("name", ["tiou@0", "tiou@1.1", "tiou@nan", "tiou@-0.5", "risk@0", "risk@80%", "coverage@2"])
def test_a_bad_share_is_told_with_what_is_allowed(name: str) -> None:
    with pytest.raises(CallerError, match=r"cut-off '.*' of metric '.*': [TCR] is an? "):
        metric(name)


@pytest.mark.parametrize("name", ["moment_recall@5", "moment_recall@5:0.5:1", "recall@5:0.5"])
def test_too_few_or_many_cut_offs_are_told_with_the_form(name: str) -> None:
    with pytest.raises(CallerError, match="is written '"):
        metric(name)


def test_edges_that_are_allowed() -> None:
    assert metric("recall@100000").title == "Recall at 100000"
    assert metric("tiou@1").name == "tiou@1"
    assert metric("coverage@0").title == "Coverage at risk 0"
    assert metric("risk@.5").name == "risk@0.5"
