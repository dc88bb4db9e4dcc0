"""VizWiz-VQA (Gurari et al., CVPR 2018): questions that blind people asked of their own photos, answerable or not.

Files as https://vizwiz.org/tasks-and-datasets/vqa/ gives them: ``Annotations/val.json``, a list of ``{image, question,
answers: [{answer, answer_confidence}], answer_type, answerable}``, with 10 answers and ``answerable`` 0 or 1; the test
file has ``image`` and ``question`` only. Pictures lie in ``val/``.
"""

from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import slices_of
from foveate.evals.reading.files import found
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

_SPLITS = ("train", "val", "test")
_CONFIDENCE = {"no": {"no", "maybe", "yes"}, "maybe": {"maybe", "yes"}, "yes": {"yes"}}

INFO = DatasetInfo(
    name="vizwiz",
    title="VizWiz-VQA: photos and questions of blind people, some unanswerable",
    tasks=("unanswerability", "vqa"),
    paper="Gurari, Li, Stangl et al., CVPR 2018",
    licence="CC-BY-4.0",
    get=(
        "https://vizwiz.org/tasks-and-datasets/vqa/: Annotations and images; unpack so that the folder holds\n"
        "  Annotations/val.json (or val.json) and val/VizWiz_val_00000000.jpg; other splits likewise"
    ),
    options={
        "split": "train, val (default) or test (without answers)",
        "confidence": "least confidence of the answers kept: no (default, all ten, as published), maybe or yes",
        "missing": MISSING,
    },
)


def read(folder: Path, *, split: str = "val", confidence: str = "no", missing: str = "raise") -> Dataset:
    """Read one split.

    Raises:
        CallerError: an unknown option, a missing file or picture, a wrong row, or no sample.
    """
    part = one_of("split", split, _SPLITS)
    kept = _CONFIDENCE[one_of("confidence", confidence, tuple(_CONFIDENCE))]
    pictures = Media(folder / part, missing)
    file = found(folder, f"Annotations/{part}.json", f"{part}.json")
    samples = [_sample(row, path, kept) for row in json_rows(file) if (path := _picture(row, pictures))]
    return assembled(INFO, samples, media=pictures, note=file.name)


def _picture(row: Row, pictures: Media) -> str | None:
    return pictures.path(row.get("image", str), row.where)


def _sample(row: Row, path: str, kept: set[str]) -> Sample:
    picture = row.get("image", str)
    return Sample(
        id=picture,
        text=row.get("question", str),
        images=(path,),
        answers=_answers(row, kept),
        answerable=_answerable(row),
        group=picture,
        slices=slices_of(row, answer_type="answer_type"),
    )


def _answers(row: Row, kept: set[str]) -> tuple[str, ...]:
    if row.find("answers", list) is None:
        return ()
    return tuple(
        inner.get("answer", str) for inner in row.rows("answers") if inner.get("answer_confidence", str, "no") in kept
    )


def _answerable(row: Row) -> bool | None:
    value = row.find("answerable", int)
    if value not in (None, 0, 1):
        raise row.bad("answerable", "0 or 1", value)
    return None if value is None else bool(value)
