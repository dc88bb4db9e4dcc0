"""OK-VQA and VQA v2, which share a form."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import ok_vqa, vqa_v2
from tests.evals.published import picture, write_json

QUESTIONS = [
    {"image_id": 297147, "question": "What sport can you use this for?", "question_id": 2971475},
    {"image_id": 297147, "question": "Who made it?", "question_id": 2971476},
]
PLACE = "val2014/COCO_val2014_000000297147.jpg"


def annotation(question: int, answers: list[str], code: str = "four") -> dict[str, Any]:
    return {
        "image_id": 297147,
        "answer_type": "other",
        "question_type": code,
        "question_id": question,
        "answers": [
            {"answer_id": number, "raw_answer": f"{text}ing", "answer_confidence": "yes", "answer": text}
            for number, text in enumerate(answers, 1)
        ],
        "confidence": 3,
    }


ANNOTATIONS = [annotation(2971475, ["race"] * 7 + ["motocross"] * 3), annotation(2971476, ["honda"] * 10, "nine")]


def okvqa(folder: Path, annotations: list[Any] = ANNOTATIONS, questions: list[Any] = QUESTIONS) -> Path:
    types = {"four": "Vehicles and Transportation"}
    write_json(folder / "OpenEnded_mscoco_val2014_questions.json", {"info": {}, "questions": questions})
    body = {"info": {}, "question_types": types, "annotations": annotations}
    write_json(folder / "mscoco_val2014_annotations.json", body)
    return folder


def test_every_field(tmp_path: Path) -> None:
    picture(tmp_path / PLACE)
    dataset = ok_vqa.read(okvqa(tmp_path))
    first, second = dataset.samples
    assert (first.id, first.text) == ("2971475", "What sport can you use this for?")
    assert first.images == (str(tmp_path / PLACE),)
    assert first.answers == ("race",) * 7 + ("motocross",) * 3  # repeats are votes
    assert first.group == second.group == "COCO_val2014_000000297147"
    assert first.slices == {"question_type": "Vehicles and Transportation", "answer_type": "other"}
    assert second.slices["question_type"] == "nine"  # a code the file does not name
    assert (first.relevant, first.facts, first.answerable, dataset.documents) == ({}, (), None, ())


def test_answers_as_typed(tmp_path: Path) -> None:
    picture(tmp_path / PLACE)
    assert ok_vqa.read(okvqa(tmp_path), answers="raw_answer").samples[0].answers[0] == "raceing"


def test_missing_pictures(tmp_path: Path) -> None:
    okvqa(tmp_path)
    with pytest.raises(CallerError, match=r"questions\.json, entry 0: no file '.*COCO_val2014_000000297147\.jpg'"):
        ok_vqa.read(tmp_path)
    with pytest.raises(
        CallerError, match=r"ok_vqa: no sample that can be used .*OpenEnded_mscoco_val2014_questions.json"
    ):
        ok_vqa.read(tmp_path, missing="drop")
    assert ok_vqa.read(tmp_path, missing="keep").samples[0].images == (str(tmp_path / PLACE),)


@pytest.mark.parametrize(
    ("annotations", "questions", "message"),
    [
        (ANNOTATIONS[:1], QUESTIONS, "entry 1: question_id '2971476' has no annotation in mscoco_val2014_annotations"),
        (ANNOTATIONS, [{**QUESTIONS[0], "image_id": "7"}], r"questions\.json, entry 0: field 'image_id' must be int"),
        (ANNOTATIONS, [{**QUESTIONS[0], "question": None}], r"entry 0: field 'question' is missing"),
        ([{**ANNOTATIONS[0], "answers": ["race"]}], QUESTIONS[:1], r"annotations\.json, entry 0: field 'answers\[0\]'"),
        (
            [{**ANNOTATIONS[0], "answers": [{"answer": 4}]}],
            QUESTIONS[:1],
            r"entry 0, field 'answers'\[0\]: field 'answer' must be str, found 4",
        ),
    ],
)
def test_wrong_rows(tmp_path: Path, annotations: list[Any], questions: list[Any], message: str) -> None:
    picture(tmp_path / PLACE)
    with pytest.raises(CallerError, match=message):
        ok_vqa.read(okvqa(tmp_path, annotations, questions))


def test_missing_files_and_unknown_options(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"mscoco_val2014_annotations\.json"):
        ok_vqa.read(tmp_path)
    with pytest.raises(CallerError, match="option split='test' is unknown; choices: train, val"):
        ok_vqa.read(tmp_path, split="test")
    with pytest.raises(CallerError, match="option answers='raw' is unknown; choices: answer, raw_answer"):
        ok_vqa.read(okvqa(tmp_path), answers="raw")


def test_vqa_v2(tmp_path: Path) -> None:
    picture(tmp_path / PLACE)
    write_json(tmp_path / "v2_OpenEnded_mscoco_val2014_questions.json", {"questions": QUESTIONS})
    write_json(tmp_path / "v2_mscoco_val2014_annotations.json", {"annotations": ANNOTATIONS})
    dataset = vqa_v2.read(tmp_path)
    assert dataset.name == "vqa_v2"
    assert dataset.samples[1].answers == ("honda",) * 10
    assert dataset.samples[1].slices == {"question_type": "nine", "answer_type": "other"}


@pytest.mark.parametrize("split", ["test", "test-dev"])
def test_vqa_v2_test_splits_share_pictures_and_have_no_answers(tmp_path: Path, split: str) -> None:
    picture(tmp_path / "test2015/COCO_test2015_000000297147.jpg")
    part = {"test": "test2015", "test-dev": "test-dev2015"}[split]
    write_json(tmp_path / f"v2_OpenEnded_mscoco_{part}_questions.json", {"questions": QUESTIONS})
    sample = vqa_v2.read(tmp_path, split=split).samples[0]
    assert sample.images == (str(tmp_path / "test2015/COCO_test2015_000000297147.jpg"),)
    assert (sample.answers, sample.slices) == ((), {})


def test_vqa_v2_bad_input(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*v2_mscoco_val2014_annotations\.json'"):
        vqa_v2.read(tmp_path)
    write_json(tmp_path / "v2_OpenEnded_mscoco_test2015_questions.json", {"questions": []})
    with pytest.raises(CallerError, match=r"vqa_v2: no sample that can be used .*.*"):
        vqa_v2.read(tmp_path, split="test")
    write_json(tmp_path / "v2_OpenEnded_mscoco_test2015_questions.json", QUESTIONS)
    with pytest.raises(CallerError, match="a JSON object with key 'questions' is expected"):
        vqa_v2.read(tmp_path, split="test")
