"""Writes the set: ``items.jsonl``, one question a line, and ``manifest.json``; the same sources give the same bytes."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from foveate.errors import CallerError
from foveate.evals.datasets.stamps import PACKAGE, Stamp, fetch_stamps, read_stamps
from foveate.evals.unanswerable.base import Base, load
from foveate.evals.unanswerable.choices import choice_items
from foveate.evals.unanswerable.evidence import evidence_items, kept_documents
from foveate.evals.unanswerable.items import Item
from foveate.evals.unanswerable.kinship import Kinship
from foveate.evals.unanswerable.names import named
from foveate.evals.unanswerable.premises import premise_items
from foveate.evals.unanswerable.stamps import sides, stamp_items
from foveate.retrievers.training.countries import build as countries
from foveate.retrievers.training.countries.facts import read_world
from foveate.retrievers.training.packages import debian

__all__ = ["ITEMS", "MANIFEST", "all_items", "build", "parts", "write"]

ITEMS = "items.jsonl"
MANIFEST = "manifest.json"
LICENCES = {"stamps": f"GPL-2 (Debian {PACKAGE})", "kb": "facts MIT and CC-BY-4.0 (GeoNames), pictures MIT"}


def build(out: Path, cache: Path | None = None) -> list[dict[str, Any]]:
    """Build the set of the public packages and return its rows, as they are read from ``items.jsonl``.

    Args:
        out: the folder; see :func:`write`.
        cache: what packages and the knowledge base lie below, downloaded once; None for the user's.

    Raises:
        CallerError: ``out`` holds something else.
        ServiceError: a download failed.
        ExtraMissing: the knowledge base has to be built and there is no renderer of drawings.
    """
    home = cache or platformdirs.user_cache_path("foveate")
    kb, training = home / "datasets" / "kb", home / "training"
    countries.build(kb, training)
    stamps = fetch_stamps(home / "datasets")
    kinship = Kinship.read(debian("wordnet-base", training) / "usr/share/wordnet/data.noun")
    items = all_items(read_stamps(stamps), kinship, load(kb, read_world(training)))
    write(out, items, stamps=stamps, kb=kb)
    return [json.loads(line) for line in (out / ITEMS).read_text(encoding="utf-8").splitlines()]


def all_items(stamps: Sequence[Stamp], kinship: Kinship, base: Base) -> list[Item]:
    """Every question of both splits, those of the stamps first."""
    asked = named(stamps)
    side = sides(asked)
    pictures = [(side[one.concept], one) for one in asked]
    return [*stamp_items(asked, kinship), *choice_items(base, pictures), *premise_items(base), *evidence_items(base)]


def write(out: Path, items: Sequence[Item], *, stamps: Path, kb: Path) -> dict[str, Any]:
    """Write the set and return its manifest, which is written last.

    Args:
        out: the folder; made where there is none.
        items: from :func:`all_items`.
        stamps: folder of the stamps.
        kb: folder of the knowledge base.

    Raises:
        CallerError: ``out`` holds something else, or two items have one id.
    """
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise CallerError(f"folder {str(out)!r} is not empty and holds no {MANIFEST}; name another one")
    twice = [name for name, count in Counter(item.id for item in items).items() if count > 1]
    if twice:
        raise CallerError(f"two items have the id {twice[0]!r}")
    lines = _lines(items)
    portable = lines.replace(json.dumps(str(stamps))[1:-1], "stamps").replace(json.dumps(str(kb))[1:-1], "kb")
    manifest = {
        "counts": _counts(items),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "sha256_without_folders": hashlib.sha256(portable.encode()).hexdigest(),
        "stamps": str(stamps),
        "kb": str(kb),
        "licences": LICENCES,
    }
    out.mkdir(parents=True, exist_ok=True)
    _put(out / ITEMS, lines)
    _put(out / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return manifest


def parts(items: Iterable[Mapping[str, Any]], kb_folder: Path) -> list[Path]:
    """Files of the collection "part": the knowledge base without the countries that must not be found in it.

    Args:
        items: rows of the set; which countries are left out follows from those of the collection "part".
        kb_folder: of the knowledge base.

    Raises:
        CallerError: a missing file or a wrong row.
    """
    missing = {item["group"] for item in items if item["collection"] == "part" and not item["answerable"]}
    names = kept_documents(kb_folder, missing)
    return [kb_folder / (f"{name}.png" if name.startswith("pictures/") else f"docs/{name}.md") for name in names]


def _put(path: Path, text: str) -> None:
    """Whole or not at all: another process may read it."""
    made = path.with_name(f"{path.name}.{os.getpid()}")
    made.write_text(text, encoding="utf-8")
    made.replace(path)


def _lines(items: Iterable[Item]) -> str:
    return "".join(json.dumps(item.row(), ensure_ascii=False) + "\n" for item in items)


def _counts(items: Sequence[Item]) -> dict[str, Any]:
    """Split -> items, answerable ones, and those of each source, form and setting."""
    found: dict[str, Any] = {}
    for split in dict.fromkeys(item.split for item in items):
        there = [item for item in items if item.split == split]
        kinds = Counter(f"{item.source} {item.form} {item.setting}" for item in there)
        collections = Counter(item.collection for item in there)
        found[split] = {
            "items": len(there),
            "answerable": sum(item.reason == "none" for item in there),
            "by_form": dict(sorted(kinds.items())),
            "by_collection": dict(sorted(collections.items())),
        }
    return found
