"""MultiModalQA (Talmor et al., ICLR 2021): questions over paragraphs, pictures and tables of Wikipedia together.

Files as https://github.com/allenai/multimodalqa describes them, unpacked. ``MMQA_dev.jsonl``: ``{qid, question,
answers: [{answer, type, modality}], metadata: {type, modalities, image_doc_ids, text_doc_ids, table_id},
supporting_context: [{doc_id, doc_part}]}`` (the test file has neither answers nor supporting context).
``MMQA_texts.jsonl``: ``{id, title, text}``; ``MMQA_images.jsonl``: ``{id, title, path}``; ``MMQA_tables.jsonl``: ``{id,
title, table: {table_name, header: [{column_name}], table_rows: [[{text}]]}}``.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.samples import Dataset, Document, Place, Sample

__all__ = ["INFO", "read"]

_SPLITS = ("train", "dev", "test")

INFO = DatasetInfo(
    name="multimodalqa",
    title="MultiModalQA: multi-hop questions over text, tables and pictures",
    tasks=("multi_hop", "knowledge_vqa", "retrieval", "reranking"),
    paper="Talmor, Yoran, Catav et al., ICLR 2021",
    licence="MIT (repository; pictures under Wikimedia Commons terms)",
    get=(
        "https://github.com/allenai/multimodalqa, folder dataset: MMQA_{train,dev,test}.jsonl.gz, \n"
        "MMQA_texts.jsonl.gz, MMQA_images.jsonl.gz, MMQA_tables.jsonl.gz; unpack them (gunzip) into the folder.\n"
        "Pictures: images.zip, linked there, unpacked so that the folder holds final_dataset_images/NAME"
    ),
    options={
        "split": "train, dev (default) or test (without answers)",
        "documents": "context (default: what some question of the split has as its context) or all",
        "missing": MISSING,
    },
)


def read(folder: Path, *, split: str = "dev", documents: str = "context", missing: str = "raise") -> Dataset:
    """Read one split.

    Documents have the published ids, shared by questions; a table's text is its title, name, header and rows, a line
    each with cells apart by ``|``; a picture's is its title. A sample whose gold picture is left out goes with it.

    Raises:
        CallerError: an unknown option, a missing file or picture, a wrong row, or no sample.
    """
    file = folder / f"MMQA_{one_of('split', split, _SPLITS)}.jsonl"
    everything = one_of("documents", documents, ("context", "all")) == "all"
    samples = [_sample(row) for row in jsonl_rows(file)]
    wanted = None if everything else {name for sample in samples for name in sample.candidates}
    pictures = Media(folder / "final_dataset_images", missing)
    searched = {document.id: document for document in _documents(folder, pictures, wanted)}
    kept = [_within(sample, searched) for sample in samples if all(name in searched for name in sample.relevant)]
    return assembled(INFO, kept, searched.values(), media=pictures, note=file.name)


def _sample(row: Row) -> Sample:
    meta = row.row("metadata")
    gold = tuple(dict.fromkeys(inner.get("doc_id", str) for inner in _support(row)))
    context = [*_list(meta, "text_doc_ids"), *_list(meta, "image_doc_ids"), *filter(None, [meta.find("table_id", str)])]
    slices = {"hops": str(len(gold))} if gold else {}
    if meta.find("type", str):
        slices["type"] = meta.get("type", str)
    if _list(meta, "modalities"):
        slices["modalities"] = "+".join(sorted(_list(meta, "modalities")))
    return Sample(
        id=ident(row, "qid"),
        text=row.get("question", str),
        # Gold first would be a hint to whoever reads in order.
        candidates=tuple(sorted({*context, *gold})),
        answers=tuple(ident(inner, "answer") for inner in row.rows("answers")) if row.find("answers", list) else (),
        relevant=dict.fromkeys(gold, 1.0),
        facts=tuple(Place(document=name) for name in gold),
        slices=slices,
    )


def _within(sample: Sample, searched: dict[str, Document]) -> Sample:
    """The sample without candidates that were left out."""
    return replace(sample, candidates=tuple(name for name in sample.candidates if name in searched))


def _support(row: Row) -> Iterator[Row]:
    if row.find("supporting_context", list) is not None:
        yield from row.rows("supporting_context")


def _list(row: Row, field: str) -> tuple[str, ...]:
    return row.texts(field) if row.find(field, list) is not None else ()


def _documents(folder: Path, pictures: Media, wanted: set[str] | None) -> Iterator[Document]:
    for row in _rows(folder / "MMQA_texts.jsonl", wanted):
        yield Document(id=row.get("id", str), text=row.get("text", str), title=row.get("title", str))
    for row in _rows(folder / "MMQA_tables.jsonl", wanted):
        yield Document(id=row.get("id", str), text=_table(row), title=row.get("title", str))
    for row in _rows(folder / "MMQA_images.jsonl", wanted):
        path = pictures.path(row.get("path", str), row.where)
        if path is not None:
            title = row.get("title", str)
            yield Document(id=row.get("id", str), text=title, image=path, title=title)


def _rows(path: Path, wanted: set[str] | None) -> Iterator[Row]:
    return (row for row in jsonl_rows(path) if wanted is None or row.get("id", str) in wanted)


def _table(row: Row) -> str:
    table = row.row("table")
    lines = [row.get("title", str), table.get("table_name", str, "")]
    lines.append(" | ".join(inner.get("column_name", str) for inner in table.rows("header")))
    for number, cells in enumerate(table.get("table_rows", list)):
        inside = Row({"cells": cells}, f"{table.where}, field 'table_rows'[{number}]")
        lines.append(" | ".join(cell.get("text", str) for cell in inside.rows("cells")))
    return "\n".join(line for line in lines if line)
