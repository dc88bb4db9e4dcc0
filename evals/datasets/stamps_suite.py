"""The stamps as benchmarks: retrieval in dozens of languages, mixed modalities, classes from a few pictures, captions.

``form`` says which. In all of them a picture is right for a query when it carries the query's caption in the query's
language, letter for letter: six stamps are "A flower.", and no query can tell them apart. Pictures that share their
English caption are one group for the bootstrap.

``mixed`` follows MixBench (the GR-CLIP paper: "Closing the Modality Gap for Mixed Modality Search"): each stamp is one
document, as picture alone, as text alone (its English caption) or as both, a third each by hash of its name; queries
are captions in other languages, so that no text document repeats its query.
"""

from collections.abc import Sequence
from pathlib import Path

import platformdirs

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.datasets.stamps import PACKAGE, Stamp, read_stamps
from foveate.evals.reading.options import one_of
from foveate.evals.samples import Dataset, Document, Sample
from foveate.ids import digest

__all__ = ["FORMS", "INFO", "LANGUAGES", "default_folder", "read"]

LANGUAGES = (
    "en", "de", "nl", "sv", "da", "nb", "is", "fr", "es", "pt", "it", "ca", "ro", "pl", "cs", "sl", "ru", "uk", "bg",
    "el", "fi", "hu", "tr", "id", "vi", "ja", "ko", "zh_CN", "hi", "ar",
)  # fmt: skip
"""Thirty, chosen for spread of family and script before anything was measured."""
FORMS = ("text_to_picture", "picture_to_text", "mixed", "few_shot", "captions")
_MADE_AS = ("picture", "text", "both")

INFO = DatasetInfo(
    name="stamps",
    title="Tux Paint stamps: captioned pictures in dozens of languages",
    tasks=("multilingual", "retrieval", "few_shot", "captioning"),
    paper="none; Tux Paint stamps collection 2022.06.04, https://tuxpaint.org",
    licence="GPL-2 (the collection)",
    get=(
        f"The pictures come from Debian's package {PACKAGE!r} (160 MB). `foveate eval fetch stamps` downloads and "
        "unpacks it into the user's cache, without installing it; or name the folder `.../share/tuxpaint/stamps` of "
        "an installed one."
    ),
    options={
        "form": f"one of {', '.join(FORMS)}",
        "languages": f"comma-separated, or 'all'; default the 30 of {','.join(LANGUAGES)}",
    },
)


def default_folder() -> Path:
    """Where ``foveate eval fetch stamps`` puts them."""
    cache = platformdirs.user_cache_path("foveate") / "datasets"
    return cache / "debian" / PACKAGE / "usr/share/tuxpaint/stamps"


def read(folder: Path, *, form: str = "text_to_picture", languages: str = "") -> Dataset:
    """Read one form.

    Args:
        folder: of the stamps.
        form: see :data:`FORMS`.
        languages: of the captions; empty for :data:`LANGUAGES`.

    Raises:
        CallerError: an unknown form or language, or no stamps there.
        MediaError: a caption is not UTF-8.
    """
    builders = {
        "text_to_picture": _text_to_picture,
        "picture_to_text": _picture_to_text,
        "mixed": _mixed,
        "few_shot": _few_shot,
        "captions": _captions,
    }
    build = builders[one_of("form", form, FORMS)]
    stamps = read_stamps(folder)
    samples, documents = build(stamps, _languages(languages, stamps))
    return Dataset(
        name=f"stamps-{form}",
        samples=tuple(samples),
        documents=tuple(documents),
        licence=INFO.licence,
        source=f"Debian {PACKAGE}, {len(stamps)} captioned PNGs",
    )


def _languages(wanted: str, stamps: Sequence[Stamp]) -> tuple[str, ...]:
    there = {language for stamp in stamps for language in stamp.captions}
    if wanted == "all":
        return tuple(sorted(there))
    if not wanted:
        return tuple(language for language in LANGUAGES if language in there)
    chosen = tuple(dict.fromkeys(part.strip() for part in wanted.split(",") if part.strip()))
    unknown = [language for language in chosen if language not in there]
    if unknown or not chosen:
        raise CallerError(
            f"option 'languages': no captions in {unknown or wanted!r}; there are: {', '.join(sorted(there))}"
        )
    return chosen


