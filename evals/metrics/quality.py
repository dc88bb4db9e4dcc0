"""What a picture looks like, from pairs of opposite prompts: CLIP-IQA (Wang, Chan and Loy, AAAI 2023).

Each attribute has two prompts; the value is the softmax over the picture's cosines to the two, at the temperature CLIP
was trained to. Prompts are those of torchmetrics' ``CLIPImageQualityAssessment``. The paper's own model leaves out
position embeddings; here the encoder is taken as it is, which torchmetrics does too for models of the hub.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from foveate.errors import CallerError
from foveate.retrievers.protocols import Encoder

__all__ = ["PROMPTS", "TEMPERATURE", "antonym_shares", "picture_quality"]

TEMPERATURE = 0.01
PROMPTS: Mapping[str, tuple[str, str]] = {
    name: (f"{more} photo.", f"{less} photo.")
    for name, more, less in (
        ("quality", "Good", "Bad"),
        ("brightness", "Bright", "Dark"),
        ("noisiness", "Clean", "Noisy"),
        ("colorfulness", "Colorful", "Dull"),
        ("sharpness", "Sharp", "Blurry"),
        ("contrast", "High contrast", "Low contrast"),
        ("complexity", "Complex", "Simple"),
        ("natural", "Natural", "Synthetic"),
        ("happy", "Happy", "Sad"),
        ("scary", "Scary", "Peaceful"),
        ("new", "New", "Old"),
        ("warm", "Warm", "Cold"),
        ("real", "Real", "Abstract"),
        ("beautiful", "Beautiful", "Ugly"),
        ("lonely", "Lonely", "Sociable"),
        ("relaxing", "Relaxing", "Stressful"),
    )
}
"""Attribute -> what has it, what has its opposite. High noisiness is a clean picture, as published."""


def antonym_shares(
    pictures: NDArray[np.float32],
    positive: NDArray[np.float32],
    negative: NDArray[np.float32],
    temperature: float = TEMPERATURE,
) -> NDArray[np.float64]:
    """Softmax over each pair of opposite prompts.

    Args:
        pictures: (n, d) unit rows.
        positive: (p, d) unit rows.
        negative: (p, d) unit rows.
        temperature: what cosines are divided by.

    Returns:
        (n, p) in (0, 1): 0.5 where a picture lies between the two.
    """
    rows = pictures.astype(np.float64)
    gap = (rows @ positive.astype(np.float64).T - rows @ negative.astype(np.float64).T) / temperature
    # The logistic function of the difference, through tanh: exp would overflow far from 0.
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * gap)))


def picture_quality(
    encoder: Encoder, images: Sequence[Image], attributes: Sequence[str] = tuple(PROMPTS)
) -> dict[str, NDArray[np.float64]]:
    """CLIP-IQA of pictures.

    Args:
        encoder: any; figures of different ones cannot be compared.
        images: n pictures.
        attributes: names in :data:`PROMPTS`.

    Returns:
        Attribute -> (n) values in (0, 1).

    Raises:
        CallerError: an unknown attribute, with the choices.
    """
    for name in attributes:
        if name not in PROMPTS:
            raise CallerError(f"attribute {name!r} is none of: {', '.join(PROMPTS)}")
    if not images or not attributes:
        return {name: np.zeros(0) for name in attributes}
    positive, negative = (encoder.encode_text([PROMPTS[name][side] for name in attributes]) for side in (0, 1))
    shares = antonym_shares(encoder.encode_images(images), positive, negative)
    return dict(zip(attributes, shares.T, strict=True))
