"""Video-MME (Fu et al., CVPR 2025): multiple choice about short, medium and long films.

https://huggingface.co/datasets/lmms-lab/Video-MME publishes one Parquet file, which this reader does not open; it takes
its rows as JSON lines or a JSON list, ``{video_id, duration, domain, sub_category, videoID, question_id, task_type,
question, options: ["A. ...", ...], answer: "C"}``, and the authors' own nested form (one entry a film with
``questions``).
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.choices import by_letter, unlettered
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.files import found
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_rows, jsonl_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

_LENGTHS = ("short", "medium", "long")

INFO = DatasetInfo(
    name="video_mme",
    title="Video-MME: multiple choice over films from 11 seconds to an hour",
    tasks=("long_film",),
    paper="Fu, Dai, Luo et al., CVPR 2025",
    licence="academic use only (the authors' terms)",
    get=(
        "https://huggingface.co/datasets/lmms-lab/Video-MME: videomme/test-00000-of-00001.parquet; write its rows as\n"
        "videomme.jsonl into the folder (for one: pandas.read_parquet(FILE).to_json('videomme.jsonl',\n"
        "orient='records', lines=True)), or put the authors' nested videomme.json there. Films: videos_chunked_*.zip,\n"
        "unpacked so that the folder holds data/fFjv93ACGo8.mp4 (option films names another folder)"
    ),
    options={
        "duration": "all (default), short, medium or long",
        "films": "folder of the films (default data)",
        "missing": MISSING,
    },
)


def read(folder: Path, *, duration: str = "all", films: str = "data", missing: str = "raise") -> Dataset:
    """Read the questions; the letters before options are taken off.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    one_of("duration", duration, ("all", *_LENGTHS))
    path = found(folder, "videomme.jsonl", "videomme.json")
    shown = Media(folder / films, missing, "film")
    rows = jsonl_rows(path) if path.suffix == ".jsonl" else json_rows(path)
    samples = [
        sample
        for row in rows
        if duration in ("all", row.get("duration", str))
        for one in _questions(row)
        if (sample := _sample(one, shown))
    ]
    return assembled(INFO, samples, media=shown, note=path.name)


def _questions(row: Row) -> Iterator[Row]:
    """The row itself, or in the nested form its questions with what the film says of itself."""
    if "questions" not in row.data:
        yield row
        return
    film = {name: value for name, value in row.data.items() if name != "questions"}
    for inner in row.rows("questions"):
        yield Row({**film, **inner.data}, inner.where)


def _sample(row: Row, films: Media) -> Sample | None:
    film = row.find("videoID", str) or row.get("video_id", str)
    place = films.path(film, row.where)
    if place is None:
        return None
    options = unlettered(row.texts("options"))
    return Sample(
        id=ident(row, "question_id"),
        text=row.get("question", str),
        films=(place,),
        options=options,
        choice=by_letter(row, "answer", options),
        group=film,
        slices=slices_of(row, duration="duration", domain="domain", area="sub_category", task="task_type"),
    )
