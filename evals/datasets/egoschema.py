"""EgoSchema (Mangalam et al., NeurIPS 2023): multiple choice about three-minute films from the wearer's eyes.

Files as https://github.com/egoschema/EgoSchema gives them: ``questions.json``, a list of ``{q_uid, question,
"option 0" .. "option 4"}`` (also ``google_drive_id``), and ``subset_answers.json``, ``{q_uid: number}`` for the 500
questions whose answers are public.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.choices import by_index
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_row, json_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

INFO = DatasetInfo(
    name="egoschema",
    title="EgoSchema: long-form egocentric film understanding",
    tasks=("long_film",),
    paper="Mangalam, Akshulakov and Malik, NeurIPS 2023 Datasets and Benchmarks",
    licence="Ego4D licence (questions and films)",
    get=(
        "https://github.com/egoschema/EgoSchema: questions.json and subset_answers.json into the folder; films by its\n"
        "download script (Ego4D licence), so that the folder holds videos/Q_UID.mp4"
    ),
    options={
        "split": "subset (default: the 500 with public answers) or full (answers of those alone)",
        "films": "folder of the films (default videos)",
        "missing": MISSING,
    },
)


def read(folder: Path, *, split: str = "subset", films: str = "videos", missing: str = "raise") -> Dataset:
    """Read the questions; each has a film of its own.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    whole = one_of("split", split, ("subset", "full")) == "full"
    path, answers = folder / "questions.json", folder / "subset_answers.json"
    known = json_row(answers) if answers.is_file() or not whole else Row({}, answers.name)
    shown = Media(folder / films, missing, "film")
    return assembled(INFO, _samples(path, known, shown, whole=whole), media=shown, note=path.name)


def _samples(path: Path, known: Row, films: Media, *, whole: bool) -> Iterator[Sample]:
    for row in json_rows(path):
        name = ident(row, "q_uid")
        if name not in known.data and not whole:
            continue
        place = films.path(name, row.where)
        if place is None:
            continue
        options = tuple(row.get(f"option {number}", str) for number in range(5))
        yield Sample(
            id=name,
            text=row.get("question", str),
            films=(place,),
            options=options,
            choice=by_index(known, name, options) if name in known.data else None,
            group=name,
        )
