"""Cinéaste (Shah et al., arXiv 2509.14227): multiple choice about scenes of 200 films, in five kinds of reasoning.

The authors' file was not to be had when this was written, so none of the field names is confirmed. What is read is a
plain form that any export can be brought to: ``cineaste.jsonl`` or ``cineaste.json`` with ``{id, film, question,
options: [str], answer, category, scene, span: [start, end]}``. ``answer`` is a letter, the number of an option from 0,
or its text; ``scene`` and ``span`` (seconds in the film) may be absent.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.choices import by_index, by_letter, by_text, unlettered
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident, interval, slices_of
from foveate.evals.reading.files import found
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.rows import Row, json_rows, jsonl_rows
from foveate.evals.samples import Dataset, Sample, Span

__all__ = ["INFO", "read"]

INFO = DatasetInfo(
    name="cineaste",
    title="Cinéaste: fine-grained contextual questions about film scenes",
    tasks=("long_film",),
    paper="Cinéaste: A Fine-grained Contextual Movie Question Answering Benchmark, arXiv 2509.14227, 2025",
    licence="unknown",
    get=(
        "Ask the authors (arXiv 2509.14227) for questions and scenes. Bring the questions to cineaste.jsonl, one\n"
        "object a line: id, film, question, options (list), answer (letter, number from 0 or text), category, and if\n"
        "known scene and span ([start, end] in seconds). Films or scenes: videos/FILM.mp4, FILM being the field film"
    ),
    options={"films": "folder of the films (default videos)", "missing": MISSING},
)


def read(folder: Path, *, films: str = "videos", missing: str = "raise") -> Dataset:
    """Read all questions; the group of a sample is its film.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    path = found(folder, "cineaste.jsonl", "cineaste.json")
    shown = Media(folder / films, missing, "film")
    rows = jsonl_rows(path) if path.suffix == ".jsonl" else json_rows(path)
    return assembled(INFO, _samples(rows, shown), media=shown, note=path.name)


def _samples(rows: Iterator[Row], films: Media) -> Iterator[Sample]:
    for row in rows:
        film = ident(row, "film")
        place = films.path(film, row.where)
        if place is None:
            continue
        written = row.texts("options")
        yield Sample(
            id=ident(row, "id"),
            text=row.get("question", str),
            films=(place,),
            options=unlettered(written),
            choice=_choice(row, written),
            spans=_spans(row),
            group=film,
            slices=slices_of(row, category="category"),
        )


def _choice(row: Row, options: tuple[str, ...]) -> int:
    value = row.data.get("answer")
    if not isinstance(value, str):
        return by_index(row, "answer", options)
    return by_text(row, "answer", options) if value in options else by_letter(row, "answer", options)


def _spans(row: Row) -> tuple[Span, ...]:
    value = row.find("span", list)
    return () if value is None else (interval(row, "span", value),)
