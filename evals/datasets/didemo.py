"""DiDeMo (Hendricks et al., ICCV 2017): where in a Flickr film is the moment that a sentence describes?

Files as https://github.com/LisaAnne/LocalizingMoments gives them: ``data/test_data.json``, a list of ``{annotation_id,
description, video, times: [[first, last]], num_segments, download_link}``. Films were cut to 30 s and annotated in
chunks of 5 s: ``[1, 4]`` is 5 s to 25 s. Several people marked each sentence.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.files import found
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Document, Sample, Span

__all__ = ["AGREED", "CHUNK_S", "INFO", "consensus", "read"]

_SPLITS = ("train", "val", "test")
CHUNK_S = 5.0
"""Length of a chunk, in seconds."""
AGREED = 3
"""The published score keeps the three annotators that agree best with a prediction."""

INFO = DatasetInfo(
    name="didemo",
    title="DiDeMo: moments of films by description",
    tasks=("moment_retrieval", "retrieval"),
    paper="Hendricks, Wang, Shechtman, Sivic, Darrell and Russell, ICCV 2017",
    licence="BSD-2-Clause (annotations; films under Creative Commons, one by one)",
    get=(
        "train_data.json, val_data.json and test_data.json, folder data of\n"
        "https://github.com/LisaAnne/LocalizingMoments; put them into the folder or its data/. Films:\n"
        "download_videos_AWS.py there; the folder holds videos/NAME as in field video (any film ending will do)"
    ),
    options={
        "split": "train, val or test (default)",
        "spans": "consensus (default: the moment annotators agree on best) or all (each marked moment)",
        "films": "folder of the films (default videos)",
        "missing": MISSING,
    },
)


def read(
    folder: Path, *, split: str = "test", spans: str = "consensus", films: str = "videos", missing: str = "raise"
) -> Dataset:
    """Read one split; films are documents, shared by the sentences about them.

    Spans are in seconds and end at whole chunks: the file does not say how long the last chunk really is.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    name = f"{one_of('split', split, _SPLITS)}_data.json"
    agreed = one_of("spans", spans, ("consensus", "all")) == "consensus"
    path = found(folder, name, f"data/{name}")
    shown = Media(folder / films, missing, "film")
    documents: dict[str, Document] = {}
    samples = list(_samples(path, shown, documents, agreed=agreed))
    return assembled(INFO, samples, documents.values(), media=shown, note=path.name)


def consensus(times: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The marked moment that the annotators agree on best.

    That is the one which the published score would reward most were it predicted: mean temporal IoU in chunks with the
    three marks most like it. Ties go to the earlier, then the shorter.

    Args:
        times: (first chunk, last chunk) of each annotator, at least one.
    """

    def agreement(moment: tuple[int, int]) -> float:
        best = sorted((_overlap(moment, other) for other in times), reverse=True)[:AGREED]
        return sum(best) / len(best)

    return min(set(times), key=lambda moment: (-agreement(moment), moment))


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    common = max(0, min(one[1], other[1]) + 1 - max(one[0], other[0]))
    return common / (max(one[1], other[1]) + 1 - min(one[0], other[0]))


def _samples(path: Path, films: Media, documents: dict[str, Document], *, agreed: bool) -> Iterator[Sample]:
    for row in json_rows(path):
        film, times = row.get("video", str), _times(row)
        place = films.path(film, row.where)
        if place is None:
            continue
        documents.setdefault(film, Document(id=film, film=place, group=film))
        counted = Counter(times)
        moments = [consensus(times)] if agreed else sorted(counted, key=lambda moment: (-counted[moment], moment))
        yield Sample(
            id=ident(row, "annotation_id"),
            text=row.get("description", str),
            films=(place,),
            relevant={film: 1.0},
            spans=tuple(_seconds(moment) for moment in moments),
            group=film,
        )


def _times(row: Row) -> list[tuple[int, int]]:
    times = []
    for number, value in enumerate(row.get("times", list)):
        fits = isinstance(value, list) and len(value) == 2 and all(type(chunk) is int for chunk in value)
        if not fits or not 0 <= value[0] <= value[1]:
            raise row.bad(f"times[{number}]", "[first chunk, last chunk]", value)
        times.append((value[0], value[1]))
    if not times:
        raise row.bad("times", "at least one moment", [])
    return times


def _seconds(moment: tuple[int, int]) -> Span:
    return moment[0] * CHUNK_S, (moment[1] + 1) * CHUNK_S
