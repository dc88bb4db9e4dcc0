from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.mmlongbench_doc import read
from foveate.evals.samples import Document
from tests.evals.published import write_json

FIRST: dict[str, Any] = {
    "doc_id": "Independents-Report.pdf",
    "doc_type": "Research report / Introduction",
    "question": "What's the percentage?",
    "answer": "18.29%",
    "evidence_pages": "[3, 5]",
    "evidence_sources": "['Pure-text (Plain-text)', 'Chart']",
    "answer_format": "Float",
}
SECOND = {
    **FIRST,
    "answer": "Not answerable",
    "evidence_pages": "[]",
    "evidence_sources": "[]",
    "answer_format": "None",
}


def put(folder: Path, *rows: dict[str, Any], inner: str = "data") -> Path:
    write_json(folder / inner / "samples.json", list(rows))
    document = folder / inner / "documents/Independents-Report.pdf"
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_bytes(b"%PDF-1.4\n")
    return folder


@pytest.mark.parametrize("inner", ["", "data"])
def test_every_field(tmp_path: Path, inner: str) -> None:
    dataset = read(put(tmp_path, FIRST, SECOND, inner=inner))
    first, second = dataset.samples
    name = "Independents-Report.pdf"
    assert (first.id, second.id, first.text, first.group) == ("0", "1", "What's the percentage?", name)
    assert (first.answers, second.answers) == (("18.29%",), ())
    assert (first.answerable, second.answerable) == (True, False)
    assert first.candidates == second.candidates == (name,)
    assert (first.relevant, second.relevant) == ({name: 1.0}, {})
    kinds = {"document": "Research report / Introduction"}
    sources = "Chart+Pure-text (Plain-text)"
    assert first.slices == kinds | {"format": "Float", "pages": "several", "sources": sources}
    assert second.slices == kinds | {"format": "None", "pages": "none"}
    path = str(tmp_path / inner / "documents" / name)
    assert dataset.documents == (Document(id=name, file=path, title=name, group=name),)


def test_lists_that_are_lists(tmp_path: Path) -> None:
    (sample,) = read(put(tmp_path, {**FIRST, "evidence_pages": [3], "evidence_sources": ["Table"]})).samples
    assert (sample.slices["pages"], sample.slices["sources"]) == ("one", "Table")


def test_missing_documents(tmp_path: Path) -> None:
    put(tmp_path, FIRST, {**FIRST, "doc_id": "gone.pdf"})
    with pytest.raises(CallerError, match=r"samples\.json, entry 1: no file '.*documents/gone\.pdf'"):
        read(tmp_path)
    assert len(read(tmp_path, missing="drop").samples) == 1
    assert len(read(tmp_path, missing="keep").documents) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evidence_pages": "three"}, r"entry 0: field 'evidence_pages' must be list of int, found 'three'"),
        ({"evidence_pages": "__import__('os')"}, r"entry 0: field 'evidence_pages' must be list of int"),
        ({"evidence_pages": "['3']"}, r"entry 0: field 'evidence_pages' must be list of int"),
        ({"evidence_sources": None}, r"entry 0: field 'evidence_sources' is missing"),
        ({"answer": 18.29}, r"entry 0: field 'answer' must be str, found 18\.29"),
        ({"doc_id": "../x.pdf"}, r"entry 0: '\.\./x\.pdf' is not a file inside"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, {**FIRST, **changes}))


def test_missing_file_unknown_option_nothing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*samples\.json' or '.*data/samples\.json'"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option missing='skip' is unknown; choices: drop, keep, raise"):
        read(put(tmp_path, FIRST), missing="skip")
    with pytest.raises(CallerError, match=r"mmlongbench_doc: no sample that can be used .*samples\.json"):
        read(put(tmp_path))
