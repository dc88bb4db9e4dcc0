"""Questions with and without an answer over stamps and countries, in MM-UPD's forms and others.

:mod:`foveate.evals.unanswerable` makes the set of public packages; docs/unanswerable.md says how. Nothing may be
trained or chosen on the split that is read by default.
"""

from collections.abc import Sequence
from pathlib import Path

import platformdirs

from foveate.evals.datasets import kb
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_row, jsonl_rows
from foveate.evals.samples import Dataset, Document, Sample
from foveate.evals.unanswerable.build import ITEMS, MANIFEST, parts
from foveate.evals.unanswerable.items import COLLECTIONS, FORMS, SETTINGS, SPLITS

__all__ = ["INFO", "default_folder", "read"]

_SOURCES = ("stamps", "kb")
_ALL = "all"

INFO = DatasetInfo(
    name="unanswerable",
    title="Stamps and countries: does a system withhold an answer where there is none, and say why?",
    tasks=("unanswerability", "multiple_choice"),
    paper="none; made by this project, forms of MM-UPD (Miyai et al., ACL 2025)",
    licence="stamps GPL-2 (Tux Paint); facts MIT and CC-BY-4.0 (GeoNames), flags MIT",
    get=(
        "`python -m foveate.evals.unanswerable` downloads Debian packages (pictures:\n"
        "https://packages.debian.org/tuxpaint-stamps-default) and those of the knowledge base, and builds the folder\n"
        "in the user's cache in 10 s"
    ),
    options={
        "split": "test (default: nothing may be trained on its concepts and countries) or train",
        "form": f"{', '.join(FORMS)} or all (default)",
        "source": "stamps, kb or all (default)",
        "setting": "base (default), option (with an option that says that none is right) or all",
        "collection": "kb (default), part (without some countries) or empty: documents, and questions to them",
    },
)


def default_folder() -> Path:
    """Its place in the user's cache."""
    return platformdirs.user_cache_path("foveate") / "datasets" / "unanswerable"


def read(
    folder: Path,
    *,
    split: str = "test",
    form: str = _ALL,
    source: str = _ALL,
    setting: str = "base",
    collection: str = "kb",
) -> Dataset:
    """Read one split's questions to one collection.

    ``choice`` is None where no option is right; in the ``option`` setting it is the one that says so. Samples of one
    concept or country are one group for the bootstrap; a dual score needs all forms of ``slices["pair"]``.

    Args:
        folder: as the builder leaves it.
        split: ``test`` or ``train``.
        form: one of the forms, or ``all``.
        source: ``stamps``, ``kb`` or ``all``.
        setting: ``base``, ``option`` or ``all``.
        collection: ``kb``, ``part`` or ``empty``.

    Raises:
        CallerError: an unknown option, a missing file, a wrong row, or no question.
    """
    one_of("split", split, SPLITS)
    one_of("collection", collection, COLLECTIONS)
    wanted = {
        "split": {split},
        "form": _chosen("form", form, FORMS),
        "source": _chosen("source", source, _SOURCES),
        "setting": _chosen("setting", setting, SETTINGS),
        "collection": {collection},
    }
    rows = list(jsonl_rows(folder / ITEMS))
    samples = [_sample(row) for row in rows if all(row.get(name, str) in kept for name, kept in wanted.items())]
    home = Path(json_row(folder / MANIFEST).get("kb", str))
    note = f"split {split}, form {form}, source {source}, setting {setting}, collection {collection}"
    return assembled(INFO, samples, _documents(rows, home, collection), note=note)


def _chosen(option: str, value: str, choices: Sequence[str]) -> set[str]:
    one_of(option, value, (*choices, _ALL))
    return {*choices} if value == _ALL else {value}


def _sample(row: Row) -> Sample:
    picture = row.find("picture", str)
    return Sample(
        id=row.get("id", str),
        text=row.get("question", str),
        images=() if picture is None else (picture,),
        options=row.texts("options"),
        choice=row.find("choice", int),
        answers=row.texts("answers"),
        answerable=row.get("answerable", bool),
        group=row.get("group", str),
        slices={name: row.get(name, str) for name in ("form", "source", "setting", "pair", "reason")},
    )


def _documents(rows: Sequence[Row], home: Path, collection: str) -> list[Document]:
    """All of the knowledge base, those of it that are left, or none."""
    if collection == "empty":
        return []
    found = kb.documents(home)
    if collection == "kb":
        return found
    kept = {str(path) for path in parts((row.data for row in rows), home)}
    return [document for document in found if document.file in kept]
