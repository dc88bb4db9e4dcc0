import numpy as np
import pytest

from foveate.evals.metrics.metric import Context
from foveate.evals.metrics.scores import NAN, abstained, alone, open_to, sureness, together
from foveate.evals.samples import Output, Sample

SAMPLES = [Sample(id="one", text="x"), Sample(id="two", text="xyz")]
OUTPUTS = [Output(text="a"), Output()]


def test_one_value_a_sample_makes_one_column() -> None:
    rows = alone(lambda sample, output: NAN if output.text is None else len(sample.text))(SAMPLES, OUTPUTS, Context())
    assert rows.dtype == np.float64
    assert np.array_equal(rows, [[1.0], [NAN]], equal_nan=True)


def test_several_values_keep_their_order_also_without_samples() -> None:
    rows = together(lambda sample, output: (len(sample.text), 7.0), 2)
    assert np.array_equal(rows(SAMPLES, OUTPUTS, Context()), [[1.0, 7.0], [3.0, 7.0]])
    assert rows([], [], Context()).shape == (0, 2)


def test_samples_without_output_are_a_fault() -> None:
    with pytest.raises(ValueError, match="zip"):
        alone(lambda sample, output: 1.0)(SAMPLES, OUTPUTS[:1], Context())


def test_abstaining_is_what_the_verdict_says() -> None:
    assert abstained(Output(verdict="unanswerable"))
    assert not any(abstained(Output(verdict=verdict)) for verdict in ("answered", "partial", None))


def test_only_a_clear_no_closes_a_sample() -> None:
    assert [open_to(Sample(id="s", answerable=known)) for known in (True, None, False)] == [True, True, False]


@pytest.mark.parametrize("confidence", [None, -0.1, 1.1, NAN, float("inf")])
def test_what_is_no_probability_is_unknown(confidence: float | None) -> None:
    assert np.isnan(sureness(Output(confidence=confidence)))


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0])
def test_probabilities_stay(confidence: float) -> None:
    assert sureness(Output(confidence=confidence)) == confidence
