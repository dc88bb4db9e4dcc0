"""Captions against their pictures in an encoder's space: CLIPScore and RefCLIPScore (Hessel et al., EMNLP 2021).

As in the paper, cosines below 0 count 0, the picture's is stretched by 2.5, and captions and references are prefixed
with "A photo depicts ". torchmetrics' ``CLIPScore`` is 100 times the cosine and has no prefix: of the same text it is
40 times the value here, but it cuts off below 0 the mean over samples, not each sample. Figures of different encoders
cannot be compared.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from foveate.errors import CallerError, MediaError
from foveate.evals.metrics.metric import Columns, Context, Metric
from foveate.evals.metrics.scores import abstained, open_to
from foveate.evals.samples import Output, Sample
from foveate.evals.targets.pictures import picture
from foveate.retrievers.protocols import Encoder

__all__ = ["METRICS", "PREFIX", "WEIGHT", "clip_scores", "ref_clip_scores"]

PREFIX = "A photo depicts "
WEIGHT = 2.5
_RANGE = (0.0, WEIGHT)
_BATCH = 64
"""Pictures that are held in memory at once."""
_SOURCE = "Hessel et al., EMNLP 2021"

Rows32 = NDArray[np.float32]


def clip_scores(pictures: Rows32, captions: Rows32) -> NDArray[np.float64]:
    """(n, d) and (n, d) unit rows -> (n) 2.5 * max(cosine, 0)."""
    return np.asarray(WEIGHT * np.maximum(_cosines(pictures, captions), 0.0))


def ref_clip_scores(pictures: Rows32, captions: Rows32, references: Sequence[Rows32]) -> NDArray[np.float64]:
    """Harmonic mean of CLIPScore and the caption's best cosine to a reference.

    Args:
        pictures: (n, d) unit rows.
        captions: (n, d) unit rows.
        references: n of (r, d) unit rows, r >= 1.

    Returns:
        (n) values; 0 where either part is.
    """
    seen = clip_scores(pictures, captions)
    pairs = zip(references, captions, strict=True)
    told = np.array([max(float(_cosines(rows, caption[None]).max()), 0.0) for rows, caption in pairs])
    total = seen + told
    return np.asarray(np.divide(2.0 * seen * told, total, out=np.zeros_like(total), where=total > 0))


def _cosines(one: Rows32, other: Rows32) -> NDArray[np.float64]:
    return np.asarray((one.astype(np.float64) * other.astype(np.float64)).sum(axis=1))


def _clip_rows(samples: Sequence[Sample], outputs: Sequence[Output], context: Context) -> Columns:
    values, places = _start(samples, outputs)
    for part, pictures in _batches(samples, places):
        encoder = _encoder(context)
        captions = _texts(encoder, [outputs[row].text or "" for row in part])
        values[part, 0] = clip_scores(encoder.encode_images(pictures), captions)
    return values


def _ref_rows(samples: Sequence[Sample], outputs: Sequence[Output], context: Context) -> Columns:
    values, places = _start(samples, outputs)
    told = [row for row in places if samples[row].answers]
    values[[row for row in range(len(samples)) if not samples[row].answers], 0] = np.nan
    for part, pictures in _batches(samples, told):
        encoder = _encoder(context)
        captions = _texts(encoder, [outputs[row].text or "" for row in part])
        counts = [len(samples[row].answers) for row in part]
        flat = _texts(encoder, [answer for row in part for answer in samples[row].answers])
        references = np.split(flat, np.cumsum(counts)[:-1])
        values[part, 0] = ref_clip_scores(encoder.encode_images(pictures), captions, references)
    return values


def _start(samples: Sequence[Sample], outputs: Sequence[Output]) -> tuple[Columns, list[int]]:
    """0 where the system abstained, NaN elsewhere, and the rows that have a picture and a caption."""
    values = np.full((len(samples), 1), np.nan)
    places = []
    for row, (sample, output) in enumerate(zip(samples, outputs, strict=True)):
        if sample.images and open_to(sample):
            if abstained(output):
                values[row] = 0.0
            elif output.text is not None:
                places.append(row)
    return values, places


def _batches(samples: Sequence[Sample], places: Sequence[int]) -> Iterator[tuple[list[int], list[Image]]]:
    for start in range(0, len(places), _BATCH):
        opened = [(row, image) for row in places[start : start + _BATCH] if (image := _open(samples[row].images[0]))]
        if opened:
            yield [row for row, _ in opened], [image for _, image in opened]


def _open(path: str) -> Image | None:
    try:
        return picture(path)
    except (MediaError, CallerError):
        return None  # the sample is then not scored, and counted as such


def _texts(encoder: Encoder, texts: Sequence[str]) -> Rows32:
    return encoder.encode_text([PREFIX + text for text in texts])


def _encoder(context: Context) -> Encoder:
    if context.encoder is None:
        raise CallerError("CLIPScore and RefCLIPScore need an encoder, and this run has none; name one in the suite")
    return context.encoder()


METRICS = (
    Metric(name="clipscore", title="CLIPScore", source=_SOURCE, better="higher", rows=_clip_rows, bounds=_RANGE),
    Metric(name="refclipscore", title="RefCLIPScore", source=_SOURCE, better="higher", rows=_ref_rows, bounds=_RANGE),
)
