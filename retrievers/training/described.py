"""Pairs for a reranker that reads pictures in words: ``python -m foveate.retrievers.training.described --help``.

Captioned clip art, furniture and emoji (:mod:`foveate.retrievers.training.captioned`) are described as the mini encoder
describes pictures; a caption is the question, pictures that carry it are right, what the first stage finds beside them
is wrong. Facts of countries are added, so that text is judged as well. Writes the neighbours that descriptions rest on,
and the pairs.

Nothing is learned from Tux Paint's stamps: they are read for one thing, to leave out training pictures that are among
them (35 of the stamps are clip art of the same library).
"""

import argparse
import json
import logging
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray
from PIL import Image

from foveate import models
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.encoders.wording import WORDS, Neighbours, wording
from foveate.retrievers.training.captioned import Captioned, emoji, furniture, gcompris, openclipart
from foveate.retrievers.training.facts import facts
from foveate.retrievers.training.mini_head import held_out
from foveate.retrievers.training.packages import debian
from foveate.retrievers.training.pairs import Group, write_pairs
from foveate.retrievers.training.views import opened

__all__ = ["Library", "main"]

Array = NDArray[np.float32]
_LOG = logging.getLogger(__name__)
_SOURCES = {"openclipart": openclipart, "furniture": furniture, "emoji": emoji, "gcompris": gcompris}
_TRAINED = ("openclipart", "furniture", "emoji")
_STYLES = ("", "noto", "fluent-emoji", "twemoji", "openmoji")
_CAPTIONS = 5
_THUMB = 32
_WIDTH = 192
"""Dimensions of the neighbours' vectors."""
_SAME = 0.8
"""Cosine of standardised features above which two pictures are one; looked at: same above 0.85, other below 0.79."""
_NEAR = 0.7
"""MiniLM cosine of two captions above which one is no wrong answer to the other."""
_HARD = 40
"""Wrong candidates are drawn from so many that the first stage finds best."""
_CANDIDATES = 8
_COMMON = 80
"""A caption of more pictures than this is no question."""


@dataclass(frozen=True, kw_only=True)
class Library:
    """Captioned pictures, described."""

    features: Array
    """(n, 1280)."""
    thumbs: NDArray[np.uint8]
    """(n, 32, 32, 4)."""
    captions: tuple[tuple[str, ...], ...]
    concepts: tuple[str, ...]

    def select(self, keep: NDArray[np.bool_]) -> "Library":
        """Rows where ``keep``."""
        rows = np.flatnonzero(keep)
        return Library(
            features=self.features[rows],
            thumbs=self.thumbs[rows],
            captions=tuple(self.captions[i] for i in rows),
            concepts=tuple(self.concepts[i] for i in rows),
        )

    @cached_property
    def by_caption(self) -> dict[str, list[int]]:
        """Rows that carry a caption."""
        found: dict[str, list[int]] = defaultdict(list)
        for row, captions in enumerate(self.captions):
            for caption in dict.fromkeys(captions):
                found[caption].append(row)
        return found

    def pictures(self) -> list[Image.Image]:
        """The thumbs."""
        return [Image.fromarray(thumb) for thumb in self.thumbs]


def gather(source: str, cache: Path, encoder: MiniEncoder) -> Library:
    """Features and thumbs of a source; looked at once, then read from ``cache``."""
    kept = cache / f"described-{source}.npz"
    if not kept.exists():
        items = [item for item in _SOURCES[source](cache) if item.style in _STYLES]
        rows = list(_looked(items, encoder))
        said = json.dumps([[items[i].captions[:_CAPTIONS], items[i].concept] for i, _, _ in rows])
        features, thumbs = np.stack([row[1] for row in rows]), np.stack([row[2] for row in rows])
        np.savez(kept, features=features.astype(np.float16), thumbs=thumbs, said=np.array(said))
    with np.load(kept, allow_pickle=False) as part:
        told = json.loads(str(part["said"]))
        return Library(
            features=part["features"].astype(np.float32),
            thumbs=part["thumbs"],
            captions=tuple(tuple(row[0][:_CAPTIONS]) for row in told),
            concepts=tuple(row[1] for row in told),
        )


