"""MixBench: one corpus of texts, pictures and pictures with text, searched by texts (OVEN: by picture and text).

Li, Zhang, Wang, Liang, Schmidt and Yeung-Levy, "Closing the Modality Gap for Mixed Modality Search", 2025. Files as in
the authors' ``MixBench25``: per subset ``queries.jsonl`` (``query_id, text, image``), ``mixed_corpus.jsonl`` and
``corpus.jsonl`` (``corpus_id, text, image``; ``corpus.jsonl`` has both for every document) and ``qrels/qrels.tsv``
(``query_id, corpus_id, score``). ``image`` is a name below ``SUBSET/images``, as the authors' code joins it; what is
not there is null or empty. The later ``MixBench2026`` holds the same rows as Parquet without ``qrels`` and is not read.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident, integer
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, csv_rows, jsonl_rows
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["INFO", "SUBSETS", "read"]

SUBSETS = ("Google_WIT", "MSCOCO", "OVEN", "VisualNews")
_FILES = {"full": "corpus.jsonl", "mixed": "mixed_corpus.jsonl"}

INFO = DatasetInfo(
    name="mixbench",
    title="MixBench: retrieval over texts, pictures and both in one corpus",
    tasks=("retrieval",),
    paper="Li et al., Closing the Modality Gap for Mixed Modality Search, 2025",
    licence="MIT",
    get="""With git-lfs: git clone https://huggingface.co/datasets/mixed-modality-search/MixBench25 FOLDER
FOLDER holds for each of MSCOCO, Google_WIT, VisualNews and OVEN:
  MSCOCO/queries.jsonl
  MSCOCO/mixed_corpus.jsonl
  MSCOCO/corpus.jsonl
  MSCOCO/qrels/qrels.tsv
  MSCOCO/images/...""",
    options={
        "subset": "MSCOCO (default), Google_WIT, VisualNews or OVEN",
        "corpus": "mixed (default): a third text, a third pictures, a third both; full: both for every document",
        "missing": MISSING,
    },
)


def read(folder: Path, *, subset: str = "MSCOCO", corpus: str = "mixed", missing: str = "raise") -> Dataset:
    """Read one subset; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    one_of("subset", subset, SUBSETS)
    one_of("corpus", corpus, tuple(_FILES))
    root = folder / subset
    media = Media(root / "images", missing)
    found = (_document(row, media) for row in jsonl_rows(root / _FILES[corpus]))
    documents = [document for document in found if document is not None]
    kinds = {document.id: _modality(document.text, document.image) for document in documents}
    gains = _gains(root / "qrels" / "qrels.tsv")
    asked = (_sample(row, media, gains, kinds) for row in jsonl_rows(root / "queries.jsonl"))
    samples = [sample for sample in asked if sample is not None]
    return assembled(INFO, samples, documents, media=media, note=f"subset {subset}, {corpus} corpus")


def _parts(row: Row, media: Media) -> tuple[str | None, str | None, bool]:
    """Text, picture, and whether a picture is missing."""
    text, name = row.find("text", str) or None, row.find("image", str) or None
    if text is None and name is None:
        raise CallerError(f"{row.where}: neither field 'text' nor field 'image' holds anything")
    path = None if name is None else media.path(name.removeprefix("images/"), row.where)
    return text, path, name is not None and path is None


def _document(row: Row, media: Media) -> Document | None:
    text, path, absent = _parts(row, media)
    return None if absent else Document(id=ident(row, "corpus_id"), text=text, image=path)


def _sample(
    row: Row, media: Media, gains: Mapping[str, Mapping[str, float]], kinds: Mapping[str, str]
) -> Sample | None:
    text, path, absent = _parts(row, media)
    if absent:
        return None
    key = ident(row, "query_id")
    relevant = dict(gains.get(key, {}))
    best = max(relevant, key=lambda id_: relevant[id_], default=key)
    slices = {"query": _modality(text, path)} | ({"document": kinds[best]} if best in kinds and relevant else {})
    return Sample(
        id=key,
        text=text or "",
        images=() if path is None else (path,),
        relevant=relevant,
        group=best,
        slices=slices,
    )


def _gains(path: Path) -> dict[str, dict[str, float]]:
    gains: dict[str, dict[str, float]] = defaultdict(dict)
    for row in csv_rows(path, "\t"):
        gains[ident(row, "query_id")][ident(row, "corpus_id")] = float(integer(row, "score"))
    return gains


def _modality(text: str | None, image: str | None) -> str:
    return "+".join(name for name, value in (("image", image), ("text", text)) if value)
