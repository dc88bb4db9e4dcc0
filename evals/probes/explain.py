"""Heat maps of which caption words an encoder matched with which parts of a picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import CallerError, ExtraMissing
from foveate.evals.probes.attributions import Attribution, attribute, deletion, saliency
from foveate.evals.probes.captioned import Captioned, opened
from foveate.evals.probes.occlusion import occlude
from foveate.evals.probes.record import Picture, ProbeReport, Table, drawn
from foveate.evals.probes.towers import Towers, has_towers
from foveate.retrievers.encoders.open_clip import OpenClipEncoder
from foveate.retrievers.protocols import Encoder

__all__ = ["heat_maps", "probe"]

_SOURCE = (
    "Moeller, Tilli, Vu and Pado: Explaining Caption-Image Interactions in CLIP Models with Second-Order Attributions. "
    "TMLR 2025"
)
_COLUMNS = 6
_DRAWN = 8
"""Pictures that get heat maps; figures are over all."""


def probe(
    encoder: Encoder, items: Sequence[Captioned], *, layer: int = 0, steps: int = 32, grid: int = 7, seed: int = 0
) -> ProbeReport:
    """Draw what was matched with what, by gradients for open_clip transformers, by covering for all others.

    Args:
        encoder: of texts and pictures.
        items: captioned pictures.
        layer: block whose input is attributed to (gradients).
        steps: of integration (gradients).
        grid: patches a side (covering).
        seed: of the random order that deletion is compared with.

    Raises:
        CallerError: nothing to explain.
        MediaError: a picture that cannot be read.
    """
    if not items:
        raise CallerError("no captioned pictures to explain")
    images = opened(items)
    if isinstance(encoder, OpenClipEncoder) and has_towers(encoder):
        return _by_gradients(encoder, Towers(encoder, layer=layer), items, images, steps, seed)
    return _by_covering(encoder, items, images, grid)


def heat_maps(title: str, image: Image.Image, words: Sequence[str], values: NDArray[np.float64]) -> Picture:
    """The picture, then one map a word: red is for the match, blue against it, all on one scale.

    Args:
        title: for people.
        image: the picture, drawn beneath in grey.
        words: (w).
        values: (w, rows, columns).

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ExtraMissing("matplotlib", "evals") from None
    shown = image.convert("RGB")
    shown.thumbnail((192, 192))
    count = len(words) + 1
    rows = -(-count // _COLUMNS)
    figure = Figure(figsize=(2.0 * min(count, _COLUMNS), 2.1 * rows), layout="constrained")
    axes: Any = figure.subplots(rows, min(count, _COLUMNS), squeeze=False)
    scale = float(np.abs(values).max()) or 1.0
    for at, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if at < count:
            axis.imshow(shown if at == 0 else shown.convert("L"), cmap="gray")
            # parse_math: a caption's dollar signs are words, not formulas.
            axis.set_title("picture" if at == 0 else words[at - 1], fontsize=9, parse_math=False)
        if 0 < at < count:
            extent = (-0.5, shown.width - 0.5, shown.height - 0.5, -0.5)
            axis.imshow(values[at - 1], cmap="bwr", vmin=-scale, vmax=scale, alpha=0.6, extent=extent)
    return drawn(title, figure)


def _by_gradients(
    encoder: Encoder, towers: Towers, items: Sequence[Captioned], images: Sequence[Image.Image], steps: int, seed: int
) -> ProbeReport:
    found = [attribute(towers, image, item.caption, steps=steps) for image, item in zip(images, items, strict=True)]
    rng = np.random.default_rng(seed)
    falls = np.array([_deletions(towers, *pair, rng) for pair in zip(images, items, found, strict=True)])
    facts = {
        "encoder": encoder.name,
        "method": "integrated Jacobians",
        "pictures": len(items),
        "steps": steps,
        "largest_error_of_the_sum": max(one.error for one in found),
        "mean_score_under_deletion": float(falls[:, 0].mean()),
        "mean_score_under_deletion_first_order": float(falls[:, 1].mean()),
        "mean_score_under_deletion_random": float(falls[:, 2].mean()),
        "seed": seed,
    }
    notes = (
        "Deletion: patches give way to a reference without content, those that matter most first; the lower the mean "
        "score on the way, the better the order. First order is token x gradient.",
        "Only the interaction of both inputs is attributed: what the picture alone brings to every caption is not.",
    )
    return _report(facts, items, images, [(one.words, one.values) for one in found], notes)


def _by_covering(encoder: Encoder, items: Sequence[Captioned], images: Sequence[Image.Image], grid: int) -> ProbeReport:
    kept = [(item, image) for item, image in zip(items, images, strict=True) if len(item.caption.split()) > 1]
    found = [occlude(encoder, image, item.caption, grid=grid) for item, image in kept]
    facts = {
        "encoder": encoder.name,
        "method": "covering patches and leaving out words (this encoder's towers give no gradients)",
        "pictures": len(kept),
        "captions_of_one_word_left_out": len(items) - len(kept),
        "grid": grid,
    }
    notes = (
        "Covering sees one patch and one word at a time: what two patches show equally well looks unimportant in both.",
    )
    return _report(facts, [item for item, _ in kept], [image for _, image in kept], found, notes)


def _report(
    facts: dict[str, Any],
    items: Sequence[Captioned],
    images: Sequence[Image.Image],
    found: Sequence[tuple[Sequence[str], NDArray[np.float64]]],
    notes: tuple[str, ...],
) -> ProbeReport:
    rows = tuple(
        row for item, (words, values) in zip(items, found, strict=True) for row in _strongest(item, words, values)
    )
    trios = list(zip(items, images, found, strict=True))[:_DRAWN]
    return ProbeReport(
        name="attributions",
        title="Which words were matched with which parts",
        source=_SOURCE,
        facts=facts,
        tables=(
            Table(
                title="Strongest word of each picture", columns=("picture", "word", "row", "column", "share"), rows=rows
            ),
        ),
        pictures=tuple(heat_maps(f"{item.id}: {item.caption}", image, *pair) for item, image, pair in trios),
        notes=notes,
    )


def _strongest(
    item: Captioned, words: Sequence[str], values: NDArray[np.float64]
) -> list[tuple[str, str, int, int, float]]:
    """The word with the largest positive sum, its best patch, and its share of all positive sums."""
    sums = values.sum(axis=(1, 2))
    at = int(sums.argmax())
    row, column = np.unravel_index(values[at].argmax(), values[at].shape)
    total = float(sums[sums > 0].sum())
    return [(item.id, words[at], int(row), int(column), float(sums[at]) / total if total > 0 else float("nan"))]


def _deletions(
    towers: Towers, image: Image.Image, item: Captioned, found: Attribution, rng: np.random.Generator
) -> tuple[float, float, float]:
    second = found.values.sum(axis=0)
    orders = (second, saliency(towers, image, item.caption), rng.random(second.shape))
    first, base, chance = (float(deletion(towers, image, item.caption, order).mean()) for order in orders)
    return first, base, chance