def _looked(items: Sequence[Captioned], encoder: MiniEncoder) -> Iterator[tuple[int, Array, NDArray[np.uint8]]]:
    for start in range(0, len(items), 64):
        pictures = [(start + at, opened(item)) for at, item in enumerate(items[start : start + 64])]
        good = [(at, picture) for at, picture in pictures if picture is not None]
        features = encoder.features([picture for _, picture in good])
        for (at, picture), row in zip(good, features, strict=True):
            yield at, row, np.asarray(picture.resize((_THUMB, _THUMB)))
        _LOG.info("%d of %d pictures", start, len(items))


def joined(parts: Sequence[Library]) -> Library:
    """All rows of several libraries."""
    return Library(
        features=np.concatenate([part.features for part in parts]),
        thumbs=np.concatenate([part.thumbs for part in parts]),
        captions=tuple(row for part in parts for row in part.captions),
        concepts=tuple(row for part in parts for row in part.concepts),
    )


def among(library: Library, others: Array) -> NDArray[np.bool_]:
    """(n) whether a picture is one of those with ``others`` (m, 1280) features."""
    mean, spread = library.features.mean(0), library.features.std(0) + 1e-3
    mine, theirs = (_unit((rows - mean) / spread) for rows in (library.features, others))
    same: NDArray[np.bool_] = (mine @ theirs.T).max(axis=1) > _SAME
    return same


