"""MSR-VTT (Xu et al., CVPR 2016): captions to web clips, and the split of 1,000 pairs that retrieval papers report.

Files in common use: ``MSRVTT_data.json`` (or the challenge's ``*_videodatainfo.json``), ``{"videos": [{video_id,
split, category, ...}], "sentences": [{sen_id, video_id, caption}]}``; ``MSRVTT_JSFUSION_test.csv`` with ``key, vid_key,
video_id, sentence``, the 1k-A split (Yu et al., ECCV 2018).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.files import found
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import csv_rows, json_rows
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["INFO", "read"]

_SPLITS = {
    "train": "train_val_videodatainfo.json",
    "validate": "train_val_videodatainfo.json",
    "test": "test_videodatainfo.json",
}

INFO = DatasetInfo(
    name="msr_vtt",
    title="MSR-VTT: text to film clip",
    tasks=("retrieval", "captioning"),
    paper="Xu, Mei, Yao and Rui, CVPR 2016; 1k-A: Yu, Kim and Kim, ECCV 2018",
    licence="unknown",
    get=(
        "The authors' download has gone; the mirror https://github.com/ArrowLuo/CLIP4Clip (release msrvtt_data.zip)\n"
        "has MSRVTT_data.json and MSRVTT_JSFUSION_test.csv; put them into the folder. Films: MSRVTT.zip, linked\n"
        "there; the folder holds videos/video0.mp4 and so on (option films names another folder, such as videos/all)"
    ),
    options={
        "split": "1k-A (default), train, validate or test",
        "films": "folder of the films (default videos)",
        "missing": MISSING,
    },
)


def read(folder: Path, *, split: str = "1k-A", films: str = "videos", missing: str = "raise") -> Dataset:
    """Read one split: a sample a caption, all films of the split as documents.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    one_of("split", split, (*_SPLITS, "1k-A"))
    shown = Media(folder / films, missing, "film")
    if split == "1k-A":
        path = folder / "MSRVTT_JSFUSION_test.csv"
        documents, samples = _pairs(path, shown)
    else:
        path = found(folder, "MSRVTT_data.json", _SPLITS[split])
        documents = list(_films(path, split, shown))
        samples = list(_captions(path, documents))
    return assembled(INFO, samples, documents, media=shown, note=path.name)


def _pairs(path: Path, films: Media) -> tuple[list[Document], list[Sample]]:
    documents: dict[str, Document] = {}
    samples = []
    for row in csv_rows(path):
        film, name = row.get("video_id", str), ident(row, "key")
        place = films.path(film, row.where)
        if place is not None:
            documents.setdefault(film, Document(id=film, film=place, group=film))
            samples.append(_sample(name, row.get("sentence", str), film, {}))
    return list(documents.values()), samples


def _films(path: Path, split: str, films: Media) -> Iterator[Document]:
    for row in json_rows(path, "videos"):
        film = row.get("video_id", str)
        place = films.path(film, row.where) if row.get("split", str) == split else None
        if place is not None:
            yield Document(id=film, film=place, group=film)


def _captions(path: Path, documents: Sequence[Document]) -> Iterator[Sample]:
    known = {document.id for document in documents}
    slices = {row.get("video_id", str): slices_of(row, category="category") for row in json_rows(path, "videos")}
    for row in json_rows(path, "sentences"):
        film = row.get("video_id", str)
        if film in known:
            yield _sample(ident(row, "sen_id"), row.get("caption", str), film, slices[film])


def _sample(name: str, caption: str, film: str, slices: dict[str, str]) -> Sample:
    return Sample(id=name, text=caption, relevant={film: 1.0}, group=film, slices=slices)
