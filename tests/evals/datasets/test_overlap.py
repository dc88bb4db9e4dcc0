"""The challenge set as a dataset for the task entailment."""

from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.overlap import default_folder, read
from foveate.evals.metrics.metric import Context
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output
from foveate.evals.tasks.table import TASKS

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_fields() -> None:
    data = read(EXAMPLES)
    assert default_folder() == EXAMPLES and data.licence == "CC0-1.0"
    documents = {document.id: document for document in data.documents}
    first = data.samples[0]
    assert (first.id, first.text) == ("swapped-01", "Tobin Fenn was taught to carve violins by Ilse Marrow.")
    assert documents[first.candidates[0]].text == (
        "Ilse Marrow taught Tobin Fenn to carve violins in her workshop at Dale End."
    )
    assert first.label == "entailed" and first.labels == ("entailed", "contradicted", "neutral")
    assert dict(first.slices) == {"family": "swapped", "overlap": "high"}
    assert len(documents) < len(data.samples)  # some texts serve several claims, which share a group
    groups = {sample.candidates[0]: sample.group for sample in data.samples}
    assert all(sample.group == groups[sample.candidates[0]] for sample in data.samples)


def test_one_family() -> None:
    data = read(EXAMPLES, family="negation")
    assert data.name == "overlap-negation" and {one.slices["family"] for one in data.samples} == {"negation"}
    with pytest.raises(CallerError, match="option family='x' is unknown; choices: all, attribution"):
        read(EXAMPLES, family="x")


def test_it_is_scored_by_the_task() -> None:
    accuracy = metric(TASKS["entailment"].metrics[0])
    data = read(EXAMPLES)
    said = [Output(label="neutral")] * len(data.samples)
    assert accuracy.rows(data.samples, said, Context())[:, 0].sum() == 57
