import math

import pytest

from foveate.evals.metrics.metric import Context
from foveate.evals.metrics.rightness import right
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Place, Sample

ABSTAINED = Output(verdict="unanswerable", text="I cannot tell.")
KINDS = [
    (Sample(id="choice", choice=1), Output(choice=1), Output(choice=-1)),
    (Sample(id="label", label="true"), Output(label="True"), Output(label="")),
    (Sample(id="answers", answers=("cat",)), Output(text="It is a cat."), Output(text="It is a dog.")),
    (Sample(id="bare article", answers=("The",)), Output(text="the"), Output(text="cat")),
    (
        Sample(id="pairs", pairs=((0, 0), (1, 1))),
        Output(matrix=((0.9, 0.1), (0.2, 0.8))),
        Output(matrix=((0.9, 0.1), (0.9, 0.8))),
    ),
    (Sample(id="spans", spans=((0, 10),)), Output(spans=((0, 6),)), Output(spans=((8, 20), (0, 10)))),
    (
        Sample(id="facts", facts=(Place(document="a", sentence=2),)),
        Output(cited=(Place(document="a"), Place(document="b"))),
        Output(cited=(Place(document="b"), Place(document="a"))),
    ),
    (
        Sample(id="relevant", relevant={"a": 1.0, "b": 0.0}),
        Output(ranking=(("a", 1.0),)),
        Output(ranking=(("b", 1.0), ("a", 0.5))),
    ),
]


@pytest.mark.parametrize(("sample", "good", "bad"), KINDS, ids=lambda item: getattr(item, "id", ""))
def test_each_kind(sample: Sample, good: Output, bad: Output) -> None:
    assert right(sample, good) == 1.0
    assert right(sample, bad) == 0.0
    assert right(sample, ABSTAINED) == 0.0
    assert math.isnan(right(sample, Output()))


def test_nothing_cited_or_ranked_is_wrong_and_not_unknown() -> None:
    assert right(Sample(id="s", facts=(Place(document="a"),)), Output(cited=())) == 0.0
    assert right(Sample(id="s", relevant={"a": 1.0}), Output(ranking=())) == 0.0


def test_the_first_thing_a_benchmark_gives_decides() -> None:
    sample = Sample(id="s", choice=0, answers=("cat",), relevant={"a": 1.0})
    assert right(sample, Output(choice=0, text="dog", ranking=())) == 1.0
    assert math.isnan(right(sample, Output(text="cat")))  # the choice is what was asked


def test_unanswerable_samples_want_abstention() -> None:
    closed = Sample(id="s", answerable=False, answers=("cat",))
    assert right(closed, ABSTAINED) == 1.0
    assert right(closed, Output(text="cat", verdict="answered")) == 0.0
    assert right(closed, Output(text="cat")) == 0.0
    assert math.isnan(right(closed, Output()))
    assert math.isnan(right(closed, Output(ranking=(("a", 1.0),))))  # a retriever cannot abstain


def test_none_of_the_above_is_as_good_as_abstaining() -> None:
    closed = Sample(id="s", answerable=False, options=("a", "b", "None of the above"), choice=2)
    assert right(closed, Output(choice=2, verdict="answered")) == 1.0
    assert right(closed, Output(choice=0, verdict="answered")) == 0.0
    assert right(closed, ABSTAINED) == 1.0


def test_without_anything_to_be_right_nothing_is_wrong() -> None:
    for output in (Output(text="x", verdict="answered"), ABSTAINED, Output()):
        assert math.isnan(right(Sample(id="s"), output))
        assert math.isnan(right(Sample(id="s", answerable=True), output))


def test_accuracy_is_its_mean_over_what_is_known() -> None:
    samples = [sample for sample, _, _ in KINDS] * 2
    outputs = [good for _, good, _ in KINDS] + [bad for _, _, bad in KINDS]
    accuracy = metric("accuracy")
    rows = accuracy.rows(samples, outputs, Context())
    assert rows.shape == (16, 1)
    assert accuracy.statistic(rows) == 0.5
