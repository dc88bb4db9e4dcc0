"""HierarCaps: pictures with four texts each, from one word to a full caption.

Alper and Averbuch-Elor, "Emergent Visual-Semantic Hierarchies in Image-Text Representations", ECCV 2024. File as in the
authors' repository: ``data/hierarcaps_test.csv`` has ``id``, ``captions`` (four, from general to specific, with ``=>``
between) and ``image_url``, whose last part names a picture of COCO's ``val2014``.

A text that stands with several pictures is one document, or one query for which all of them are right. The published
hierarchical precision, recall and correlation of radii need the embeddings and are not what a ranking shows.
"""

from collections.abc import Mapping
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, csv_rows
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["INFO", "LEVELS", "read"]

LEVELS = 4

INFO = DatasetInfo(
    name="hierarcaps",
    title="HierarCaps: pictures with texts from general to specific",
    tasks=("retrieval",),
    paper="Alper and Averbuch-Elor, Emergent Visual-Semantic Hierarchies, ECCV 2024",
    licence="unknown; pictures under COCO's terms",
    get="""Texts: git clone https://github.com/TAU-VAILab/hierarcaps FOLDER
Pictures: val2014.zip of https://cocodataset.org/#download. FOLDER holds:
  data/hierarcaps_test.csv
  val2014/COCO_val2014_000000301718.jpg ...""",
    options={
        "direction": "image_to_text (default): four texts are right; text_to_image: reported by level",
        "missing": MISSING,
    },
)


def read(folder: Path, *, direction: str = "image_to_text", missing: str = "raise") -> Dataset:
    """Read the 1,000 pictures; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    one_of("direction", direction, ("image_to_text", "text_to_image"))
    media = Media(folder / "val2014", missing)
    pictures: dict[str, str] = {}
    chains: dict[str, tuple[str, ...]] = {}
    for row in csv_rows(folder / "data" / "hierarcaps_test.csv"):
        path = media.path(row.get("image_url", str).rpartition("/")[2], row.where)
        if path is not None:
            key = ident(row, "id")
            pictures[key], chains[key] = path, _chain(row)
    texts = {text: f"text-{n}" for n, text in enumerate(dict.fromkeys(t for chain in chains.values() for t in chain))}
    if direction == "image_to_text":
        documents = [Document(id=key, text=text) for text, key in texts.items()]
        samples = [_shown(key, path, [texts[text] for text in chains[key]]) for key, path in pictures.items()]
    else:
        documents = [Document(id=key, image=path) for key, path in pictures.items()]
        samples = _worded(texts, chains)
    return assembled(INFO, samples, documents, media=media, note=direction)


def _shown(key: str, path: str, right: list[str]) -> Sample:
    return Sample(id=key, images=(path,), relevant=dict.fromkeys(right, 1.0), group=key)


def _worded(texts: Mapping[str, str], chains: Mapping[str, tuple[str, ...]]) -> list[Sample]:
    holders: dict[str, dict[str, float]] = {}
    levels: dict[str, int] = {}
    for picture, chain in chains.items():
        for level, text in enumerate(chain, 1):
            holders.setdefault(text, {})[picture] = 1.0
            levels.setdefault(text, level)
    return [
        Sample(id=key, text=text, relevant=holders[text], group=next(iter(holders[text])), slices=_level(levels[text]))
        for text, key in texts.items()
    ]


def _level(level: int) -> dict[str, str]:
    return {"level": str(level)}


def _chain(row: Row) -> tuple[str, ...]:
    chain = tuple(part.strip() for part in row.get("captions", str).split("=>"))
    if len(chain) != LEVELS or not all(chain):
        raise row.bad("captions", f"{LEVELS} texts with '=>' between", row.data["captions"])
    return chain
