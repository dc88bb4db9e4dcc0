"""The numbers of an alignment. Unknown is NaN: all without a picture, the standardised ones without a vocabulary."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from foveate.retrievers.alignment.vocabulary import Vocabulary

__all__ = ["OPTION", "SEEN", "SIGNALS", "Alignment", "option_scalars", "seen_features"]

Array = NDArray[np.float32]
OPTION = ("cosine", "z", "region_z", "over_word", "share", "tags", "tag", "fit")
"""Columns of :attr:`Alignment.scalars`."""
SEEN = ("subject_z", "subject_region_z", "subject_tags", "subject_tag")
"""Columns of :attr:`Alignment.seen`."""
SIGNALS = {
    "picture_subject_z": "deviations by which what the question takes the picture to show exceeds other words",
    "picture_subject_region_z": "the same in the region where it fits best",
    "picture_subject_tags": "mean cosine of it with the picture's ten likeliest words, by their shares",
    "picture_subject_tag": "cosine of it with the nearest of those words",
    "picture_option_cosine": "cosine of the picture with the best option",
    "picture_option_z": "deviations by which the best option exceeds other words",
    "picture_option_region_z": "the same in the region where an option fits best",
    "picture_option_margin": "the best option's deviations less the second's",
    "picture_option_entropy": "how evenly the options share the picture, 0 to 1",
    "picture_option_over_word": "the best option's deviations less those of the word that fits best",
    "picture_option_share": "log of what the best option would get as one more word, over what all words get",
    "picture_option_tags": "mean cosine of the picture's likeliest words with the option nearest to them",
    "picture_option_fit": "deviations by which the options are like what is asked for, mean of them",
    "picture_option_fit_least": "the same of the option least like it",
}
"""Signal -> what it is, for the trace and the documentation."""
_CLIP_SCALE = 100.0
"""Logit scale of cosines for encoders without a vocabulary (Radford et al., ICML 2021)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """Of one picture with one question and its options."""

    encoder: str
    """Fingerprint of the encoder."""
    options: tuple[str, ...]
    """(n) the options that count."""
    picture: Array | None
    """(6, d) unit rows: whole picture, four tiles, centre; None without a picture."""
    question: Array
    """(d) unit row of what the question takes the picture to show."""
    texts: Array
    """(n, d) unit rows of the options' captions."""
    scalars: Array
    """(n, 8) columns of :data:`OPTION`."""
    seen: Array
    """(4) columns of :data:`SEEN`."""

    def products(self) -> Array:
        """(1 + n, d): the whole picture times the question, then times each option; NaN without a picture."""
        texts = np.concatenate([self.question[None], self.texts])
        products: Array = np.full_like(texts, np.nan) if self.picture is None else texts * self.picture[0]
        return products

    def region_products(self) -> Array:
        """(5, 1 + n, d): the same with each region."""
        texts = np.concatenate([self.question[None], self.texts])
        if self.picture is None:
            return np.full((5, *texts.shape), np.nan, np.float32)
        products: Array = self.picture[1:, None] * texts
        return products

    def without(self, place: int) -> "Alignment":
        """The same question with one option less."""
        return replace(
            self,
            options=self.options[:place] + self.options[place + 1 :],
            texts=np.delete(self.texts, place, axis=0),
            scalars=np.delete(self.scalars, place, axis=0),
        )

    def signals(self) -> dict[str, float]:
        """Name of :data:`SIGNALS` -> value; NaN where it is unknown."""
        values = [float(value) for value in self.seen] + self._of_options()
        return dict(zip(SIGNALS, values, strict=True))

    def _of_options(self) -> list[float]:
        if not self.options or self.picture is None:
            return [math.nan] * (len(SIGNALS) - len(SEEN))
        column = dict(zip(OPTION, self.scalars.T.astype(float), strict=True))
        order = np.sort(column["z"])[::-1]
        scores = column["z"] if np.isfinite(column["z"]).all() else _CLIP_SCALE * column["cosine"]
        return [
            float(column["cosine"].max()),
            float(column["z"].max()),
            float(column["region_z"].max()),
            float(order[0] - order[1]) if len(order) > 1 else math.nan,
            _entropy(scores),
            float(column["over_word"].max()),
            float(column["share"].max()),
            float(column["tags"].max()),
            float(column["fit"].mean()),
            float(column["fit"].min()),
        ]


def option_scalars(
    vocabulary: Vocabulary | None, apart: Array | None, texts: Array, bare: Array, wanted: Array, picture: Array | None
) -> Array:
    """Numbers of each option.

    Args:
        vocabulary: None leaves all but the cosine NaN.
        apart: (6, d) rows of the picture without what all pictures share.
        texts: (n, d) of the options' captions.
        bare: (n, d) of the options.
        wanted: (d) of what is asked for.
        picture: (6, d) rows as they are.

    Returns:
        (n, 8) columns of :data:`OPTION`.
    """
    found = np.full((len(texts), len(OPTION)), np.nan, np.float32)
    if picture is None or apart is None or not len(texts):
        return found
    found[:, 0] = texts @ picture[0]
    if vocabulary is not None:
        z = vocabulary.z(apart, texts)  # (6, n)
        words, shares = vocabulary.tags(picture[0])
        like = words @ bare.T  # (t, n)
        best_word = vocabulary.z(apart[:1], vocabulary.rows).max()
        fit = vocabulary.z(wanted[None], bare)[0]
        share = vocabulary.log_shares(picture[0], bare)
        columns = [z[0], z[1:].max(axis=0), z[0] - best_word, share, shares @ like, like.max(axis=0), fit]
        found[:, 1:] = np.stack(columns, axis=1)
    return found


def seen_features(vocabulary: Vocabulary | None, apart: Array | None, subject: Array, picture: Array | None) -> Array:
    """(4) columns of :data:`SEEN`: whether the picture shows what the question takes it to show."""
    if vocabulary is None or picture is None or apart is None:
        return np.full(len(SEEN), np.nan, np.float32)
    z = vocabulary.z(apart, subject[None])[:, 0]  # (6)
    words, shares = vocabulary.tags(picture[0])
    like = words @ subject
    return np.array([z[0], z[1:].max(), shares @ like, like.max()], np.float32)


def _entropy(scores: NDArray[np.floating]) -> float:
    """Of the softmax, over that of equal shares; NaN for fewer than two."""
    if len(scores) < 2:
        return math.nan
    powers = np.exp(scores - scores.max())
    shares = powers / powers.sum()
    return float(-(shares * np.log(np.maximum(shares, 1e-12))).sum() / math.log(len(scores)))
