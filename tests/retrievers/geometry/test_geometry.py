import math
import time
from dataclasses import replace

import numpy as np
import pytest

from foveate.errors import CallerError
from foveate.ids import digest
from foveate.memory.reference import ReferenceStore
from foveate.memory.store import Point, StoreSpec
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.geometry.conformity import Conformity
from foveate.retrievers.geometry.geometry import SIGNALS, Geometry
from foveate.retrievers.geometry.summary import conformity_facts
from foveate.retrievers.geometry.whitening import Whitening

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TEXTS = [f"The ferry to {port} leaves on {day}." for port in ("Oslo", "Turku", "Gdynia", "Riga") for day in DAYS]


def store(rows: np.ndarray, name: str = "text", dim: int | None = None) -> ReferenceStore:
    made = ReferenceStore(StoreSpec(dense={"text": dim or rows.shape[1], "image": dim or rows.shape[1]}))
    made.upsert(
        [Point(id=digest("g", str(i)), dense={name: row}, payload={"paths": [f"{i}.md"]}) for i, row in enumerate(rows)]
    )
    return made


def test_signals_are_those_of_the_parts() -> None:
    encoder = HashedEncoder()
    rows = encoder.encode_text(TEXTS)
    made = store(rows)
    question = encoder.encode_text(["When does the ferry to Riga leave?"])
    found = Geometry.of(made, encoder).signals(question[0], None)
    assert list(found) == list(SIGNALS)
    held = np.stack([point.dense["text"] for point in made.scroll(vectors=True)])
    assert found["question_conformity"] == pytest.approx(Conformity.fit([held]).conformity(question)[0])
    assert found["question_likelihood"] == pytest.approx(Whitening.fit(held).log_likelihood(question)[0])
    unknown = {name for name, value in found.items() if math.isnan(value)}
    assert unknown == {name for name in SIGNALS if name.startswith("picture") or name.endswith("uncertainty")}


def test_an_empty_collection_knows_nothing() -> None:
    encoder = HashedEncoder()
    geometry = Geometry.of(store(np.zeros((0, 64), np.float32)), encoder)
    row = encoder.encode_text(["a cup"])[0]
    assert all(math.isnan(value) for value in geometry.signals(row, row).values())
    assert all(math.isnan(value) for value in geometry.signals(None, None).values())


def test_a_collection_of_one_vector_has_a_mean_and_no_spread() -> None:
    encoder = HashedEncoder()
    rows = encoder.encode_text(["a cup"])
    for held in (rows, np.repeat(rows, 5, axis=0)):
        found = Geometry.of(store(held), encoder).signals(rows[0], np.zeros(64, np.float32))
        assert found["question_conformity"] == pytest.approx(1.0)
        assert math.isnan(found["question_likelihood"]) and math.isnan(found["picture_conformity"])


def test_rows_that_are_none_are_refused() -> None:
    geometry = Geometry.of(store(HashedEncoder().encode_text(TEXTS)), HashedEncoder())
    with pytest.raises(CallerError, match=r"picture's vector has shape \(63,\)"):
        geometry.signals(None, np.ones(63))
    with pytest.raises(CallerError, match=r"question's vector .* finite"):
        geometry.signals(np.full(64, np.inf), None)


def test_mini_tells_outsiders_and_uncertain_words() -> None:
    encoder = MiniEncoder()
    geometry = Geometry.of(store(encoder.encode_text(TEXTS)), encoder)
    asked = encoder.encode_text(["On which day is the ferry to Riga?", "a slice of watermelon on a plate"])
    inside, outside = (geometry.signals(row, None) for row in asked)
    assert inside["question_conformity"] > outside["question_conformity"]
    assert inside["question_likelihood"] > outside["question_likelihood"]
    plain, vague = (geometry.signals(row, None) for row in encoder.encode_text(["a zebra", "a thing of some kind"]))
    assert 0.0 < plain["question_uncertainty"] < vague["question_uncertainty"]
    # One vector: the shipped prior stands behind it.
    alone = Geometry.of(store(encoder.encode_text(TEXTS[:1])), encoder).signals(asked[0], None)
    assert math.isfinite(alone["question_likelihood"])


def test_fitting_a_large_sample_is_quick() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 1600)).astype(np.float32)
    made = store(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    geometry = Geometry.of(made, HashedEncoder())
    geometry._encoder = type("Wide", (HashedEncoder,), {"dim": 1600})()
    start = time.process_time()
    assert math.isfinite(geometry.signals(rows[0], None)["question_likelihood"])
    assert time.process_time() - start < 4.0
    start = time.process_time()
    geometry.signals(rows[1], rows[2])
    assert time.process_time() - start < 0.5


def test_facts_of_a_collection() -> None:
    encoder = HashedEncoder()
    made = store(encoder.encode_text([*TEXTS, "Watermelons are mostly water"]))
    facts = conformity_facts(made)
    assert list(facts) == ["text_conformity", "least_conforming"]
    held = np.stack([point.dense["text"] for point in made.scroll(vectors=True)])
    scores = Conformity.fit([held]).conformity(held)
    assert facts["text_conformity"] == {"mean": round(scores.mean(), 4), "spread": round(scores.std(), 4)}
    assert len(facts["least_conforming"]) == 5
    worst = facts["least_conforming"][0]
    assert worst["path"] == f"{len(TEXTS)}.md" and worst["kind"] == "text"
    assert worst["conformity"] == pytest.approx(scores.min(), abs=1e-4)


def test_a_file_of_many_pieces_is_named_once() -> None:
    rows = HashedEncoder().encode_text(TEXTS)
    made = store(rows)
    points = list(made.scroll(vectors=True))
    made.upsert([replace(point, payload={"paths": ["all.md"]}) for point in points])
    assert [row["path"] for row in conformity_facts(made)["least_conforming"]] == ["all.md"]
    assert conformity_facts(store(rows[:0]))["least_conforming"] == []
