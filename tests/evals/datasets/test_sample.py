"""The sample collection as a dataset: every split reads, and every target is a file that is there."""

import json
import shutil
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.sample import SPLITS, default_folder, read

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_splits() -> None:
    sizes = {split: len(read(EXAMPLES, split=split).samples) for split in SPLITS}
    assert sizes == {
        "plain": 60, "test": 60, "dev": 20, "answers": 24, "unanswerable": 10, "answers_and_unanswerable": 34
    }  # fmt: skip
    assert default_folder() == EXAMPLES


def test_documents_are_the_collection_without_sidecars() -> None:
    names = [document.id for document in read(EXAMPLES).documents]
    assert "documents/tolliver.txt" in names and "films/harbour_day.mp4" in names
    assert not [name for name in names if name.startswith("pictures/") and name.endswith(".txt")]
    assert len(names) == 255  # what `foveate index examples/sample` counts


def test_fields() -> None:
    data = read(EXAMPLES, split="answers_and_unanswerable")
    asked = data.samples[4]
    assert (asked.id, asked.answers, asked.answerable) == ("plain-39", ("142", "142 steps"), True)
    assert dict(asked.relevant) == {"documents/lighthouse.txt": 1.0} and asked.facts[0].document in asked.relevant
    nothing = data.samples[-1]
    assert (nothing.id, nothing.answerable, nothing.answers) == ("none-20", False, ())
    assert {sample.slices["answerable"] for sample in data.samples} == {"yes", "no"}


def test_answers_stand_in_the_notes_of_their_questions() -> None:
    """Each first answer is what the question's own note says, so that the two files cannot drift apart."""
    notes = {
        row["id"]: row.get("note", "").lower()
        for row in map(json.loads, (EXAMPLES / "questions_plain.jsonl").read_text().splitlines())
    }
    spelt = {"four to six months", "thirty-five shillings"}
    for sample in read(EXAMPLES, split="answers").samples:
        assert any(answer.lower() in notes[sample.id] for answer in sample.answers), (sample.id, spelt)


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option split='train' is unknown; choices: answers, "):
        read(EXAMPLES, split="train")
    for name in ("questions_plain.jsonl", "answers.jsonl"):
        shutil.copy(EXAMPLES / name, tmp_path)
    (tmp_path / "sample" / "documents").mkdir(parents=True)
    with pytest.raises(CallerError, match=r"questions_plain\.jsonl, line 1: field 'targets'"):
        read(tmp_path)
    (tmp_path / "questions_plain.jsonl").write_text("")
    with pytest.raises(CallerError, match=r"answers\.jsonl, line 1: field 'id'"):
        read(tmp_path, split="answers")
