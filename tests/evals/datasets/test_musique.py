from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.musique import read
from foveate.evals.samples import Document, Place
from tests.evals.published import write_jsonl


def paragraph(number: int, title: str, text: str, supporting: bool) -> dict[str, Any]:
    return {"idx": number, "title": title, "paragraph_text": text, "is_supporting": supporting}


ROW: dict[str, Any] = {
    "id": "3hop1__9285_5188_23307",
    "paragraphs": [
        paragraph(0, "Pakistan", "One.", False),
        paragraph(1, "Lahore", "Two.", True),
        paragraph(2, "Lahore", "Three.", True),
    ],
    "question": "When was the building finished?",
    "question_decomposition": [{"id": 1, "question": "?", "answer": "x", "paragraph_support_idx": 1}],
    "answer": "1960",
    "answer_aliases": ["in 1960", "year 1960"],
    "answerable": True,
}
TWIN = {**ROW, "paragraphs": [*ROW["paragraphs"][:2], paragraph(2, "Other", "Four.", False)], "answerable": False}


def test_every_field(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "musique_ans_v1.0_dev.jsonl", [ROW])
    dataset = read(tmp_path)
    (sample,) = dataset.samples
    key = "3hop1__9285_5188_23307"
    assert (sample.id, sample.text, sample.group, sample.answerable) == (key, ROW["question"], key, True)
    assert sample.answers == ("1960", "in 1960", "year 1960")
    assert sample.candidates == (f"{key}/0", f"{key}/1", f"{key}/2")
    assert sample.relevant == {f"{key}/1": 1.0, f"{key}/2": 1.0}
    assert sample.facts == (Place(document=f"{key}/1"), Place(document=f"{key}/2"))
    assert sample.slices == {"hops": "3", "type": "3hop1", "pair": key}
    assert dataset.documents[1] == Document(id=f"{key}/1", text="Two.", title="Lahore")
    assert len(dataset.documents) == 3


def test_unanswerable_twins(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "musique_full_v1.0_dev.jsonl", [ROW, TWIN])
    answerable, twin = read(tmp_path, setting="full").samples
    assert twin.id == f"{answerable.id}/unanswerable"
    assert twin.group == answerable.group == answerable.id
    assert twin.slices == answerable.slices
    assert (twin.answerable, answerable.answerable) == (False, True)
    # One of its paragraphs still says is_supporting; without the other it carries no answer.
    assert (twin.answers, twin.facts, twin.relevant) == ((), (), {})
    assert twin.candidates == tuple(f"{twin.id}/{number}" for number in range(3))


def test_pooled_titles_with_several_paragraphs(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "musique_full_v1.0_dev.jsonl", [ROW, TWIN])
    dataset = read(tmp_path, setting="full", pool="yes")
    answerable, twin = dataset.samples
    assert answerable.candidates[:2] == twin.candidates[:2] == ("Pakistan", "Lahore")
    assert answerable.candidates[2].startswith("Lahore#")
    assert [document.text for document in dataset.documents] == ["One.", "Two.", "Three.", "Four."]


def test_the_test_file_has_no_labels(tmp_path: Path) -> None:
    plain = [{key: value for key, value in part.items() if key != "is_supporting"} for part in ROW["paragraphs"]]
    blind = {"id": ROW["id"], "question": ROW["question"], "paragraphs": plain}
    write_jsonl(tmp_path / "musique_ans_v1.0_test.jsonl", [blind])
    (sample,) = read(tmp_path, split="test").samples
    assert (sample.answers, sample.relevant, sample.facts, sample.answerable) == ((), {}, (), None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answerable": "yes"}, r"musique_ans_v1\.0_dev\.jsonl, line 2: field 'answerable' must be bool, found 'yes'"),
        ({"answer_aliases": [1]}, r"line 2: field 'answer_aliases' must be list of str, found \[1\]"),
        ({"paragraphs": ["x"]}, r"line 2: field 'paragraphs\[0\]' must be dict, found 'x'"),
        ({"paragraphs": [{"idx": "0", "title": "T"}]}, r"line 2, field 'paragraphs'\[0\]: field 'idx' must be int"),
        ({"paragraphs": [{"idx": 0, "title": "T"}]}, r"field 'paragraph_text' is missing"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_jsonl(tmp_path / "musique_ans_v1.0_dev.jsonl", [{**ROW, "id": "2hop__1_2"}, {**ROW, **changes}])
    with pytest.raises(CallerError, match=message):
        read(tmp_path)


def test_unknown_options_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option setting='ans' is unknown; choices: answerable, full"):
        read(tmp_path, setting="ans")
    with pytest.raises(CallerError, match=r"no file '.*musique_full_v1\.0_train\.jsonl'"):
        read(tmp_path, setting="full", split="train")
