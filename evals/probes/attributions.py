"""Which caption words and picture parts a dual encoder matches: second-order attributions by integrated Jacobians.

Follows Moeller, Tilli, Vu and Pado, "Explaining Caption-Image Interactions in CLIP Models with Second-Order
Attributions" (TMLR 2025). For a similarity s(x, y) = f(x) . g(y) and references r, q

    A[i, j] = (x - r)_i^T Jf^T Jg (y - q)_j,   J = integral over a in [0, 1] of the Jacobian at r + a (x - r)

and the sum of A is s(x, y) - s(r, y) - s(x, q) + s(r, q).

Shapes: n steps, d output dimensions, p picture tokens, t text tokens, w width of a token.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.probes.towers import Tower, Towers

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Attribution", "attribute", "deletion", "saliency"]

_STEPS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribution:
    """Interactions of one picture and one caption."""

    words: tuple[str, ...]
    values: NDArray[np.float64]
    """(words, rows, columns): what each word and each patch bring to the cosine together."""
    rest: float
    """What lies on tokens that are no patch or no word: class, begin and end of the text."""
    score: float
    """Cosine of picture and caption."""
    wanted: float
    """s(x, y) - s(r, y) - s(x, q) + s(r, q), which ``values`` and ``rest`` sum to as steps grow."""

    @property
    def error(self) -> float:
        """How far the sum is off: shrinks with the number of steps."""
        return abs(float(self.values.sum()) + self.rest - self.wanted)


def attribute(towers: Towers, image: Image.Image, text: str, *, steps: int = _STEPS) -> Attribution:
    """Attribute the cosine of a picture and a text to pairs of patches and words.

    It takes one backward pass of ``steps`` inputs through each tower for every output dimension.

    Raises:
        CallerError: steps below 1, no words, or picture tokens that form no square grid.
    """
    import torch

    if steps < 1:
        raise CallerError(f"steps is {steps!r}; it must be at least 1")
    words = towers.words(text)
    if not words:
        raise CallerError(f"no words in {text!r}")
    picture, caption = towers.image(image), towers.text(text)
    pairs = (_integrated(picture, steps).T @ _integrated(caption, steps)).double().numpy()  # (p, t)
    with torch.no_grad():
        f, g, f_r, g_r = (
            rows[0].double()
            for rows in (
                picture(picture.tokens),
                caption(caption.tokens),
                picture(picture.reference),
                caption(caption.reference),
            )
        )
    first, side = _grid(pairs.shape[0])
    values = np.stack([pairs[first:, a:b].sum(axis=1).reshape(side, side) for _, a, b in words])
    return Attribution(
        words=tuple(word for word, _, _ in words),
        values=values,
        rest=float(pairs.sum() - values.sum()),
        score=float(f @ g),
        wanted=float((f - f_r) @ (g - g_r)),
    )


def saliency(towers: Towers, image: Image.Image, text: str) -> NDArray[np.float64]:
    """First-order saliency, the baseline: (token - reference) x gradient of the cosine -> (rows, columns)."""
    import torch

    picture, caption = towers.image(image), towers.text(text)
    with torch.no_grad():
        goal = caption(caption.tokens)[0]
    tokens = picture.tokens.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(picture(tokens)[0] @ goal, tokens)
    each = ((picture.tokens - picture.reference) * gradient).sum(dim=2)[0].double().numpy()
    first, side = _grid(len(each))
    grid: NDArray[np.float64] = each[first:].reshape(side, side)
    return grid


def deletion(towers: Towers, image: Image.Image, text: str, order: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cosine as patches give way to the reference, the highest of ``order`` first (Petsiuk et al. 2018).

    Args:
        towers: of the model.
        image: the picture.
        text: the caption.
        order: (rows, columns) importance.

    Returns:
        (patches + 1): with none, one, two ... patches gone. A lower mean says that the order was better.
    """
    import torch

    picture, caption = towers.image(image), towers.text(text)
    first, _ = _grid(picture.tokens.shape[1])
    ranks = np.argsort(-order.ravel(), kind="stable")
    states = picture.tokens.repeat(len(ranks) + 1, 1, 1)
    for gone, patch in enumerate(ranks, 1):
        states[gone:, first + int(patch)] = picture.reference[0, first + int(patch)]
    with torch.no_grad():
        curve: NDArray[np.float64] = (picture(states) @ caption(caption.tokens)[0]).double().numpy()
    return curve


def _integrated(tower: Tower, steps: int) -> "Tensor":
    """(d, tokens): each output dimension's integrated gradient, summed over a token's width times its difference."""
    import torch

    # Midpoints: the error falls with the square of the number of steps.
    shares = ((torch.arange(steps) + 0.5) / steps).view(-1, 1, 1).to(tower.tokens)
    span = tower.tokens - tower.reference
    points = (tower.reference + shares * span).requires_grad_(True)  # (n, tokens, w)
    rows = tower(points)  # (n, d)
    found = torch.zeros(rows.shape[1], points.shape[1], dtype=torch.float64)
    for d in range(rows.shape[1]):
        # The rows do not know of each other: one pass gives the gradient at every step.
        (gradient,) = torch.autograd.grad(rows[:, d].sum(), points, retain_graph=d + 1 < rows.shape[1])
        found[d] = (gradient.mean(dim=0) * span[0]).sum(dim=1).double()
    return found


def _grid(tokens: int) -> tuple[int, int]:
    """Position of the first patch and patches a side: patches come last, after the class token if there is one."""
    for first in (0, 1):
        side = round((tokens - first) ** 0.5)
        if side > 0 and side * side == tokens - first:
            return first, side
    raise CallerError(f"{tokens} picture tokens form no square grid of patches")
