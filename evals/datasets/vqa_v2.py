"""VQA v2 (Goyal et al., CVPR 2017): questions about COCO pictures, balanced so that language alone does not tell.

Files as https://visualqa.org/download.html gives them: ``v2_OpenEnded_mscoco_val2014_questions.json`` and
``v2_mscoco_val2014_annotations.json``; test splits have questions only.
"""

from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.vqa import vqa_samples
from foveate.evals.samples import Dataset

__all__ = ["INFO", "read"]

_SPLITS = {"train": "train2014", "val": "val2014", "test": "test2015", "test-dev": "test-dev2015"}

INFO = DatasetInfo(
    name="vqa_v2",
    title="VQA v2: balanced visual question answering",
    tasks=("vqa",),
    paper="Goyal, Khot, Summers-Stay, Batra and Parikh, CVPR 2017",
    licence="CC-BY-4.0 (pictures under Flickr terms)",
    get=(
        "https://visualqa.org/download.html, balanced real images; unpack into the folder:\n"
        "  v2_OpenEnded_mscoco_val2014_questions.json, v2_mscoco_val2014_annotations.json (other splits likewise)\n"
        "Pictures of MS-COCO so that the folder holds val2014/COCO_val2014_000000000042.jpg\n"
        "(train2014/..., test2015/COCO_test2015_...)"
    ),
    options={"split": "train, val (default), test or test-dev (without answers)", "missing": MISSING},
)


def read(folder: Path, *, split: str = "val", missing: str = "raise") -> Dataset:
    """Read one split; answers are the 10 annotators' with their repeats.

    Raises:
        CallerError: an unknown option, a missing file or picture, a wrong row, or no sample.
    """
    part = _SPLITS[one_of("split", split, tuple(_SPLITS))]
    shown = part.replace("-dev", "")
    pictures = Media(folder / shown, missing)
    questions = folder / f"v2_OpenEnded_mscoco_{part}_questions.json"
    annotations = None if part.startswith("test") else folder / f"v2_mscoco_{part}_annotations.json"
    samples = vqa_samples(questions, annotations, pictures, f"COCO_{shown}_")
    return assembled(INFO, samples, media=pictures, note=questions.name)
