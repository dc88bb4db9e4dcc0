"""NegBench: search with captions that say what is not there, and the one true caption among four.

Alhamoud, Alshammari, Tian, Li, Torr, Kim and Ghassemi, "Vision-Language Models Do Not Understand Negation", CVPR 2025.
CSV files as the authors' ``benchmarks/src/training/data.py`` reads them: retrieval has ``filepath`` and ``captions`` (a
Python list), choice has ``image_path``, ``caption_0`` to ``caption_3``, ``correct_answer`` (from 0) and
``correct_answer_template`` (``positive``, ``negative``, ``hybrid``). Other columns are not read.

The paths in the files are the authors' own: ``strip`` takes away what stands before the path inside the folder.
"""

from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.captions import DIRECTIONS, Captioned, arranged
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import integer, listed
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, csv_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "PARTS", "read"]

PARTS = {
    "coco_mcq": "COCO_val_mcq_llama3.1_rephrased.csv",
    "coco_negated_retrieval": "COCO_val_negated_retrieval_llama3.1_rephrased_affneg_true.csv",
    "coco_retrieval": "COCO_val_retrieval.csv",
    "synthetic_mcq": "synthetic_mcq_llama3.1_rephrased.csv",
    "synthetic_negated_retrieval": "synthetic_retrieval_v2.csv",
    "synthetic_retrieval": "synthetic_retrieval_v1.csv",
    "voc_mcq": "VOC2007_mcq_llama3.1_rephrased.csv",
}
"""Part -> its file below ``images/``, or in the folder itself."""

INFO = DatasetInfo(
    name="negbench",
    title="NegBench: retrieval and choice with negation",
    tasks=("negation", "retrieval", "matching", "multiple_choice"),
    paper="Alhamoud et al., Vision-Language Models Do Not Understand Negation, CVPR 2025",
    licence="MIT (code); pictures under COCO's and VOC's terms",
    get="""CSV files: the Google Drive folder named in https://github.com/m1k2zoo/negbench (benchmarks/README.md).
Pictures: val2017.zip of https://cocodataset.org/#download, VOCtrainval_06-Nov-2007.tar of
http://host.robots.ox.ac.uk/pascal/VOC/voc2007. FOLDER holds:
  images/COCO_val_mcq_llama3.1_rephrased.csv ...
and the pictures where the CSV files name them. For rows such as data/coco/images/val2017/000000397133.jpg and pictures
in FOLDER/val2017 give strip=data/coco/images/""",
    options={
        "part": f"coco_mcq (default), {', '.join(name for name in PARTS if name != 'coco_mcq')}",
        "direction": "of retrieval parts: text_to_image (default), image_to_text or caption",
        "strip": "what is taken from the start of each path in the file; empty by default",
        "missing": MISSING,
    },
)


def read(
    folder: Path,
    *,
    part: str = "coco_mcq",
    direction: str = "text_to_image",
    strip: str = "",
    missing: str = "raise",
) -> Dataset:
    """Read one file; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    one_of("part", part, tuple(PARTS))
    one_of("direction", direction, DIRECTIONS)
    media = Media(folder, missing)
    inner = folder / "images" / PARTS[part]
    rows = csv_rows(inner if inner.is_file() else folder / PARTS[part])
    if part.endswith("_mcq"):
        numbered = enumerate(rows)
        chosen = [made for n, row in numbered if (made := _choice(f"{part}-{n}", row, media, strip)) is not None]
        return assembled(INFO, chosen, media=media, note=part)
    items = [item for row in rows if (item := _pictured(row, media, strip)) is not None]
    samples, documents = arranged(items, direction)
    return assembled(INFO, samples, documents, media=media, note=f"{part}, {direction}")


def _choice(key: str, row: Row, media: Media, strip: str) -> Sample | None:
    name = _name(row, "image_path", strip)
    path = media.path(name, row.where)
    if path is None:
        return None
    options = tuple(row.get(f"caption_{number}", str) for number in range(4))
    choice = integer(row, "correct_answer")
    if not 0 <= choice < len(options):
        raise row.bad("correct_answer", "an index from 0 to 3", choice)
    slices = {"template": row.get("correct_answer_template", str)}
    return Sample(id=key, images=(path,), options=options, choice=choice, group=name, slices=slices)


def _pictured(row: Row, media: Media, strip: str) -> Captioned | None:
    name = _name(row, "filepath", strip)
    path = media.path(name, row.where)
    captions = tuple((f"{name}#{number}", text) for number, text in enumerate(listed(row, "captions", str)))
    return None if path is None else Captioned(id=name, path=path, captions=captions)


def _name(row: Row, field: str, strip: str) -> str:
    name = row.get(field, str)
    if not name.startswith(strip):
        raise CallerError(f"{row.where}: field {field!r} does not begin with strip={strip!r}, found {name!r}")
    return name.removeprefix(strip)
