"""QuerYD (Oncescu et al., ICASSP 2021): spoken descriptions for blind viewers, each with its moment in the film.

https://github.com/oncescuandreea/QuerYD_downloader publishes ``raw_captions_combined_filtered.pkl`` and
``times_captions_combined_filtered.pkl``, two mappings of ``video-ID`` to a list of captions (words, or one text) and of
``[start, end]`` in seconds in the same order, and lists of ``video-ID`` for the splits. Pickles run code when opened,
so foveate does not open them: this reader takes the same two mappings as JSON, as other projects have exported them.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import interval
from foveate.evals.reading.files import found
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_row
from foveate.evals.reading.texts import numbered
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["INFO", "read"]

_SPLITS = ("train", "val", "test", "all")
_CAPTIONS = "raw_captions_combined_filtered"
_TIMES = "times_captions_combined_filtered"

INFO = DatasetInfo(
    name="queryd",
    title="QuerYD: moments of films by audio description",
    tasks=("moment_retrieval", "retrieval"),
    paper="Oncescu, Henriques, Liu, Zisserman and Albanie, ICASSP 2021",
    licence="unknown (films are their uploaders')",
    get=(
        "https://github.com/oncescuandreea/QuerYD_downloader links raw_captions_combined_filtered-v2.pkl,\n"
        "times_captions_combined_filtered-v2.pkl and QuerYDSegments-experts.tar.gz (train_list.txt, val_list.txt,\n"
        "test_list.txt). Pickles run code when opened and foveate never opens one: convert both to JSON on a machine\n"
        "you can afford to lose, and put into the folder raw_captions_combined_filtered.json,\n"
        "times_captions_combined_filtered.json and the lists. Films: download_queryd.py there; videos/ID.mp4"
    ),
    options={
        "split": "train, val, test (default) or all (needs no list)",
        "films": "folder of the films (default videos)",
        "missing": MISSING,
    },
)


def read(folder: Path, *, split: str = "test", films: str = "videos", missing: str = "raise") -> Dataset:
    """Read one split: a sample a caption, films as documents. Empty captions are passed over.

    Raises:
        CallerError: an unknown option, a missing file or film, captions and times that do not match, or no sample.
    """
    one_of("split", split, _SPLITS)
    path = found(folder, f"{_CAPTIONS}.json", f"{_CAPTIONS}-v2.json")
    captions, times = json_row(path), json_row(found(folder, f"{_TIMES}.json", f"{_TIMES}-v2.json"))
    shown = Media(folder / films, missing, "film")
    documents: list[Document] = []
    samples: list[Sample] = []
    for video in sorted(captions.data) if split == "all" else _listed(folder / f"{split}_list.txt"):
        if video not in captions.data:
            continue
        place = shown.path(video.removeprefix("video-"), f"{path.name}, entry {video!r}")
        if place is not None:
            documents.append(Document(id=video, film=place, group=video))
            samples.extend(_samples(video, place, captions, times))
    return assembled(INFO, samples, documents, media=shown, note=path.name)


def _listed(path: Path) -> list[str]:
    if not path.is_file():
        raise CallerError(f"no file {str(path)!r}; split='all' needs no list")
    return list(dict.fromkeys(line.strip() for line, _ in numbered(path)))


def _samples(video: str, place: str, captions: Row, times: Row) -> Iterator[Sample]:
    texts, spans = captions.get(video, list), times.get(video, list) if video in times.data else []
    if len(texts) != len(spans):
        raise CallerError(f"{times.where}: entry {video!r} has {len(spans)} times for {len(texts)} captions")
    for number, (value, span) in enumerate(zip(texts, spans, strict=True)):
        text = _text(captions, video, number, value)
        if text:
            yield Sample(
                id=f"{video}/{number}",
                text=text,
                films=(place,),
                relevant={video: 1.0},
                spans=(interval(times, f"{video}[{number}]", span),),
                group=video,
            )


def _text(captions: Row, video: str, number: int, value: object) -> str:
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value).strip()
    if not isinstance(value, str):
        raise captions.bad(f"{video}[{number}]", "str or list of str", value)
    return value.strip()
