"""NExT-QA (Xiao et al., CVPR 2021): causal, temporal and descriptive multiple choice about everyday films.

Files as https://github.com/doc-doc/NExT-QA gives them: ``nextqa/val.csv`` with ``video, frame_count, width, height,
question, answer, qid, type, a0 .. a4``, and ``map_vid_vidorID.json``, which names the film in VidOR by ``video``
(``1164/3238737531``). ``type`` starts with C (causal), T (temporal) or D (descriptive).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.choices import by_index
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.files import found
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.names import name_table
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import csv_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

_KINDS = {"C": "causal", "T": "temporal", "D": "descriptive"}

INFO = DatasetInfo(
    name="nextqa",
    title="NExT-QA: why, when and what in everyday films",
    tasks=("long_film",),
    paper="Xiao, Shang, Yao and Chua, CVPR 2021",
    licence="MIT (annotations; films of VidOR, YFCC-100M)",
    get=(
        "https://github.com/doc-doc/NExT-QA, multi-choice: train.csv, val.csv, test.csv and map_vid_vidorID.json into\n"
        "the folder or its nextqa/. Films: NExTVideo, linked there, so that the folder holds\n"
        "NExTVideo/1164/3238737531.mp4"
    ),
    options={"split": "train, val (default) or test", "missing": MISSING},
)


def read(folder: Path, *, split: str = "val", missing: str = "raise") -> Dataset:
    """Read one split; the group of a sample is its film.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    name = f"{one_of('split', split, ('train', 'val', 'test'))}.csv"
    path = found(folder, name, f"nextqa/{name}")
    places = name_table(found(folder, "map_vid_vidorID.json", "nextqa/map_vid_vidorID.json"))
    films = Media(folder / "NExTVideo", missing, "film")
    return assembled(INFO, _samples(path, films, places), media=films, note=path.name)


def _samples(path: Path, films: Media, places: Mapping[str, str]) -> Iterator[Sample]:
    for row in csv_rows(path):
        film, kind = ident(row, "video"), row.get("type", str)
        if kind[:1] not in _KINDS:
            raise row.bad("type", "a code that starts with C, T or D", kind)
        place = films.path(places.get(film, film), row.where)
        if place is None:
            continue
        options = tuple(row.get(f"a{number}", str) for number in range(5))
        yield Sample(
            id=f"{film}/{ident(row, 'qid')}",
            text=row.get("question", str),
            films=(place,),
            options=options,
            choice=by_index(row, "answer", options),
            group=film,
            slices={"kind": _KINDS[kind[0]], "type": kind},
        )
