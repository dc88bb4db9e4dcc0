"""Second-order attributions for any encoder, by covering: no gradients, no knowledge of the model.

Patch i is covered and word j left out, alone and together; the pair's interaction is s - s(-i) - s(-j) + s(-i, -j),
the second difference of Sobol-style interaction indices (Fel et al. 2021 for pictures; Janizek et al. 2021 for pairs).
For a dual encoder it is (f(x) - f(x without i)) . (g(y) - g(y without j)).
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import CallerError
from foveate.retrievers.protocols import Encoder

__all__ = ["covered", "interactions", "occlude"]


def occlude(
    encoder: Encoder, image: Image.Image, text: str, *, grid: int = 7
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Interactions of words and patches.

    Args:
        encoder: any.
        image: a picture; alpha is laid on white.
        text: a caption.
        grid: patches a side.

    Returns:
        The words and (words, grid, grid).

    Raises:
        CallerError: fewer than two words, or a grid below 2.
    """
    words = text.split()
    if len(words) < 2:
        raise CallerError(f"{text!r} has {len(words)} words; leaving one out needs two")
    if grid < 2:
        raise CallerError(f"grid is {grid!r}; it must be at least 2")
    pictures = encoder.encode_images([*covered(image, grid), _flat(image)])
    texts = encoder.encode_text([*(" ".join(words[:j] + words[j + 1 :]) for j in range(len(words))), text])
    pairs = interactions(pictures[:-1], texts[:-1], pictures[-1], texts[-1])
    return tuple(words), pairs.T.reshape(len(words), grid, grid)


def interactions(
    pictures: NDArray[np.float32], texts: NDArray[np.float32], picture: NDArray[np.float32], text: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Second differences.

    Args:
        pictures: (p, d) with one patch covered each.
        texts: (t, d) with one word left out each.
        picture: (d) whole.
        text: (d) whole.

    Returns:
        (p, t) s - s(-i) - s(-j) + s(-i, -j).
    """
    found: NDArray[np.float64] = (picture - pictures).astype(np.float64) @ (text - texts).astype(np.float64).T
    return found


def covered(image: Image.Image, grid: int) -> list[Image.Image]:
    """``grid`` x ``grid`` pictures, row by row, each with one patch in the picture's mean colour."""
    flat = np.asarray(_flat(image))
    height, width = flat.shape[:2]
    if min(height, width) < grid:
        raise CallerError(f"a picture of {width} x {height} pixels has no {grid} x {grid} patches")
    colour = flat.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    ys, xs = (np.linspace(0, length, grid + 1).round().astype(int) for length in (height, width))
    found = []
    for row in range(grid):
        for column in range(grid):
            pixels = flat.copy()
            pixels[ys[row] : ys[row + 1], xs[column] : xs[column + 1]] = colour
            found.append(Image.fromarray(pixels))
    return found


def _flat(image: Image.Image) -> Image.Image:
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, (255, 255, 255, 255)), clear).convert("RGB")
