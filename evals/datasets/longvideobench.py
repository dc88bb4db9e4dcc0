"""LongVideoBench (Wu et al., NeurIPS 2024): multiple choice that refers to a moment of a long film with subtitles.

File as https://huggingface.co/datasets/longvideobench/LongVideoBench gives it: ``lvb_val.json``, a list of ``{id,
video_id, video_path, question, candidates: [str], correct_choice, question_category, topic_category, level, duration,
duration_group, ...}``; the test file has no ``correct_choice``. ``position`` (frames of the moment referred to) and
subtitles are not read.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.choices import by_index
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import json_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

_FILES = {"val": "lvb_val.json", "test": "lvb_test_wo_gt.json"}

INFO = DatasetInfo(
    name="longvideobench",
    title="LongVideoBench: referring reasoning over films of up to an hour",
    tasks=("long_film",),
    paper="Wu, Li, Chen and Li, NeurIPS 2024 Datasets and Benchmarks",
    licence="CC-BY-NC-SA-4.0",
    get=(
        "https://huggingface.co/datasets/longvideobench/LongVideoBench (accept its terms): lvb_val.json,\n"
        "lvb_test_wo_gt.json; films: videos.tar.part.*, joined and unpacked so that the folder holds videos/ID.mp4"
    ),
    options={"split": "val (default) or test (without answers)", "missing": MISSING},
)


def read(folder: Path, *, split: str = "val", missing: str = "raise") -> Dataset:
    """Read one split; the group of a sample is its film.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    path = folder / _FILES[one_of("split", split, tuple(_FILES))]
    films = Media(folder / "videos", missing, "film")
    return assembled(INFO, _samples(path, films), media=films, note=path.name)


def _samples(path: Path, films: Media) -> Iterator[Sample]:
    for row in json_rows(path):
        place = films.path(row.get("video_path", str), row.where)
        if place is None:
            continue
        options = row.texts("candidates")
        yield Sample(
            id=ident(row, "id"),
            text=row.get("question", str),
            films=(place,),
            options=options,
            choice=None if row.data.get("correct_choice") is None else by_index(row, "correct_choice", options),
            group=ident(row, "video_id"),
            slices=slices_of(
                row, duration="duration_group", kind="question_category", topic="topic_category", level="level"
            ),
        )
