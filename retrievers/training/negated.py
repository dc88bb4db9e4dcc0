"""What negated scores are fitted on: ``python -m foveate.retrievers.training.negated``.

Two clip-art pictures side by side hold A and B, and no C: the forms of NegBench (Alhamoud et al., CVPR 2025) made from
captioned pictures that did not train the encoder's head. Concepts are split by hash: one half fits, the other measures.
Tux Paint's stamps are not read.
"""

import argparse
import hashlib
import json
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import platformdirs
from numpy.typing import NDArray
from PIL import Image

from foveate.retrievers.encoders.presets import load_encoder
from foveate.retrievers.negated import Law, choose_law, names_of, standardised, weighed
from foveate.retrievers.negation import split
from foveate.retrievers.protocols import Encoder
from foveate.retrievers.training.captioned import Captioned, emoji, furniture, gcompris
from foveate.retrievers.training.mini_head import held_out
from foveate.retrievers.training.views import opened

__all__ = [
    "Choice",
    "Pasted",
    "Pictured",
    "Template",
    "before_twin",
    "choices",
    "chosen",
    "fitted",
    "found",
    "main",
    "negated_queries",
    "pasted",
    "pictured",
    "rows_of",
]

Template = Literal["positive", "negative", "hybrid"]
_SIDE = 224
_SOURCES = (gcompris, furniture, emoji)
_STYLES = ("", "noto")
_NAMED = re.compile(r"[a-z]{3,}( [a-z]{3,})?")
_NOT_THINGS = re.compile(r"\b(face|button|sign|symbol|hand|person|man|woman|mark|arrows?|backcard|postpoint|moon)\b")
_ALIKE = 0.45
"""Cosine of two names above which one picture may show the other's thing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pictured:
    """One thing and a picture of it."""

    name: str
    picture: Image.Image
    """Any size, RGBA or RGB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pasted:
    """Two things side by side, and one that is not there."""

    left: str
    right: str
    absent: str
    row: NDArray[np.float32]
    """(d) vector of the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One picture, four captions."""

    picture: int
    """Row of the pasted pictures."""
    template: Template
    """Of the right caption."""
    captions: tuple[str, ...]
    right: int


def pictured(cache: Path, half: Literal["fit", "measure"]) -> list[Pictured]:
    """Things of one half that did not train the encoder, one picture a name, in order of names."""
    found: dict[str, Captioned] = {}
    for source in _SOURCES:
        for item in source(cache):
            name = item.captions[0]
            if item.style in _STYLES and held_out(item.concept) and _is_thing(name) and half_of(name) == half:
                found.setdefault(name, item)
    opened_ones = ((name, opened(found[name])) for name in sorted(found))
    return [Pictured(name=name, picture=picture) for name, picture in opened_ones if picture is not None]


def half_of(name: str) -> Literal["fit", "measure"]:
    """Which half a name is of."""
    return "fit" if int(hashlib.sha256(f"negated|{name}".encode()).hexdigest(), 16) % 2 else "measure"


def _is_thing(name: str) -> bool:
    return bool(_NAMED.fullmatch(name)) and not _NOT_THINGS.search(name)


def pasted(encoder: Encoder, things: Sequence[Pictured], *, seed: int = 0) -> list[Pasted]:
    """Each thing beside two others; what is in one picture is absent from the other.

    So 2 n pictures come from n things: 2 i holds (i, j) without k, 2 i + 1 holds (i, k) without j.
    """
    rng = random.Random(seed)
    names = [thing.name for thing in things]
    rows = encoder.encode_text(names)
    apart = rows @ rows.T < _ALIKE  # (n, n)
    plan: list[tuple[int, int, int]] = []
    for i in range(len(things)):
        others = [j for j in range(len(things)) if apart[i, j]]
        j = rng.choice(others)
        k = rng.choice([other for other in others if apart[j, other]])
        plan += [(i, j, k), (i, k, j)]
    vectors = _vectors(encoder, [beside(things[i].picture, things[j].picture, rng) for i, j, _ in plan])
    return [
        Pasted(left=names[i], right=names[j], absent=names[k], row=row)
        for (i, j, k), row in zip(plan, vectors, strict=True)
    ]


