"""The form of VQA, apart from the benchmarks that use it."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.reading.media import Media
from foveate.evals.reading.vqa import vqa_samples
from foveate.evals.samples import Sample
from tests.evals.published import picture, write_json

QUESTION = {"image_id": 42, "question": "What?", "question_id": 420}
ANNOTATION = {
    "question_id": 420,
    "question_type": "two",
    "answer_type": "other",
    "answers": [{"answer": "cat", "raw_answer": "cats"}, {"answer": "cat", "raw_answer": "a cat"}],
}


def samples(
    folder: Path, annotations: list[dict[str, Any]] | None, missing: str = "raise", **more: Any
) -> list[Sample]:
    questions = write_json(folder / "questions.json", {"questions": [QUESTION]})
    known = None if annotations is None else write_json(folder / "answers.json", {"annotations": annotations})
    return list(vqa_samples(questions, known, Media(folder, missing), "COCO_", **more))


def test_answers_keep_their_repeats_and_slices_their_names(tmp_path: Path) -> None:
    path = picture(tmp_path / "COCO_000000000042.jpg")
    (sample,) = samples(tmp_path, [ANNOTATION], types={"two": "Vehicles"})
    assert sample == Sample(
        id="420",
        text="What?",
        images=(str(path),),
        answers=("cat", "cat"),
        group="COCO_000000000042",
        slices={"question_type": "Vehicles", "answer_type": "other"},
    )
    (raw,) = samples(tmp_path, [ANNOTATION], answer="raw_answer")
    assert (raw.answers, raw.slices["question_type"]) == (("cats", "a cat"), "two")


def test_a_test_split_has_no_answers(tmp_path: Path) -> None:
    picture(tmp_path / "COCO_000000000042.jpg")
    (sample,) = samples(tmp_path, None)
    assert (sample.answers, sample.slices) == ((), {})


def test_a_question_needs_its_annotation_even_where_its_picture_is_missing(tmp_path: Path) -> None:
    assert samples(tmp_path, [ANNOTATION], "drop") == []
    with pytest.raises(CallerError, match=r"entry 0: question_id '420' has no annotation in answers\.json"):
        samples(tmp_path, [], "drop")
