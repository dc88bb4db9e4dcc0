"""How a picture goes with a question and its options: CLIP-UP's correlation vectors, and numbers a person can check.

Vardi, Nir and Shamir, "CLIP-UP: CLIP-Based Unanswerable Problem Detection for Visual Question Answering", WACV 2026
(arXiv 2501.01371): the elementwise product of a picture's and a text's unit vector, whose sum is their cosine. Here the
question is one text and each option another, and the picture counts as a whole and in five regions.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from foveate.retrievers.alignment.features import Alignment, option_scalars, seen_features
from foveate.retrievers.alignment.vocabulary import Vocabulary
from foveate.retrievers.alignment.wording import asked, caption, depictable, shown
from foveate.retrievers.protocols import Encoder

__all__ = ["REGIONS", "Aligner", "alignment", "regions"]

Array = NDArray[np.float32]
REGIONS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (0.25, 0.25))
"""Upper left corners of the regions, each half as wide and half as high as the picture: 2 x 2 tiles and the centre."""
_REMEMBERED = 4096


def alignment(encoder: Encoder, picture: Image | None, question: str, options: Sequence[str]) -> Alignment:
    """How the picture goes with the question and each option.

    Args:
        encoder: of pictures and texts.
        picture: None gives NaN everywhere.
        question: as it was asked.
        options: any number; those that say the same count once, "none of the above" and "yes" not at all.
    """
    aligner = Aligner(encoder)
    return aligner.of(None if picture is None else aligner.look(picture), question, options)


def regions(picture: Image) -> list[Image]:
    """The whole picture and its five regions, each at least one pixel wide and high."""
    width, height = picture.size
    found = [picture]
    for x, y in REGIONS:
        left, top = int(x * width), int(y * height)
        right, bottom = max(left + 1, int((x + 0.5) * width)), max(top + 1, int((y + 0.5) * height))
        found.append(picture.crop((left, top, right, bottom)))
    return found


class Aligner:
    """Aligns many questions; a picture is looked at once, and texts are remembered."""

    def __init__(self, encoder: Encoder) -> None:
        """With an encoder of pictures and texts."""
        self._encoder = encoder
        self._vocabulary = Vocabulary.of(encoder)
        self._known: dict[str, Array] = {}

    def look(self, picture: Image) -> Array:
        """A picture -> (6, d) unit rows: the whole one, then its regions."""
        return self._encoder.encode_images(regions(picture))

    def of(self, picture: Array | None, question: str, options: Sequence[str]) -> Alignment:
        """The same as :func:`alignment`, with rows of :meth:`look`."""
        kept = depictable(options)
        captions = [caption(option) for option in kept]
        rows = self._texts([shown(question), asked(question), *captions, *kept])
        seen, wanted, texts, bare = rows[0], rows[1], rows[2 : 2 + len(kept)], rows[2 + len(kept) :]
        scalars = option_scalars(self._vocabulary, self._apart(picture), texts, bare, wanted, picture)
        return Alignment(
            encoder=self._encoder.fingerprint,
            options=kept,
            picture=picture,
            question=seen,
            texts=texts,
            scalars=scalars,
            seen=seen_features(self._vocabulary, self._apart(picture), seen, picture),
        )

    def _apart(self, picture: Array | None) -> Array | None:
        """Rows without what all pictures share, which says nothing of this one (the modality gap)."""
        mean = self._encoder.picture_mean
        if picture is None or mean is None:
            return picture
        apart = picture - mean
        scaled: Array = apart / np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-6)
        return scaled.astype(np.float32)

    def _texts(self, texts: Sequence[str]) -> Array:
        if len(self._known) > _REMEMBERED:
            self._known = {}  # not emptied: questions asked at the same time hold the old one
        known = self._known
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, self._encoder.encode_text(new), strict=True))
        return np.stack([known[text] for text in texts])
