"""Sub-image matching (ComCLIP; Jiang et al., NAACL 2024): the parts a sentence names are sought in parts of a picture.

Who, what is done and to whom each find their sub-image; the picture's vector is composed anew, these sub-images added
in proportion to how well they fit their words, and held against the whole sentence. Needs no training.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from foveate.errors import CallerError
from foveate.records import Hit, Result
from foveate.rerankers.abstain import abstention
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.parts import Role, parts_of
from foveate.rerankers.protocols import ImagePart
from foveate.rerankers.vectors import EncodeImages, EncodeText, Pictures, PictureVectors

__all__ = ["SubimageReranker", "compose", "grid"]


class SubimageReranker:
    """Half of 1 + cosine between the question and the composed picture: in [0, 1], but no probability.

    The paper cuts sub-images with a dense captioner (GRiT) and a language model that matches its boxes to words; here
    the caller cuts them (:func:`grid`, tiles, a detector's boxes), and words find theirs by cosine. Candidates without
    pictures are not judged (:mod:`foveate.rerankers.abstain`), nor is anything when the question has no words. Pictures
    of the question are not looked at.

    It does not help ``mini``, whose vectors of tiles are no better than those of wholes. Asked for "a lion next to a
    guitar" among four composed pictures (both, either, none; 60 draws of 16 sample pictures, 2 x 2 tiles) the whole
    picture is right in 0.80 and the composed one in 0.73; with two more things in each picture 0.77 and 0.77. Drawn
    shapes of the right colours the wrong way round it tells by chance (0.50 of 24; the whole 0.58). The paper's gains
    are with CLIP, whose encoders know attributes and verbs.
    """

    def __init__(self, encode_text: EncodeText, encode_images: EncodeImages, subimages: Pictures) -> None:
        """Join the encoder and the cutter.

        Args:
            encode_text: of an encoder of text and pictures.
            encode_images: of the same.
            subimages: chunk -> the whole picture, then its sub-images; nothing for a text.
        """
        self.name = "subimages"
        self._encode_text = encode_text
        self._vectors = PictureVectors(encode_images, subimages)

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Hits, best first, ties by id; below 0 for what has no picture.

        Raises:
            CallerError: a chunk given twice.
            ModelError: the encoder gave NaN.
        """
        check_distinct(results)
        scores = await asyncio.to_thread(self._scores, question, results) if results and question.strip() else {}
        return ranked([(one.chunk.id, scores.get(one.chunk.id, abstention(one))) for one in results], by=self.name)

    def _scores(self, question: str, results: Sequence[Result]) -> dict[str, float]:
        roles = parts_of(question).roles
        query, *rows = self._encode_text([question, *roles.values()])
        words = dict(zip(roles, rows, strict=True))
        return {
            name: 0.5 + 0.5 * float(compose(pictures[0], pictures[1:], words) @ query)
            for name, pictures in self._vectors.of([result.chunk for result in results]).items()
        }


def compose(
    whole: NDArray[np.float32], subimages: NDArray[np.float32], words: Mapping[Role, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The picture's vector with the sub-images that the words found, weighted by their cosines.

    An action's sub-image holds subject and object (the paper joins their boxes); here it is the mean of their vectors,
    and the whole picture where one of them is missing.

    Args:
        whole: (d) unit vector of the picture.
        subimages: (m, d) unit rows; none gives ``whole``.
        words: (d) unit vectors of the parts there are.

    Returns:
        (d) unit vector. A cosine below 0 counts nothing; where all do, it is ``whole``.
    """
    if not len(subimages) or not words:
        return whole
    found: dict[Role, NDArray[np.float32]] = {
        role: subimages[int(np.argmax(subimages @ row))] for role, row in words.items() if role != "action"
    }
    if "action" in words:
        found["action"] = _unit(found["subject"] + found["object"]) if len(found) == 2 else whole
    weights = {role: max(float(found[role] @ row), 0.0) for role, row in words.items()}
    total = sum(weights.values())
    if total == 0.0:
        return whole
    composed = whole.astype(np.float64)
    for role, weight in weights.items():
        composed = composed + weight / total * found[role]
    return _unit(composed)


def grid(image: Image, sizes: Sequence[int] = (2, 3)) -> list[Image]:
    """The whole picture, then n x n equal tiles for each n, row by row.

    Raises:
        CallerError: an n below 2.
    """
    pieces = [image]
    for size in sizes:
        if size < 2:
            raise CallerError(f"sizes holds {size!r}; allowed are whole numbers from 2")
        across, down = ([round(place * length / size) for place in range(size + 1)] for length in image.size)
        for top, bottom in pairwise(down):
            for left, right in pairwise(across):
                # A picture thinner than n pixels has empty tiles.
                if right > left and bottom > top:
                    pieces.append(image.crop((left, top, right, bottom)))
    return pieces


def _unit(row: NDArray[np.floating]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = (row / max(float(np.linalg.norm(row)), 1e-9)).astype(np.float32)
    return scaled
