"""The sample collection that ships with the repository: hand-written questions over pictures, documents and a film.

``questions_plain.jsonl`` and ``questions.jsonl`` say which files answer a question, ``answers.jsonl`` what an answer to
some of them must hold, ``unanswerable.jsonl`` asks what the collection does not hold; its first ten were used for
fitting, so ``unanswerable`` here is the other ten.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.samples import Dataset, Document, Place, Sample

__all__ = ["INFO", "SPLITS", "default_folder", "read"]

SPLITS = ("plain", "test", "dev", "answers", "unanswerable", "answers_and_unanswerable")
_FITTED = 10
_MEDIA = ("pictures", "documents", "films")
_SIDECARS = (".txt", ".srt")

INFO = DatasetInfo(
    name="sample",
    title="The sample collection: 60 plain and 60 hard questions, answers to 24, and 10 that nothing answers",
    tasks=("retrieval", "question_answering", "unanswerability"),
    paper="none; written for this project",
    licence="CC0-1.0 (questions); media as in examples/ATTRIBUTION.md",
    get="It is the folder `examples` of the foveate repository: run from a checkout, or name it with `folder:`.",
    options={"split": f"one of {', '.join(SPLITS)}"},
)


def default_folder() -> Path:
    """``examples`` of the working folder, else of the checkout that this file is in."""
    here = Path.cwd() / "examples"
    return here if (here / "questions.jsonl").is_file() else Path(__file__).parents[2] / "examples"


def read(folder: Path, *, split: str = "plain") -> Dataset:
    """Read one split.

    Raises:
        CallerError: an unknown split, or a file that is not as it should be.
    """
    one_of("split", split, SPLITS)
    documents = tuple(_documents(folder / "sample"))
    names = {document.id for document in documents}
    samples: list[Sample] = []
    if split in ("plain", "test", "dev"):
        file = "questions_plain.jsonl" if split == "plain" else "questions.jsonl"
        samples += (_asked(row, names) for row in jsonl_rows(folder / file) if row.get("split", str) == split)
    if split.startswith("answers"):
        samples += _answered(folder, names)
    if split.endswith("unanswerable"):
        samples += (_unanswerable(row) for row in list(jsonl_rows(folder / "unanswerable.jsonl"))[_FITTED:])
    return Dataset(
        name=f"sample-{split}",
        samples=tuple(samples),
        documents=documents,
        licence=INFO.licence,
        source="examples/ of the foveate repository",
    )


def _documents(folder: Path) -> Iterator[Document]:
    for part in _MEDIA:
        for path in sorted((folder / part).rglob("*")):
            owner = part != "documents" and path.suffix in _SIDECARS
            if path.is_file() and not owner and not path.name.startswith("."):
                yield Document(id=path.relative_to(folder).as_posix(), file=str(path))


def _asked(row: Row, names: set[str]) -> Sample:
    targets = row.texts("targets")
    unknown = [target for target in targets if target not in names]
    if unknown:
        raise row.bad("targets", "files of the sample collection", unknown[0])
    return Sample(
        id=row.get("id", str),
        text=row.get("question", str),
        relevant=dict.fromkeys(targets, 1.0),
        facts=tuple(Place(document=target) for target in targets),
        answerable=True,
        slices={"modality": row.get("modality", str)},
    )


def _answered(folder: Path, names: set[str]) -> Iterator[Sample]:
    asked = {row.get("id", str): row for row in jsonl_rows(folder / "questions_plain.jsonl")}
    for row in jsonl_rows(folder / "answers.jsonl"):
        name = row.get("id", str)
        if name not in asked:
            raise row.bad("id", "the id of a plain question", name)
        sample = _asked(asked[name], names)
        yield Sample(
            id=name,
            text=sample.text,
            answers=row.texts("answers"),
            relevant=sample.relevant,
            facts=sample.facts,
            answerable=True,
            slices={**sample.slices, "answerable": "yes"},
        )


def _unanswerable(row: Row) -> Sample:
    return Sample(id=row.get("id", str), text=row.get("question", str), answerable=False, slices={"answerable": "no"})