def _alike(stamps: Sequence[Stamp], language: str) -> dict[str, list[str]]:
    """Caption in a language -> keys of the stamps that carry it."""
    found: dict[str, list[str]] = {}
    for stamp in stamps:
        if caption := stamp.captions.get(language):
            found.setdefault(caption, []).append(stamp.key)
    return found


def _pictures(stamps: Sequence[Stamp]) -> list[Document]:
    return [Document(id=stamp.key, image=str(stamp.path), group=stamp.caption) for stamp in stamps]


def _text_to_picture(stamps: Sequence[Stamp], languages: Sequence[str]) -> tuple[list[Sample], list[Document]]:
    samples = []
    for language in languages:
        alike = _alike(stamps, language)
        samples += [
            Sample(
                id=f"{language}/{stamp.key}",
                text=caption,
                relevant=dict.fromkeys(alike[caption], 1.0),
                group=stamp.caption,
                slices={"language": language},
            )
            for stamp in stamps
            if (caption := stamp.captions.get(language))
        ]
    return samples, _pictures(stamps)


def _picture_to_text(stamps: Sequence[Stamp], languages: Sequence[str]) -> tuple[list[Sample], list[Document]]:
    samples, documents = [], []
    for language in languages:
        names = {caption: f"{language}/{i:04d}" for i, caption in enumerate(_alike(stamps, language))}
        documents += [Document(id=name, text=caption, pool=language) for caption, name in names.items()]
        samples += [
            Sample(
                id=f"{language}/{stamp.key}",
                images=(str(stamp.path),),
                pool=language,
                relevant={names[caption]: 1.0},
                group=stamp.caption,
                slices={"language": language},
            )
            for stamp in stamps
            if (caption := stamp.captions.get(language))
        ]
    return samples, documents


def _made_as(stamp: Stamp) -> str:
    return _MADE_AS[int(digest("stamps-mixed", stamp.key), 16) % len(_MADE_AS)]


def _mixed(stamps: Sequence[Stamp], languages: Sequence[str]) -> tuple[list[Sample], list[Document]]:
    foreign = [language for language in languages if language.split("_")[0] != "en"]
    if not foreign:
        raise CallerError("form 'mixed' needs languages other than English: its texts are the English captions")
    documents = [
        Document(
            id=stamp.key,
            text=stamp.caption if _made_as(stamp) != "picture" else None,
            image=str(stamp.path) if _made_as(stamp) != "text" else None,
            group=stamp.caption,
        )
        for stamp in stamps
    ]
    found, _ = _text_to_picture(stamps, foreign)
    made = {stamp.key: _made_as(stamp) for stamp in stamps}
    samples = [
        Sample(
            id=sample.id,
            text=sample.text,
            relevant=sample.relevant,
            group=sample.group,
            slices={**sample.slices, "document": made[sample.id.partition("/")[2]]},
        )
        for sample in found
    ]
    return samples, documents


def _few_shot(stamps: Sequence[Stamp], languages: Sequence[str]) -> tuple[list[Sample], list[Document]]:
    """Classes are the stamps' folders (animals, food ...); half of each, by hash, are examples, half are asked."""
    kind = {stamp.key: stamp.key.split("/")[0] for stamp in stamps}
    classes = sorted(name for name in set(kind.values()) if sum(v == name for v in kind.values()) >= 20)
    # By caption, so that six pictures of "A flower." are not on both sides.
    asked = [stamp for stamp in stamps if int(digest("stamps-few-shot", stamp.caption), 16) % 2]
    samples = [
        Sample(
            id=stamp.key,
            images=(str(stamp.path),),
            label=kind[stamp.key],
            labels=tuple(classes),
            group=stamp.caption,
            slices={"class": kind[stamp.key]},
        )
        for stamp in asked
        if kind[stamp.key] in classes
    ]
    keys = {stamp.key for stamp in asked}
    documents = [
        Document(id=stamp.key, image=str(stamp.path), label=kind[stamp.key], group=stamp.caption)
        for stamp in stamps
        if stamp.key not in keys and kind[stamp.key] in classes
    ]
    return samples, documents


def _captions(stamps: Sequence[Stamp], languages: Sequence[str]) -> tuple[list[Sample], list[Document]]:
    samples = [
        Sample(id=stamp.key, images=(str(stamp.path),), answers=(stamp.caption,), group=stamp.caption)
        for stamp in stamps
    ]
    return samples, []
