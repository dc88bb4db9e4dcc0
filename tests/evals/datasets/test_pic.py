"""Phrase-in-Context, on small files in its format."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import pic
from foveate.evals.samples import Document, Sample
from tests.evals.published import write_json

CONTEXT = "In 1990 the massive figure was cast in bronze. Costs reached a massive figure of two million."
PHRASE = {
    "id": "297-1",
    "title": "https://en.wikipedia.org/wiki?curid=2226019",
    "context": CONTEXT,
    "query": "huge model",
    "answers": {"text": ["massive figure"], "answer_start": [12]},
}
PAIR = {
    "phrase1": "massive figure",
    "phrase2": "huge model",
    "sentence1": "The massive figure was cast.",
    "sentence2": "The huge model was cast.",
    "label": 1,
    "idx": 4,
}


def fill(folder: Path, body: Any, task: str = "PR-pass", split: str = "test") -> None:
    write_json(folder / task / f"{split}-v1.0.json", body)


@pytest.mark.parametrize("task", ["PR-pass", "PR-page"])
def test_a_phrase_is_found_in_its_document(tmp_path: Path, task: str) -> None:
    fill(tmp_path, {"data": [PHRASE]}, task)
    dataset = pic.read(tmp_path, task=task)
    title = str(PHRASE["title"])
    assert dataset.samples == (
        Sample(
            id="297-1",
            text="huge model",
            candidates=("297-1",),
            answers=("massive figure",),
            relevant={"297-1": 1.0},
            group=title,
        ),
    )
    assert dataset.documents == (Document(id="297-1", text=CONTEXT, title=title, group=title),)
    assert pic.read(tmp_path, task=task, scope="all").samples[0].candidates == ()


def test_both_forms_of_answers_and_of_files(tmp_path: Path) -> None:
    listed = {key: value for key, value in PHRASE.items() if key != "query"}
    listed |= {"question": "huge model", "answers": [{"text": "massive figure", "answer_start": 12}]}
    fill(tmp_path, [listed])
    assert pic.read(tmp_path).samples[0].answers == ("massive figure",)
    assert pic.read(tmp_path).samples[0].text == "huge model"


@pytest.mark.parametrize(("start", "choice"), [(12, 0), (63, 1)])
def test_one_sense_of_two_is_right(tmp_path: Path, start: int, choice: int) -> None:
    assert CONTEXT[start : start + 14] == "massive figure"
    fill(tmp_path, [PHRASE | {"answers": {"text": ["massive figure"], "answer_start": [start]}}], "PSD")
    (sample,) = pic.read(tmp_path, task="PSD").samples
    assert sample.choice == choice
    assert sample.options == (CONTEXT, CONTEXT)
    assert sample.slices == {"occurrences": "2"}
    assert sample.text == "In which passage does 'massive figure' mean 'huge model'?"


def test_one_occurrence_leaves_nothing_to_choose(tmp_path: Path) -> None:
    fill(tmp_path, [PHRASE | {"context": CONTEXT[:46]}], "PSD")
    (sample,) = pic.read(tmp_path, task="PSD").samples
    assert (sample.choice, sample.options) == (None, (CONTEXT[:46],))


def test_options_are_the_words_around_an_occurrence(tmp_path: Path) -> None:
    filler = " ".join(f"word{number}" for number in range(100))
    context = f"{filler} big thing {filler} Big thing {filler}"
    second = context.index("Big thing")
    fill(tmp_path, [PHRASE | {"context": context, "answers": {"text": ["Big thing"], "answer_start": [second]}}], "PSD")
    (sample,) = pic.read(tmp_path, task="PSD").samples
    assert sample.choice == 1
    assert "big thing" in sample.options[0] and "Big thing" not in sample.options[0]
    assert "Big thing" in sample.options[1]
    for option in sample.options:
        assert 400 <= len(option) <= 430
        assert set(option.split()) <= set(context.split())


@pytest.mark.parametrize(("label", "name"), [(0, "negative"), (1, "positive")])
def test_two_phrases_are_similar_or_not(tmp_path: Path, label: int, name: str) -> None:
    fill(tmp_path, [PAIR | {"label": label}], "PS")
    assert pic.read(tmp_path, task="PS").samples == (
        Sample(
            id="4",
            text="Do 'massive figure' and 'huge model' mean the same?\n"
            "First: The massive figure was cast.\nSecond: The huge model was cast.",
            label=name,
            labels=("negative", "positive"),
            group="The massive figure was cast.",
        ),
    )


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("PR-pass", {"context": 5}, r"test-v1\.0\.json, entry 0: field 'context' must be str, found 5"),
        ("PR-pass", {"query": None}, r"entry 0: field 'query' is missing"),
        ("PR-pass", {"answers": "x"}, r"entry 0: field 'answers' must be dict, found 'x'"),
        ("PR-pass", {"answers": []}, r"entry 0: field 'answers' must be one answer or more, found \[\]"),
        ("PR-pass", {"answers": {"text": ["a"], "answer_start": ["1"]}}, r"field 'answer_start' must be list of int"),
        ("PSD", {"answers": {"text": ["massive figure"], "answer_start": [13]}}, "does not stand at character 13"),
        ("PS", {"label": "1"}, r"entry 0: field 'label' must be int, found '1'"),
        ("PS", {"label": 2}, r"entry 0: field 'label' must be 0 or 1, found 2"),
        ("PS", {"phrase2": None}, r"entry 0: field 'phrase2' is missing"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, task: str, changes: dict[str, Any], message: str) -> None:
    fill(tmp_path, [(PAIR if task == "PS" else PHRASE) | changes], task)
    with pytest.raises(CallerError, match=message):
        pic.read(tmp_path, task=task)


@pytest.mark.parametrize("option", ["task", "split", "scope"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    fill(tmp_path, [PHRASE])
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        pic.read(tmp_path, **{option: "x"})


def test_no_file_no_json_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*PR-pass/test-v1\.0\.json"):
        pic.read(tmp_path)
    fill(tmp_path, {"data": []})
    with pytest.raises(CallerError, match="pic: no sample that can be used"):
        pic.read(tmp_path)
    (tmp_path / "PR-pass" / "test-v1.0.json").write_text("{")
    with pytest.raises(CallerError, match=r"test-v1\.0\.json: no JSON"):
        pic.read(tmp_path)
