"""Outputs survive the way through JSON, and nothing that differs from run to run is in them."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.lines import cost_line, output_from, output_line, pictures_of, sample_line
from foveate.evals.samples import Document, Output, Place, Sample
from foveate.usage import Usage

RICH = Output(
    text="At ten.",
    ranking=(("a", 0.123456789), ("b", -1.0)),
    choice=1,
    matrix=((0.5, 0.25),),
    label="entailed",
    verdict="answered",
    reason="none",
    confidence=0.75,
    cited=(Place(document="a", span=(1.0, 2.5)), Place(document="b", sentence=3)),
    evidence=({"source": "a.md", "where": "page 1", "quote": None},),
    spans=((1.0, 2.5),),
    usage=Usage(tokens_in=9, tokens_cached=4, tokens_out=2, hops=1, seconds={"plan": 0.5}),
)


def test_there_and_back() -> None:
    line = json.loads(json.dumps(output_line(RICH)))
    again = output_from(line)
    assert output_line(again) == output_line(RICH)
    assert again.ranking == (("a", 0.12346), ("b", -1.0))
    assert again.cited == RICH.cited and again.spans == RICH.spans
    assert again.usage == Usage(tokens_in=9, tokens_out=2, hops=1)


def test_nothing_said_stays_nothing() -> None:
    again = output_from(json.loads(json.dumps(output_line(Output()))))
    assert again == Output()
    assert output_from(output_line(Output(ranking=(), cited=(), spans=()))).ranking == ()


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_scores_are_json(value: float) -> None:
    line = output_line(Output(ranking=(("a", value),), confidence=value if 0 <= value <= 1 else None))
    text = json.dumps(line, allow_nan=False)
    assert ("-0.0]" not in text) and (math.isfinite(value) or '["a", null]' in text)


def test_costs_apart() -> None:
    line = cost_line("t", "1", RICH, 0.75)
    assert line == {"task": "t", "id": "1", "seconds": {"plan": 0.5, "total": 0.75}, "tokens_cached": 4}
    assert cost_line("t", "1", None, 0.1)["tokens_cached"] == 0


def test_sample_lines_leave_out_what_is_unknown() -> None:
    assert sample_line(Sample(id="1", text="What?", answerable=False)) == {"text": "What?", "answerable": False}
    assert sample_line(Sample(id="1", choice=0, options=("a",)))["choice"] == 0
    assert len(sample_line(Sample(id="1", text="x" * 9999))["text"]) == 2000


def test_pictures() -> None:
    documents = {
        "a": Document(id="a", image="/a.png"),
        "b": Document(id="b", file="/b.JPG"),
        "c": Document(id="c", file="/c.pdf"),
        "d": Document(id="d", image="/d.png"),
    }
    output = Output(ranking=tuple((name, 0.5) for name in "bcxxxx"), cited=(Place(document="d"),))
    shown = pictures_of(Sample(id="1", relevant={"a": 1.0}), output, documents)
    assert shown == {"a": "/a.png", "b": "/b.JPG", "d": "/d.png"}
    assert pictures_of(Sample(id="1"), None, documents) == {}
