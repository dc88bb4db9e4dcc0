from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.multimodalqa import read
from foveate.evals.samples import Document, Place
from tests.evals.published import picture, write_jsonl

ROW: dict[str, Any] = {
    "qid": "5454c14ad01e722c2619b66778daa98b",
    "question": "who owns the rights to little shop of horrors?",
    "answers": [
        {"answer": "Warner", "type": "string", "modality": "text", "text_instances": [], "table_indices": []},
        {"answer": 1986, "type": "string", "modality": "table"},
    ],
    "metadata": {
        "type": "Compose(TableQ,ImageListQ)",
        "modalities": ["table", "image"],
        "image_doc_ids": ["i1", "i2"],
        "text_doc_ids": ["x1"],
        "table_id": "t1",
        "intermediate_answers": [],
    },
    "supporting_context": [{"doc_id": "t1", "doc_part": "table"}, {"doc_id": "i1", "doc_part": "image"}],
}
TABLE = {
    "title": "Dutch Ruppersberger",
    "url": "https://x",
    "id": "t1",
    "table": {
        "table_name": "Electoral history",
        "header": [{"column_name": "Year", "metadata": {}}, {"column_name": "Office"}],
        "table_rows": [[{"text": "1994", "links": []}, {"text": "Executive"}], [{"text": "1998"}, {"text": "Senator"}]],
    },
}


def put(folder: Path, *rows: dict[str, Any], split: str = "dev") -> Path:
    write_jsonl(folder / f"MMQA_{split}.jsonl", rows)
    texts = [{"title": "Korra", "url": "", "id": name, "text": f"Text {name}."} for name in ("x1", "x9")]
    write_jsonl(folder / "MMQA_texts.jsonl", texts)
    write_jsonl(folder / "MMQA_tables.jsonl", [TABLE])
    images = [{"title": f"City {name}", "url": "", "id": name, "path": f"{name}.jpg"} for name in ("i1", "i2")]
    write_jsonl(folder / "MMQA_images.jsonl", images)
    for name in ("i1", "i2"):
        picture(folder / f"final_dataset_images/{name}.jpg")
    return folder


def test_every_field(tmp_path: Path) -> None:
    dataset = read(put(tmp_path, ROW))
    (sample,) = dataset.samples
    assert (sample.id, sample.text) == (ROW["qid"], ROW["question"])
    assert sample.answers == ("Warner", "1986")
    assert sample.candidates == ("i1", "i2", "t1", "x1")
    assert sample.relevant == {"t1": 1.0, "i1": 1.0}
    assert sample.facts == (Place(document="t1"), Place(document="i1"))
    assert sample.slices == {"hops": "2", "type": "Compose(TableQ,ImageListQ)", "modalities": "image+table"}
    assert dataset.documents == (
        Document(id="x1", text="Text x1.", title="Korra"),
        Document(
            id="t1",
            text="Dutch Ruppersberger\nElectoral history\nYear | Office\n1994 | Executive\n1998 | Senator",
            title="Dutch Ruppersberger",
        ),
        Document(id="i1", text="City i1", image=str(tmp_path / "final_dataset_images/i1.jpg"), title="City i1"),
        Document(id="i2", text="City i2", image=str(tmp_path / "final_dataset_images/i2.jpg"), title="City i2"),
    )


def test_all_documents(tmp_path: Path) -> None:
    assert "x9" in {document.id for document in read(put(tmp_path, ROW), documents="all").documents}


def test_the_test_file(tmp_path: Path) -> None:
    blind = {key: ROW[key] for key in ("qid", "question", "metadata")}
    (sample,) = read(put(tmp_path, blind, split="test"), split="test").samples
    assert (sample.answers, sample.relevant, sample.facts) == ((), {}, ())
    assert "hops" not in sample.slices


def test_missing_pictures(tmp_path: Path) -> None:
    (put(tmp_path, ROW) / "final_dataset_images/i2.jpg").unlink()
    with pytest.raises(CallerError, match=r"MMQA_images\.jsonl, line 2: no file '.*i2\.jpg'"):
        read(tmp_path)
    dropped = read(tmp_path, missing="drop")
    assert dropped.samples[0].candidates == ("i1", "t1", "x1")
    assert len(read(tmp_path, missing="keep").documents) == 4
    (tmp_path / "final_dataset_images/i1.jpg").unlink()
    with pytest.raises(CallerError, match=r"multimodalqa: no sample that can be used .*MMQA_dev\.jsonl"):
        read(tmp_path, missing="drop")  # its gold picture is gone


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metadata": []}, r"MMQA_dev\.jsonl, line 1: field 'metadata' must be dict, found \[\]"),
        ({"answers": ["a"]}, r"line 1: field 'answers\[0\]' must be dict, found 'a'"),
        ({"answers": [{"answer": [1]}]}, r"line 1, field 'answers'\[0\]: field 'answer' must be str"),
        ({"supporting_context": [{}]}, r"line 1, field 'supporting_context'\[0\]: field 'doc_id' is missing"),
        ({"metadata": {"text_doc_ids": [1]}}, r"line 1, field 'metadata': field 'text_doc_ids' must be list of str"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, {**ROW, **changes}))


def test_a_wrong_table(tmp_path: Path) -> None:
    put(tmp_path, ROW)
    rows = {**TABLE["table"], "table_rows": [[{"text": "1994"}], [{"text": 1998}]]}  # type: ignore[dict-item]
    write_jsonl(tmp_path / "MMQA_tables.jsonl", [{**TABLE, "table": rows}])
    with pytest.raises(
        CallerError, match=r"MMQA_tables\.jsonl, line 1.*'table_rows'\[1\].*'text' must be str, found 1998"
    ):
        read(tmp_path)


def test_missing_files_unknown_options_nothing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*MMQA_dev\.jsonl'"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option documents='some' is unknown; choices: all, context"):
        read(put(tmp_path, ROW), documents="some")
    with pytest.raises(CallerError, match=r"multimodalqa: no sample that can be used .*MMQA_dev.jsonl"):
        read(put(tmp_path))
    write_jsonl(tmp_path / "MMQA_dev.jsonl", [ROW])
    (tmp_path / "MMQA_tables.jsonl").unlink()
    with pytest.raises(CallerError, match=r"no file '.*MMQA_tables\.jsonl'"):
        read(tmp_path)