def neighbours(library: Library, words: frozenset[str]) -> Neighbours:
    """Whitened features of a library (square root of the inverse spectrum), with the words worth saying."""
    mean, spread = library.features.mean(0), library.features.std(0) + 1e-3
    _, values, axes = np.linalg.svd((library.features - mean) / spread, full_matrices=False)
    projection = axes[:_WIDTH].T / np.sqrt(values[:_WIDTH] / np.sqrt(len(library.features))) / spread[:, None]
    rows = _unit((library.features - mean) @ projection)
    said = tuple(tuple(word for word in row if word in words and len(word) <= 24) for row in library.captions)
    nearest = np.sort(np.where(same_concept(library, library), -1.0, rows @ rows.T).max(axis=1))
    levels = nearest[[len(nearest) // 3, 2 * len(nearest) // 3]]
    tensors = {"mean": mean, "projection": projection, "rows": rows, "levels": levels}
    return Neighbours(tensors={k: v.astype(np.float32) for k, v in tensors.items()}, words=said)


def same_concept(one: Library, other: Library) -> NDArray[np.bool_]:
    """(n, m) whether two rows show one concept."""
    same: NDArray[np.bool_] = np.array(one.concepts)[:, None] == np.array(other.concepts)[None, :]
    return same


def described(encoder: MiniEncoder, near: Neighbours, part: Library, train: Library) -> list[str]:
    """Words of each picture; neighbours of its own concept are left out."""
    alike = near.alike(part.features, same_concept(part, train))
    return wording(encoder.class_shares(part.features), encoder.class_names, alike, part.pictures())


def english(folder: Path) -> frozenset[str]:
    """Whole words of MiniLM's vocabulary: titles made of others are names, or another language."""
    words = (folder / "minilm" / "vocab.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for word in words if word.isalpha())


def plain_english(caption: str, words: frozenset[str]) -> bool:
    """Whether a caption can be a question."""
    parts = re.findall(r"[a-z]+", caption.lower())
    return 0 < len(parts) <= 6 and not re.search(r"\d", caption) and all(part in words for part in parts)


def asked(caption: str, rng: random.Random) -> str:
    """A caption as people search."""
    article = "An" if caption[0] in "aeiou" else "A"
    return rng.choice((caption, caption, f"{article} {caption}.", f"{article} {caption}.", f"a picture of {caption}"))


class Asker:
    """Makes groups: a caption as the question, right and wrong pictures in words."""

    def __init__(self, encoder: MiniEncoder, library: Library, words: Sequence[str]) -> None:
        self._encoder = encoder
        self._library = library
        self._words = words
        self._pictures = encoder.from_features(library.features)
        self._captions = sorted(library.by_caption)
        self._at = {caption: i for i, caption in enumerate(self._captions)}
        self._rows = encoder.encode_minilm(self._captions)
        self._codes = [[self._at[caption] for caption in row] for row in library.captions]

    def groups(self, picks: Sequence[tuple[str, int]], rng: random.Random, held: bool) -> Iterator[Group]:
        """One group a pick (caption, row)."""
        for start in range(0, len(picks), 256):
            part = picks[start : start + 256]
            questions = [asked(caption, rng) for caption, _ in part]
            scores = self._encoder.encode_text(questions) @ self._pictures.T
            near = self._rows[[self._at[caption] for caption, _ in part]] @ self._rows.T > _NEAR
            for (caption, row), question, found, alike in zip(part, questions, scores, near, strict=True):
                yield self._group(caption, row, question, np.argsort(-found)[: 2 * _HARD], alike, rng, held)

    def _group(
        self,
        caption: str,
        row: int,
        question: str,
        found: NDArray[np.intp],
        alike: NDArray[np.bool_],
        rng: random.Random,
        held: bool,
    ) -> Group:
        carry = self._library.by_caption[caption]
        right = [row, *rng.sample([other for other in carry if other != row], min(1, len(carry) - 1))]
        hard = [int(i) for i in found if i not in carry and not alike[self._codes[i]].any()][:_HARD]
        wrong = rng.sample(hard, min(len(hard), _CANDIDATES - len(right) - 1))
        wrong += [i for i in rng.sample(range(len(self._words)), _CANDIDATES) if i not in carry]
        labels = {self._words[i]: 0 for i in wrong[: _CANDIDATES - len(right)]} | {self._words[i]: 1 for i in right}
        pairs = list(labels.items())
        rng.shuffle(pairs)
        return Group(question=question, candidates=tuple(pairs), source="pictures", held_out=held)


def picks(library: Library, words: frozenset[str], count: int, rng: random.Random) -> list[tuple[str, int]]:
    """Captions to ask, each with its row: titles twice as often as keywords."""
    good = {c for c, rows in library.by_caption.items() if len(rows) <= _COMMON and plain_english(c, words)}
    titles = [(row[0], i) for i, row in enumerate(library.captions) if row[0] in good]
    keywords = [(c, i) for i, row in enumerate(library.captions) for c in row[1:] if c in good]
    share = min(len(titles), 2 * count // 3)
    chosen = rng.sample(titles, share) + rng.sample(keywords, min(len(keywords), count - share))
    rng.shuffle(chosen)
    return chosen


def worth_saying(library: Library, words: frozenset[str]) -> frozenset[str]:
    """Captions that describe: common ones, and English ones. Tags of single authors are neither."""
    counts = Counter(caption for row in library.captions for caption in dict.fromkeys(row))
    return frozenset(c for c, n in counts.items() if 3 <= n <= 400 or plain_english(c, words))


def stamps(cache: Path, encoder: MiniEncoder) -> Array:
    """(n, 1280) features of the stamps, to leave out what is among them."""
    folder = debian("tuxpaint-stamps-default", cache) / "usr/share/tuxpaint/stamps"
    paths = sorted(folder.rglob("*.png"))
    rows = []
    for start in range(0, len(paths), 64):
        opened_ones = [Image.open(path) for path in paths[start : start + 64]]
        rows.append(encoder.features(opened_ones))
    return np.concatenate(rows)


def _unit(rows: Array) -> Array:
    scaled: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled


def main() -> None:
    """Write the neighbours and the pairs."""
    parser = argparse.ArgumentParser(description="pairs of questions and pictures in words, and facts")
    parser.add_argument("--out", type=Path, default=Path("pairs.jsonl"))
    parser.add_argument("--words", type=Path, default=WORDS, help="the neighbours' file")
    parser.add_argument("--cache", type=Path, default=platformdirs.user_cache_path("foveate") / "training")
    parser.add_argument("--questions", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rng = random.Random(options.seed)
    encoder = MiniEncoder()
    whole = joined([gather(source, options.cache, encoder) for source in _TRAINED])
    seen = among(whole, stamps(options.cache, encoder))
    whole = whole.select(~seen)
    kept = np.array([held_out(concept) for concept in whole.concepts])
    train, held = whole.select(~kept), whole.select(kept)
    words = english(models.path("mini"))
    near = neighbours(train, worth_saying(train, words))
    near.save(options.words)
    near = Neighbours.load(options.words)
    groups = list(facts(options.cache, rng, _CANDIDATES))
    for part, count in ((train, options.questions), (held, 120)):
        asker = Asker(encoder, part, described(encoder, near, part, train))
        groups += asker.groups(picks(part, words, count, rng), rng, part is held)
    rng.shuffle(groups)
    count = write_pairs(groups, options.out)
    print(f"{len(groups)} questions, {count} pairs; {int(seen.sum())} pictures left out as stamps")  # noqa: T201


if __name__ == "__main__":
    main()
