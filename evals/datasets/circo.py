"""CIRCO: composed retrieval over COCO's unlabelled pictures, with several right pictures a query.

Baldrati, Agnolucci, Bertini and Del Bimbo, "Zero-Shot Composed Image Retrieval with Textual Inversion", ICCV 2023.
Files as in the authors' repository: ``annotations/SPLIT.json`` is a list of ``{"id", "reference_img_id",
"relative_caption", "shared_concept"}`` and, in ``val``, ``"target_img_id", "gt_img_ids", "semantic_aspects"``;
pictures are those of ``COCO2017_unlabeled/annotations/image_info_unlabeled2017.json`` (``images[].id, file_name``).

mAP@k counts every ground truth, Recall@k the target alone: option ``truth``. The nine semantic aspects become nine
slices, ``yes`` or ``no``, since a query has several. ``test`` has no ground truth and stays unscored.
"""

from collections.abc import Mapping
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.gallery import REFERENCE, Gallery
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["ASPECTS", "INFO", "read"]

ASPECTS = (
    "addition",
    "cardinality",
    "comparative_statement",
    "compare_change",
    "direct_addressing",
    "negation",
    "spatial_relations_background",
    "statement_with_conjunction",
    "viewpoint",
)

INFO = DatasetInfo(
    name="circo",
    title="CIRCO: composed retrieval over 123,403 pictures with several ground truths",
    tasks=("composed_retrieval",),
    paper="Baldrati et al., Zero-Shot Composed Image Retrieval with Textual Inversion, ICCV 2023",
    licence="CC BY-NC 4.0 (annotations); pictures under COCO's terms",
    get="""Annotations: git clone https://github.com/miccunifi/CIRCO FOLDER
Pictures: unlabeled2017.zip and image_info_unlabeled2017.zip of https://cocodataset.org/#download. FOLDER holds:
  annotations/val.json
  COCO2017_unlabeled/annotations/image_info_unlabeled2017.json
  COCO2017_unlabeled/unlabeled2017/000000243611.jpg ...""",
    options={
        "split": "val (default) or test (no ground truths)",
        "truth": "all (default): every ground truth, for mAP; target: the picture the text was written for, for recall",
        "concept": "out (default): the relative caption alone; in: 'SHARED CONCEPT, CAPTION'",
        "reference": f"{REFERENCE}; in is the published protocol and the default",
        "missing": MISSING,
    },
)

_INFO_FILE = Path("annotations", "image_info_unlabeled2017.json")


def read(
    folder: Path,
    *,
    split: str = "val",
    truth: str = "all",
    concept: str = "out",
    reference: str = "in",
    missing: str = "raise",
) -> Dataset:
    """Read one split; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    one_of("split", split, ("test", "val"))
    one_of("truth", truth, ("all", "target"))
    one_of("concept", concept, ("in", "out"))
    coco = folder / "COCO2017_unlabeled"
    media = Media(coco / "unlabeled2017", missing)
    listed = json_rows(coco / _INFO_FILE, "images")
    files = {ident(row, "id"): (row.get("file_name", str), row.where) for row in listed}
    gallery = Gallery(media, ((id_, name, where) for id_, (name, where) in files.items()), reference)
    samples = []
    for row in json_rows(folder / "annotations" / f"{split}.json"):
        shown = ident(row, "reference_img_id")
        path = media.path(_file(row, shown, files), row.where)
        if path is not None:
            samples.append(_sample(row, path, gallery.candidates(shown), truth, concept))
    return assembled(INFO, samples, gallery.documents, media=media, note=f"split {split}, ground truth: {truth}")


def _file(row: Row, shown: str, files: Mapping[str, tuple[str, str]]) -> str:
    if shown not in files:
        raise CallerError(f"{row.where}: field 'reference_img_id' names {shown!r}, which {_INFO_FILE} does not hold")
    return files[shown][0]


def _sample(row: Row, path: str, candidates: tuple[str, ...], truth: str, concept: str) -> Sample:
    caption, shared = row.get("relative_caption", str), row.get("shared_concept", str)
    aspects = set(row.texts("semantic_aspects")) if "semantic_aspects" in row.data else None
    return Sample(
        id=ident(row, "id"),
        text=f"{shared}, {caption}" if concept == "in" else caption,
        images=(path,),
        candidates=candidates,
        relevant=dict.fromkeys(_right(row, truth), 1.0),
        group=ident(row, "reference_img_id"),
        slices={} if aspects is None else {name: "yes" if name in aspects else "no" for name in ASPECTS},
    )


def _right(row: Row, truth: str) -> tuple[str, ...]:
    if row.data.get("gt_img_ids") is None:
        return ()
    if truth == "target":
        return (ident(row, "target_img_id"),)
    ids = row.get("gt_img_ids", list)
    if not all(type(id_) is int for id_ in ids):
        raise row.bad("gt_img_ids", "list of int", ids)
    return tuple(str(id_) for id_ in ids)
