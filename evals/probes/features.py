"""Features of captions and pictures that may go with success. All are computed, none is learned."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = [
    "CAPTION_FEATURES",
    "PICTURE_FEATURES",
    "caption_features",
    "colourfulness",
    "nearest",
    "picture_features",
    "words_of",
]

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_LEXICON: Mapping[str, frozenset[str]] = {
    "number_words": frozenset("one two three four five six seven eight nine ten eleven twelve dozen pair both".split()),
    "colour_words": frozenset(
        "red orange yellow green blue purple violet pink brown black white grey gray golden silver beige turquoise "
        "magenta crimson mauve".split()
    ),
    "size_words": frozenset("big small large little tiny huge tall short long wide narrow giant great".split()),
    "negations": frozenset("no not never none nobody nothing without neither nor cannot".split()),
    "spatial_words": frozenset(
        "above below under over behind beside between left right top bottom near inside outside on in at across "
        "against around beneath".split()
    ),
}
CAPTION_FEATURES = (
    "words",
    "characters",
    "mean_word_length",
    *_LEXICON,
    "plurals",
    "rare_word_share",
    "nearest_caption",
)
PICTURE_FEATURES = (
    "megapixels",
    "aspect",
    "transparent_share",
    "brightness",
    "contrast",
    "colourfulness",
    "edge_density",
    "entropy_bits",
    "grey",
    "nearest_picture",
)
_EDGE = 32.0
"""Gradient, in grey levels a pixel, from which a pixel counts as an edge."""
_GREY = 4.0
"""Colourfulness below which a picture is grey; JPEG's own colour noise stays under it."""


def words_of(text: str) -> list[str]:
    """Lower-case words of a text; digits count as words."""
    return [word.lower() for word in _WORD.findall(text)]


def caption_features(
    captions: Sequence[str], rows: NDArray[np.float32] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Features of each caption of a collection.

    Args:
        captions: (n).
        rows: (n, d) unit vectors of them, for ``nearest_caption``; NaN without.

    Returns:
        Name of :data:`CAPTION_FEATURES` -> (n). ``rare_word_share`` is the share of words that stand in this caption
        alone; means over no words are NaN.
    """
    split = [words_of(caption) for caption in captions]
    homes = Counter(word for words in split for word in set(words))
    columns: dict[str, list[float]] = {name: [] for name in CAPTION_FEATURES[:-1]}
    for caption, words in zip(captions, split, strict=True):
        columns["words"].append(len(words))
        columns["characters"].append(len(caption))
        columns["mean_word_length"].append(_mean([len(word) for word in words]))
        for name, listed in _LEXICON.items():
            columns[name].append(sum(word in listed or (name == "number_words" and word.isdigit()) for word in words))
        columns["plurals"].append(sum(_plural(word) for word in words))
        columns["rare_word_share"].append(_mean([homes[word] == 1 for word in words]))
    found = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    return found | {"nearest_caption": nearest(rows, len(captions))}


def picture_features(
    images: Sequence[Image.Image | None], rows: NDArray[np.float32] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Features of each picture of a collection.

    Args:
        images: (n) of any mode, None for what is missing; ``info["size"]`` is believed for the size before scaling.
        rows: (n, d) unit vectors of them, for ``nearest_picture``; rows of zeros stand for missing ones.

    Returns:
        Name of :data:`PICTURE_FEATURES` -> (n), NaN for missing pictures. Brightness and contrast (standard deviation)
        are of grey levels in [0, 1] on white, colourfulness is that of Hasler and Süsstrunk (2003).
    """
    table = np.full((len(images), len(PICTURE_FEATURES) - 1), np.nan)
    for at, image in enumerate(images):
        if image is not None:
            table[at] = _of_picture(image)
    found = {name: table[:, i] for i, name in enumerate(PICTURE_FEATURES[:-1])}
    return found | {"nearest_picture": nearest(rows, len(images))}


def nearest(rows: NDArray[np.float32] | None, count: int) -> NDArray[np.float64]:
    """(n, d) unit rows -> (n) cosine with the most alike other row; NaN for rows of zeros and where nothing is."""
    found = np.full(count, np.nan)
    if rows is None:
        return found
    there = np.flatnonzero(np.linalg.norm(rows, axis=1) > 0)
    if len(there) < 2:
        return found
    known = rows[there].astype(np.float64)
    for start in range(0, len(there), 1024):
        likeness = known[start : start + 1024] @ known.T
        at = np.arange(len(likeness))
        likeness[at, at + start] = -np.inf
        found[there[start : start + 1024]] = likeness.max(axis=1)
    return found


def _of_picture(image: Image.Image) -> list[float]:
    clear = image.convert("RGBA")
    width, height = image.info.get("size", image.size)
    alpha = np.asarray(clear.getchannel("A"))
    white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
    rgb = np.asarray(Image.alpha_composite(white, clear).convert("RGB"), dtype=np.float64)  # (h, w, 3)
    grey = rgb @ np.array([0.299, 0.587, 0.114])
    colour = colourfulness(rgb)
    return [
        width * height / 1e6,
        width / height,
        float((alpha < 128).mean()),
        float(grey.mean() / 255),
        float(grey.std() / 255),
        colour,
        _edges(grey),
        _entropy(grey),
        float(colour < _GREY),
    ]


def colourfulness(rgb: NDArray[np.float64]) -> float:
    """(h, w, 3) RGB in 0..255 -> the measure of Hasler and Süsstrunk, "Measuring colourfulness" (2003)."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    rg, yb = red - green, 0.5 * (red + green) - blue
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def _edges(grey: NDArray[np.float64]) -> float:
    if min(grey.shape) < 2:
        return float("nan")
    down, across = np.gradient(grey)
    return float((np.hypot(down, across) > _EDGE).mean())


def _entropy(grey: NDArray[np.float64]) -> float:
    shares = np.bincount(np.rint(grey).astype(np.int64).ravel(), minlength=256) / grey.size
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum() + 0.0)  # + 0.0: no minus zero


def _plural(word: str) -> bool:
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "'s", "\u2019s"))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
