"""MLVU (Zhou et al., CVPR 2025): long films, nine tasks of which seven are multiple choice.

Files of the dev set as https://huggingface.co/datasets/MLVU/MVLU gives them: ``json/1_plotQA.json`` and so on, lists of
``{video, duration, question, candidates: [str], answer, question_type}``, ``answer`` being the text of a candidate;
films in ``video/1_plotQA/``. The two written tasks (8_sub_scene, 9_summary) have no candidates: their answer is a
reference text, and their ``scoring_points`` are for a judge and are not read. The numbered names were taken from
readers in public use, those of 3 to 7 not confirmed against the files; whatever number a task has is found.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.choices import by_text
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import slices_of
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

INFO = DatasetInfo(
    name="mlvu",
    title="MLVU: multi-task long film understanding (dev set)",
    tasks=("long_film",),
    paper="Zhou, Shu, Zhao et al., CVPR 2025",
    licence="CC-BY-NC-SA-4.0",
    get=(
        "https://huggingface.co/datasets/MLVU/MVLU (accept its terms): folder MLVU, with json/ (1_plotQA.json,\n"
        "2_needle.json, 3_ego.json, 4_count.json, 5_order.json, 6_anomaly_reco.json, 7_topic_reasoning.json,\n"
        "8_sub_scene.json, 9_summary.json) and video/ of the same names; the folder read is the one that holds json/"
    ),
    options={
        "task": "choice (default: all with candidates), all, or the name of a file without number (plotQA)",
        "missing": MISSING,
    },
)


def read(folder: Path, *, task: str = "choice", missing: str = "raise") -> Dataset:
    """Read one or all tasks; the group of a sample is its film.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    files = sorted((folder / "json").glob("*.json"))
    if not files:
        raise CallerError(f"no file {str(folder / 'json' / '*.json')!r}")
    names = {_name(path): path for path in files}
    one_of("task", task, (*names, "all", "choice"))
    wanted = [names[task]] if task in names else files
    films = Media(folder / "video", missing, "film")
    samples = [sample for path in wanted for sample in _samples(path, films, written=task != "choice")]
    return assembled(INFO, samples, media=films, note=", ".join(path.name for path in wanted))


def _name(path: Path) -> str:
    number, _, rest = path.stem.partition("_")
    return rest if number.isdigit() else path.stem


def _samples(path: Path, films: Media, *, written: bool) -> Iterator[Sample]:
    for number, row in enumerate(json_rows(path)):
        options = row.texts("candidates") if row.find("candidates", list) else ()
        if not options and not written:
            continue
        film = f"{path.stem}/{row.get('video', str)}"
        place = films.path(film, row.where, (row.get("video", str),))
        if place is not None:
            yield _sample(row, f"{path.stem}/{number}", film, place, options)


def _sample(row: Row, name: str, film: str, place: str, options: tuple[str, ...]) -> Sample:
    return Sample(
        id=name,
        text=row.get("question", str),
        films=(place,),
        options=options,
        choice=by_text(row, "answer", options) if options else None,
        answers=() if options else (row.get("answer", str),),
        group=film,
        slices=slices_of(row, task="question_type") | {"duration": _length(row.get("duration", float))},
    )


def _length(seconds: float) -> str:
    """Bins by the minute marks that long-film papers report."""
    marks = ((180.0, "under 3 min"), (600.0, "3 to 10 min"), (1800.0, "10 to 30 min"))
    return next((name for limit, name in marks if seconds < limit), "30 min and over")
