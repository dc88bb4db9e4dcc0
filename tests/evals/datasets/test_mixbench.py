"""MixBench, on a small folder in its format."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import mixbench
from foveate.evals.samples import Document, Sample
from tests.evals.published import draw, write_jsonl

CORPUS = [
    {"corpus_id": "0", "text": "A man on a moped.", "image": None},
    {"corpus_id": "1", "text": "", "image": "1.jpg"},
    {"corpus_id": "2", "text": "A cake in a kitchen.", "image": "images/2.jpg"},
]
QUERIES = [
    {"query_id": "q0", "text": "red helmet", "image": None},
    {"query_id": "q1", "text": "hairnet", "image": "q1.jpg"},
]
QRELS = "query_id\tcorpus_id\tscore\nq0\t0\t1\nq1\t1\t1\nq1\t2\t2\n"


def fill(
    folder: Path, corpus: list[Any] = CORPUS, queries: list[Any] = QUERIES, qrels: str = QRELS, subset: str = "MSCOCO"
) -> None:
    root = folder / subset
    write_jsonl(root / "mixed_corpus.jsonl", corpus)
    write_jsonl(root / "queries.jsonl", queries)
    (root / "qrels").mkdir(exist_ok=True)
    (root / "qrels" / "qrels.tsv").write_text(qrels)
    draw(root / "images", "1.jpg", "2.jpg", "q1.jpg")


def test_texts_pictures_and_both_are_one_corpus(tmp_path: Path) -> None:
    fill(tmp_path)
    dataset = mixbench.read(tmp_path)
    images = tmp_path / "MSCOCO" / "images"
    assert dataset.documents == (
        Document(id="0", text="A man on a moped."),
        Document(id="1", image=str(images / "1.jpg")),
        Document(id="2", text="A cake in a kitchen.", image=str(images / "2.jpg")),
    )
    assert dataset.samples == (
        Sample(
            id="q0", text="red helmet", relevant={"0": 1.0}, group="0", slices={"query": "text", "document": "text"}
        ),
        Sample(
            id="q1",
            text="hairnet",
            images=(str(images / "q1.jpg"),),
            relevant={"1": 1.0, "2": 2.0},
            group="2",
            slices={"query": "image+text", "document": "image+text"},
        ),
    )


def test_the_full_corpus_and_numbers_as_ids(tmp_path: Path) -> None:
    fill(tmp_path, subset="OVEN")
    both = [{"corpus_id": number, "text": f"t{number}", "image": f"{number}.jpg"} for number in (1, 2)]
    write_jsonl(tmp_path / "OVEN" / "corpus.jsonl", both)
    write_jsonl(tmp_path / "OVEN" / "queries.jsonl", [{"query_id": 5, "text": None, "image": "q1.jpg"}])
    (tmp_path / "OVEN" / "qrels" / "qrels.tsv").write_text("query_id\tcorpus_id\tscore\n5\t2\t1\n")
    dataset = mixbench.read(tmp_path, subset="OVEN", corpus="full")
    assert [document.text for document in dataset.documents] == ["t1", "t2"]
    (sample,) = dataset.samples
    assert (sample.id, sample.text, dict(sample.slices)) == ("5", "", {"query": "image", "document": "image+text"})
    assert sample.relevant == {"2": 1.0}


def test_missing_pictures_raise_or_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "MSCOCO" / "images" / "1.jpg").unlink()
    with pytest.raises(CallerError, match=r"mixed_corpus\.jsonl, line 2: no file .*1\.jpg"):
        mixbench.read(tmp_path)
    kept = mixbench.read(tmp_path, missing="drop")
    assert [document.id for document in kept.documents] == ["0", "2"]
    assert dict(kept.samples[1].relevant) == {"2": 2.0}
    (tmp_path / "MSCOCO" / "images" / "q1.jpg").unlink()
    assert [sample.id for sample in mixbench.read(tmp_path, missing="drop").samples] == ["q0"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": 5}, r"mixed_corpus\.jsonl, line 1: field 'text' must be str, found 5"),
        ({"text": None}, r"line 1: neither field 'text' nor field 'image' holds anything"),
        ({"corpus_id": ""}, r"line 1: field 'corpus_id' must be an id, found ''"),
        ({"image": "../q.jpg"}, r"line 1: '\.\./q\.jpg' is not a file inside"),
        ({"corpus_id": "1"}, r"two documents have the id '1'"),
    ],
)
def test_a_bad_document_names_its_place(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    fill(tmp_path, [CORPUS[0] | row, *CORPUS[1:]])
    with pytest.raises(CallerError, match=message):
        mixbench.read(tmp_path)


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ("query_id\tcorpus_id\tscore\nq0\t0\tx\n", r"qrels\.tsv, line 2: field 'score' must be int, found 'x'"),
        ("query_id\tcorpus_id\tscore\nq0\t0\n", r"qrels\.tsv, line 2: 3 cells are expected"),
        ("query_id\tcorpus_id\tscore\nq0\t9\t1\n", r"sample 'q0' names document '9'"),
        (
            "query\tcorpus_id\tscore\nq0\t0\t1\n",
            r"line 2: field 'query_id' is missing \(fields there: corpus_id, query,",
        ),
    ],
)
def test_bad_judgements_name_their_place(tmp_path: Path, qrels: str, message: str) -> None:
    fill(tmp_path, qrels=qrels)
    with pytest.raises(CallerError, match=message):
        mixbench.read(tmp_path)


@pytest.mark.parametrize("option", ["subset", "corpus", "missing"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    fill(tmp_path)
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        mixbench.read(tmp_path, **{option: "x"})


def test_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*mixed_corpus\.jsonl"):
        mixbench.read(tmp_path)
    fill(tmp_path, queries=[])
    with pytest.raises(CallerError, match="mixbench: no sample that can be used"):
        mixbench.read(tmp_path)
