"""OK-VQA (Marino et al., CVPR 2019): questions about COCO pictures that need knowledge from outside.

Files as https://okvqa.allenai.org gives them (release 1.1): ``OpenEnded_mscoco_val2014_questions.json`` and
``mscoco_val2014_annotations.json``, in the form of VQA; each of the 10 answers also has ``raw_answer``, what the
annotator typed, beside the stemmed ``answer`` that the published accuracy compares with.
"""

from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import json_whole
from foveate.evals.reading.vqa import vqa_samples
from foveate.evals.samples import Dataset

__all__ = ["INFO", "read"]

_SPLITS = {"train": "train2014", "val": "val2014"}

INFO = DatasetInfo(
    name="ok_vqa",
    title="OK-VQA: visual questions that need outside knowledge",
    tasks=("knowledge_vqa", "vqa"),
    paper="Marino, Rastegari, Farhadi and Mottaghi, CVPR 2019",
    licence="CC-BY-4.0 (site; pictures under Flickr terms)",
    get=(
        "Questions and annotations (v1.1): https://okvqa.allenai.org/download.html; unpack into the folder:\n"
        "  OpenEnded_mscoco_val2014_questions.json, mscoco_val2014_annotations.json (train2014 likewise)\n"
        "Pictures: https://cocodataset.org (2014 val or train); unpack so that the folder holds\n"
        "  val2014/COCO_val2014_000000000042.jpg (or train2014/...)"
    ),
    options={
        "split": "train or val (default)",
        "answers": "answer (default: stemmed, as the published accuracy has it) or raw_answer (as typed)",
        "missing": MISSING,
    },
)


def read(folder: Path, *, split: str = "val", answers: str = "answer", missing: str = "raise") -> Dataset:
    """Read one split; answers are the 10 annotators' with their repeats, slices the question's category.

    Raises:
        CallerError: an unknown option, a missing file or picture, a wrong row, or no sample.
    """
    part = _SPLITS[one_of("split", split, tuple(_SPLITS))]
    pictures = Media(folder / part, missing)
    questions = folder / f"OpenEnded_mscoco_{part}_questions.json"
    annotations = folder / f"mscoco_{part}_annotations.json"
    field = one_of("answers", answers, ("answer", "raw_answer"))
    types = _types(annotations)
    samples = vqa_samples(questions, annotations, pictures, f"COCO_{part}_", answer=field, types=types)
    return assembled(INFO, samples, media=pictures, note=questions.name)


def _types(annotations: Path) -> dict[str, str]:
    """Names of the categories, which the file gives beside its list."""
    body = json_whole(annotations)
    names = body.get("question_types", {}) if isinstance(body, dict) else {}
    return {key: value for key, value in names.items() if isinstance(value, str)} if isinstance(names, dict) else {}
