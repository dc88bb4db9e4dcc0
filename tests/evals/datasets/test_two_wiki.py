from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.two_wiki import read
from foveate.evals.samples import Document, Place
from tests.evals.published import write_json

ROW: dict[str, Any] = {
    "_id": "8813f87c0bdd11eba7f7acde48001122",
    "type": "bridge_comparison",
    "question": "Which film has the director who died earlier, A or B?",
    "context": [
        ["A", ["A is a film.", "It is by C."]],
        ["B", ["B is a film by D."]],
        ["C", ["C died in 1950."]],
        ["D", ["D died in 1960."]],
        ["E", ["E is a town."]],
    ],
    "entity_ids": "Q1_Q2_Q3_Q4",
    "supporting_facts": [["A", 1], ["B", 0], ["C", 0], ["D", 0]],
    "evidences": [["A", "director", "C"]],
    "answer": "A",
    "evidences_id": [],
    "answer_id": "Q1",
}


def test_every_field(tmp_path: Path) -> None:
    write_json(tmp_path / "dev.json", [ROW])
    dataset = read(tmp_path)
    (sample,) = dataset.samples
    key = ROW["_id"]
    assert (sample.id, sample.text, sample.answers) == (key, ROW["question"], ("A",))
    assert sample.slices == {"type": "bridge_comparison", "hops": "4"}
    assert sample.facts[0] == Place(document=f"{key}/A", sentence=1)
    assert sample.relevant == {f"{key}/{title}": 1.0 for title in "ABCD"}
    assert sample.candidates == tuple(f"{key}/{title}" for title in "ABCDE")
    assert dataset.documents[0] == Document(id=f"{key}/A", text="A is a film. It is by C.", title="A")
    assert dataset.name == "two_wiki"


def test_pooled(tmp_path: Path) -> None:
    write_json(tmp_path / "train.json", [ROW, {**ROW, "_id": "other"}])
    dataset = read(tmp_path, split="train", pool="yes")
    assert [document.id for document in dataset.documents] == ["A", "B", "C", "D", "E"]
    assert dataset.samples[0].candidates == dataset.samples[1].candidates


def test_gold_that_is_not_in_the_context_stays_relevant(tmp_path: Path) -> None:
    write_json(tmp_path / "dev.json", [{**ROW, "supporting_facts": [["A", 1], ["Z", 0]]}])
    (sample,) = read(tmp_path, pool="yes").samples
    assert sample.relevant == {"A": 1.0, "Z": 1.0}


def test_the_test_file_has_no_answers(tmp_path: Path) -> None:
    write_json(tmp_path / "test.json", [{key: ROW[key] for key in ("_id", "question", "context", "type")}])
    (sample,) = read(tmp_path, split="test").samples
    assert (sample.answers, sample.relevant, sample.slices) == ((), {}, {"type": "bridge_comparison"})


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*/dev\.json'"):
        read(tmp_path)
    write_json(tmp_path / "dev.json", [])
    with pytest.raises(CallerError, match=r"two_wiki: no sample that can be used .*dev\.json"):
        read(tmp_path)
    write_json(tmp_path / "dev.json", [{**ROW, "answer": 3}])
    with pytest.raises(CallerError, match=r"dev\.json, entry 0: field 'answer' must be str, found 3"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option split='validation' is unknown; choices: dev, test, train"):
        read(tmp_path, split="validation")
