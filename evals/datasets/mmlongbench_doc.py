"""MMLongBench-Doc (Ma et al., NeurIPS 2024): questions about long PDF documents, a fifth of them unanswerable.

Files as https://github.com/mayubo2333/MMLongBench-Doc gives them: ``data/samples.json``, a list of ``{doc_id, doc_type,
question, answer, evidence_pages, evidence_sources, answer_format}``; the two lists are texts (``"[3, 5]"``), and an
unanswerable question has ``Not answerable`` as its answer. Documents lie in ``data/documents/``.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import listed, slices_of
from foveate.evals.reading.files import found
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["INFO", "read"]

_NOTHING = "not answerable"

INFO = DatasetInfo(
    name="mmlongbench_doc",
    title="MMLongBench-Doc: long documents with charts, tables and pictures",
    tasks=("knowledge_vqa", "unanswerability", "retrieval"),
    paper="Ma, Zang, Chen et al., NeurIPS 2024 Datasets and Benchmarks",
    licence="Apache-2.0 (annotations)",
    get=(
        "https://github.com/mayubo2333/MMLongBench-Doc: data/samples.json; documents: its Hugging Face data set\n"
        "(yubo2333/MMLongBench-Doc). The folder holds samples.json and documents/NAME.pdf, or data/ with both"
    ),
    options={"missing": MISSING},
)


def read(folder: Path, *, missing: str = "raise") -> Dataset:
    """Read all questions; documents are whole PDF files, the one that a question is about its candidate.

    Evidence pages have no place in a sample, which knows documents, sentences and spans: how many there are and of
    which kinds is in the slices.

    Raises:
        CallerError: an unknown option, a missing file, a wrong row, or no sample.
    """
    path = found(folder, "samples.json", "data/samples.json")
    media = Media(path.parent / "documents", missing, "document")
    documents: dict[str, Document] = {}
    samples = list(_samples(path, documents, media))
    return assembled(INFO, samples, documents.values(), media=media, note=path.name)


def _samples(path: Path, documents: dict[str, Document], media: Media) -> Iterator[Sample]:
    for number, row in enumerate(json_rows(path)):
        name = row.get("doc_id", str)
        file = media.path(name, row.where)
        if file is None:
            continue
        documents.setdefault(name, Document(id=name, file=file, title=name, group=name))
        answer = row.get("answer", str)
        answerable = answer.strip().lower() != _NOTHING
        yield Sample(
            id=str(number),
            text=row.get("question", str),
            candidates=(name,),
            answers=(answer,) if answerable else (),
            relevant={name: 1.0} if answerable else {},
            answerable=answerable,
            group=name,
            slices=slices_of(row, document="doc_type", format="answer_format") | _evidence(row),
        )


def _evidence(row: Row) -> dict[str, str]:
    pages, sources = listed(row, "evidence_pages", int), listed(row, "evidence_sources", str)
    count = "none" if not pages else "one" if len(pages) == 1 else "several"
    return {"pages": count} | ({"sources": "+".join(sorted(sources))} if sources else {})