def beside(one: Image.Image, other: Image.Image, rng: random.Random) -> Image.Image:
    """(448, 224) RGB on white, either first."""
    sheet = Image.new("RGB", (2 * _SIDE, _SIDE), "white")
    for place, picture in enumerate(rng.sample((one, other), 2)):
        small = picture.convert("RGBA")
        small.thumbnail((_SIDE, _SIDE))
        corner = (place * _SIDE + (_SIDE - small.width) // 2, (_SIDE - small.height) // 2)
        sheet.paste(small, corner, small)
    return sheet


def _vectors(encoder: Encoder, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
    parts = [encoder.encode_images(pictures[start : start + 64]) for start in range(0, len(pictures), 64)]
    return np.concatenate(parts)


def choices(items: Sequence[Pasted], *, seed: int = 0) -> list[Choice]:
    """Three questions a picture, as NegBench's multiple choice has them: each wrong caption is a false one."""
    return [
        choice for number, item in enumerate(items) for choice in _choices(number, item, random.Random(seed + number))
    ]


def _choices(number: int, item: Pasted, rng: random.Random) -> Iterator[Choice]:
    here, there, absent = item.left, item.right, item.absent
    no = rng.choice((f"no {absent}", f"a picture without a {absent}", f"there is no {absent} in the picture"))
    hybrid = rng.choice(("a {} but no {}", "a {} without a {}", "a {} and not a {}"))
    true: dict[Template, str] = {
        "positive": f"a {here} and a {there}",
        "negative": no,
        "hybrid": hybrid.format(here, absent),
    }
    false = [f"a {here} and a {absent}", no.replace(absent, here), hybrid.format(absent, here)]
    for template, right in true.items():
        captions = [right, *false]
        rng.shuffle(captions)
        yield Choice(picture=number, template=template, captions=tuple(captions), right=captions.index(right))


def negated_queries(items: Sequence[Pasted]) -> list[str]:
    """(n) what finds each picture and not its twin: "a dog but no cat"."""
    forms = ("a {} but no {}", "a {} without a {}", "a {} with no {}")
    return [forms[number // 2 % 3].format(item.left, item.absent) for number, item in enumerate(items)]


def chosen(scores: NDArray[np.floating], texts: Sequence[str], asked: Sequence[Choice]) -> NDArray[np.float64]:
    """(p, t) scores -> (n) whether the best caption of each question is right; ties count against."""
    at = {text: column for column, text in enumerate(texts)}
    right = []
    for one in asked:
        row = scores[one.picture, [at[caption] for caption in one.captions]]
        right.append(bool((np.delete(row, one.right) < row[one.right]).all()))
    return np.array(right, dtype=np.float64)


def found(scores: NDArray[np.floating], cut: int) -> NDArray[np.float64]:
    """(p, n) scores, query i wants picture i -> (n) whether it is among the best ``cut``; ties count against."""
    own = np.diagonal(scores)
    return np.asarray((scores >= own[None, :]).sum(axis=0) <= cut, dtype=np.float64)


def before_twin(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """(p, n) scores -> (n) whether a picture comes before the one that holds what its query excludes."""
    own, numbers = np.diagonal(scores), np.arange(len(scores))
    return np.asarray(own > scores[numbers ^ 1, numbers], dtype=np.float64)


def rows_of(items: Sequence[Pasted]) -> NDArray[np.float32]:
    """(n, d)."""
    return np.stack([item.row for item in items])


def fitted(encoder: Encoder, items: Sequence[Pasted]) -> tuple[Law, tuple[float, ...]]:
    """The law with the best geometric mean of accuracy of choice, R@5 and pictures before their twins, and these."""
    asked, queries = choices(items), negated_queries(items)
    texts = sorted({*queries, *(caption for one in asked for caption in one.captions)})
    parts = [split(text) for text in texts]
    names, rows = names_of(parts), rows_of(items)
    z = standardised(rows, encoder.encode_text(names), rows, encoder.picture_mean)  # (p, names)
    columns = [texts.index(query) for query in queries]

    def figures(law: Law) -> tuple[float, ...]:
        scores = weighed(z, names, parts, law)
        searched = scores[:, columns]
        told = (chosen(scores, texts, asked), found(searched, 5), before_twin(searched))
        return tuple(round(float(one.mean()), 4) for one in told)

    law = choose_law(lambda law: math.prod(figures(law)))
    return law, figures(law)


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description="fit what the absence of a thing is worth")
    parser.add_argument("--cache", type=Path, default=platformdirs.user_cache_path("foveate") / "training")
    parser.add_argument("--encoder", default="mini")
    options = parser.parse_args()
    encoder = load_encoder(options.encoder)
    items = pasted(encoder, pictured(options.cache, "fit"))
    law, figures = fitted(encoder, items)
    print(json.dumps({"law": repr(law), "choice, R@5, before twin": figures, "pictures": len(items)}))  # noqa: T201


if __name__ == "__main__":
    main()
