"""MF² (Zaranis et al., arXiv 2506.06275): pairs of a fact and a fib about a whole film.

File as https://github.com/deep-spin/MF2 gives it: ``data/MF2_claims.csv`` (and the earlier ``MF2_test.csv``) with
``movie_id, video, claim_id, true_claim, false_claim, granularity, category``. A model has a pair right only when it
calls both by their name, so pairs are kept in ``slices["pair"]``. In one published pair both texts are the same
(film 1, claim 4); it is kept as it is.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.files import found
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import csv_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

_LABELS = ("true", "false")

INFO = DatasetInfo(
    name="mf2",
    title="MF²: facts and fibs about whole films",
    tasks=("entailment", "long_film"),
    paper="Zaranis, Farinhas, Santos et al., 2025",
    licence="unknown (films are open-licensed, says the paper)",
    get=(
        "Claims: data/MF2_claims.csv of https://github.com/deep-spin/MF2; put it into the folder or its data/.\n"
        "Films: https://huggingface.co/datasets/sardinelab/MF2; the folder holds videos/1.mp4 to videos/54.mp4"
    ),
    options={
        "release": "claims (default: MF2_claims.csv) or test (MF2_test.csv)",
        "films": "folder of the films (default videos)",
        "missing": MISSING,
    },
)


def read(folder: Path, *, release: str = "claims", films: str = "videos", missing: str = "raise") -> Dataset:
    """Read all pairs: two samples each, ``FILM/CLAIM/fact`` and ``FILM/CLAIM/fib``.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    name = f"MF2_{one_of('release', release, ('claims', 'test'))}.csv"
    path = found(folder, name, f"data/{name}")
    shown = Media(folder / films, missing, "film")
    return assembled(INFO, _samples(path, shown), media=shown, note=path.name)


def _samples(path: Path, films: Media) -> Iterator[Sample]:
    for row in csv_rows(path):
        film, claim = ident(row, "movie_id"), ident(row, "claim_id")
        place = films.path(row.get("video", str), row.where)
        if place is None:
            continue
        pair = f"{film}/{claim}"
        slices = slices_of(row, granularity="granularity", category="category") | {"pair": pair}
        for kind, field, label in (("fact", "true_claim", "true"), ("fib", "false_claim", "false")):
            yield Sample(
                id=f"{pair}/{kind}",
                text=ident(row, field),
                films=(place,),
                label=label,
                labels=_LABELS,
                group=film,
                slices=slices,
            )
