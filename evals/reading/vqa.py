"""The form that VQA, OK-VQA and their like share: questions and annotations apart, pictures of MS-COCO.

Questions are ``{"questions": [{image_id, question, question_id}]}``, annotations ``{"annotations": [{question_id,
image_id, question_type, answer_type, answers: [{answer, answer_confidence, answer_id}]}]}`` (Antol et al., ICCV 2015;
https://visualqa.org/vqa_v2_format.html, not opened here: fields checked against public readers).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.media import Media
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Sample

__all__ = ["vqa_samples"]


def vqa_samples(
    questions: Path,
    annotations: Path | None,
    pictures: Media,
    prefix: str,
    *,
    answer: str = "answer",
    types: Mapping[str, str] | None = None,
) -> Iterator[Sample]:
    """Samples of one split; the group of a sample is its picture.

    Args:
        questions: file of questions.
        annotations: file of answers; None for a test split.
        pictures: folder of the pictures.
        prefix: of picture names, before the id of twelve digits: ``COCO_val2014_``.
        answer: field of an answer that counts.
        types: names of the codes in ``question_type``.

    Raises:
        CallerError: a missing file, a wrong row, or a question without annotation.
    """
    known = (
        {} if annotations is None else {ident(row, "question_id"): row for row in json_rows(annotations, "annotations")}
    )
    for row in json_rows(questions, "questions"):
        name = ident(row, "question_id")
        picture = f"{prefix}{row.get('image_id', int):012d}"
        path = pictures.path(picture, row.where)
        if annotations is not None and name not in known:
            raise CallerError(f"{row.where}: question_id {name!r} has no annotation in {annotations.name}")
        if path is not None:
            yield _sample(row, known.get(name), name, path, picture, answer, types or {})


def _sample(
    row: Row, annotation: Row | None, name: str, path: str, picture: str, answer: str, types: Mapping[str, str]
) -> Sample:
    slices: dict[str, str] = {}
    answers: tuple[str, ...] = ()
    if annotation is not None:
        answers = tuple(inner.get(answer, str) for inner in annotation.rows("answers"))
        slices = slices_of(annotation, question_type="question_type", answer_type="answer_type")
        if "question_type" in slices:
            slices["question_type"] = types.get(slices["question_type"], slices["question_type"])
    return Sample(id=name, text=row.get("question", str), images=(path,), answers=answers, group=picture, slices=slices)
