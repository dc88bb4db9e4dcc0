"""Does the order of words, or the size of things, decide what a vector of several objects is about?

Follows "CLIP Under the Microscope: A Fine-Grained Analysis of Multi-Object Representation" (Abbasi et al., CVPR 2025),
whose ComCO pictures have one enlarged object and captions of known order. Here the scenes are made of given cut-outs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.probes.captioned import Captioned, open_picture
from foveate.evals.probes.intervals import figure
from foveate.evals.probes.record import Picture, ProbeReport, Table, pictured
from foveate.evals.probes.scenes import Scene, cutout, listed, make_scenes, paint
from foveate.retrievers.protocols import Encoder

__all__ = ["Bias", "classified", "matching", "measure", "probe", "retrieved"]

_BATCH = 32
_RIDGE = 1e-2
_SHOWN = 6
Rows = NDArray[np.float32]
"""(n, d) unit rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bias:
    """What is right or wrong, scene by scene, NaN where it was not asked."""

    image: NDArray[np.float64]
    """(scenes, 4): 1 where the scene's nearest single-object picture shows the object of that rank by size."""
    text: NDArray[np.float64]
    """(scenes, 4): 1 where the caption's nearest single-object text names the object at that position."""
    classes: NDArray[np.float64]
    """(scenes, 4): 1 where a linear classifier reads the object of that rank off the picture's vector."""
    matching: NDArray[np.float64]
    """(scenes, 3): 1 where the right caption won: large object first, last, and last against a wrong one that has it
    first."""


def probe(
    encoder: Encoder,
    items: Sequence[Captioned],
    *,
    scenes: int = 240,
    sizes: Sequence[int] = (2, 3, 4),
    seed: int = 0,
) -> ProbeReport:
    """Order and size bias of an encoder over scenes made of the items that have a name.

    Args:
        encoder: of texts and pictures.
        items: objects, best with transparency; those without ``name`` and repeated names are left out.
        scenes: how many to make.
        sizes: objects a scene.
        seed: of scenes, caption orders and intervals.

    Raises:
        CallerError: fewer named objects than a scene needs.
        MediaError: a picture that cannot be read.
    """
    named: dict[str, Captioned] = {}
    for item in items:
        if item.name:
            named.setdefault(item.name, item)
    if len(named) <= max(sizes):
        raise CallerError(
            f"{len(named)} named objects; scenes of {max(sizes)} need {max(sizes) + 1}. Captions of one or two words "
            "name an object, or the column 'name' of a TSV does"
        )
    names = list(named)
    cutouts = [cutout(open_picture(item.path)) for item in named.values()]
    drawn = make_scenes(len(names), scenes, sizes=sizes, seed=seed)
    bias = measure(encoder, names, cutouts, drawn, seed=seed)
    shown = [paint(scene, cutouts) for scene in drawn[:_SHOWN]]
    return _report(encoder, names, len(items), drawn, bias, shown, seed)


def measure(
    encoder: Encoder, names: Sequence[str], cutouts: Sequence[Image.Image], scenes: Sequence[Scene], *, seed: int
) -> Bias:
    """Ask the encoder about all scenes."""
    rng = np.random.default_rng(seed + 1)
    members = [scene.objects for scene in scenes]
    # In a text nothing is large; the order is drawn anew so that it is not the order of sizes.
    orders = [tuple(int(i) for i in rng.permutation(objects)) for objects in members]
    pictures = _painted(encoder, scenes, cutouts)
    single_pictures = encoder.encode_images([_alone(image) for image in cutouts])
    captions = encoder.encode_text([listed([names[i] for i in order]) for order in orders])
    single_texts = encoder.encode_text([listed([name]) for name in names])
    return Bias(
        image=retrieved(pictures, single_pictures, members),
        text=retrieved(captions, single_texts, orders),
        classes=classified(pictures, members, len(names)),
        matching=matching(encoder, names, scenes, pictures),
    )


def retrieved(rows: Rows, singles: Rows, members: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Which member of a list the nearest single object is.

    Args:
        rows: (n, d) of scenes or captions.
        singles: (k, d) of each object alone.
        members: (n) indices of the objects, by size or by position.

    Returns:
        (n, 4): 1 at the member that came first of all objects, 0 at the others, NaN past the members.
    """
    best = (rows @ singles.T).argmax(axis=1)
    out = np.full((len(rows), 4), np.nan)
    for at, objects in enumerate(members):
        out[at, : len(objects)] = [float(best[at] == which) for which in objects]
    return out


def classified(rows: Rows, members: Sequence[Sequence[int]], objects: int) -> NDArray[np.float64]:
    """Whether a linear classifier tells the object of each rank from a scene's vector.

    One ridge classifier a rank, as the paper trains one a position; each half of the scenes is read by the one made of
    the other half.

    Returns:
        (n, 4) of 1 and 0, NaN past the members and for objects that the other half never shows at that rank.
    """
    out = np.full((len(rows), 4), np.nan)
    # Drawn, not every other one: scenes of 2, 3 and 4 objects come in turn.
    half = np.random.default_rng(0).permutation(len(rows)) % 2
    for rank in range(4):
        there = np.array([len(one) > rank for one in members], dtype=bool)
        truth = np.array([one[rank] if len(one) > rank else -1 for one in members])
        for side in (0, 1):
            train, test = there & (half != side), there & (half == side)
            seen = np.isin(truth, truth[train])
            test &= seen
            if train.any() and test.any():
                guess = _ridge(rows[train], np.eye(objects)[truth[train]], rows[test]).argmax(axis=1)
                out[test, rank] = guess == truth[test]
    return out


def matching(encoder: Encoder, names: Sequence[str], scenes: Sequence[Scene], pictures: Rows) -> NDArray[np.float64]:
    """Whether the right caption beats one in which an object is replaced by an absent one.

    Returns:
        (n, 3). Column 0: both captions begin with the large object, a small one is replaced. Column 1: the same
        captions with the large object at the end. Column 2: the right caption ends with it, the wrong one begins
        with it. A tie counts as wrong.
    """
    right_first, wrong_first, right_last, wrong_last = [], [], [], []
    for scene in scenes:
        whole = [names[i] for i in scene.objects]
        wrong = [*whole[:-1], names[scene.absent]]
        right_first.append(listed(whole))
        wrong_first.append(listed(wrong))
        right_last.append(listed(whole[::-1]))
        wrong_last.append(listed(wrong[::-1]))
    first, bad_first, last, bad_last = (
        (encoder.encode_text(texts) * pictures).sum(axis=1)
        for texts in (right_first, wrong_first, right_last, wrong_last)
    )
    return np.stack([first > bad_first, last > bad_last, last > bad_first], axis=1).astype(np.float64)


def _report(
    encoder: Encoder,
    names: Sequence[str],
    items: int,
    scenes: Sequence[Scene],
    bias: Bias,
    shown: Sequence[Image.Image],
    seed: int,
) -> ProbeReport:
    ranks = ("largest", "second", "third", "fourth")
    places = ("first", "second", "third", "fourth")
    how = ("large object first", "large object last", "right: last, wrong: first")
    small = np.nanmean(bias.image[:, 1:], axis=1)
    later = np.nanmean(bias.text[:, 1:], axis=1)
    order = figure(bias.matching[:, 0] - bias.matching[:, 2], seed=seed)
    facts = {
        "encoder": encoder.name,
        "objects": len(names),
        "items_without_a_name_of_their_own": items - len(names),
        "scenes": len(scenes),
        "size_bias": figure(bias.image[:, 0] - small, seed=seed).value,
        "order_bias": figure(bias.text[:, 0] - later, seed=seed).value,
        "matching_drop_when_order_changes": order.value,
        "matching_drop_interval": (order.low, order.high),
        "seed": seed,
    }
    return ProbeReport(
        name="multi-object",
        title="Size and order bias in scenes of several objects",
        source="Abbasi et al.: CLIP Under the Microscope. CVPR 2025 (the ComCO form)",
        facts=facts,
        tables=(
            _table("Picture retrieval: the nearest single picture is the object by size", ranks, bias.image, seed),
            _table("Picture classification: a linear classifier names the object by size", ranks, bias.classes, seed),
            _table("Text retrieval: the nearest single text is the object by position", places, bias.text, seed),
            _table("Matching: the right caption beats a wrong one", how, bias.matching, seed),
        ),
        pictures=(_sheet(shown),),
        notes=(
            "size_bias: share of scenes taken for their large object, less the mean share of a small one. order_bias: "
            "the same for the first-named object of a caption. Without bias both are 0.",
            "Intervals are over scenes; scenes share objects, so that they hold for these objects.",
        ),
    )


def _table(title: str, labels: Sequence[str], columns: NDArray[np.float64], seed: int) -> Table:
    rows = tuple((label, *figure(columns[:, i], seed=seed).cells()) for i, label in enumerate(labels))
    return Table(title=title, columns=("which", "share", "low", "high", "scenes"), rows=rows)


def _sheet(shown: Sequence[Image.Image]) -> Picture:
    side = 224
    sheet = Image.new("RGB", (side * len(shown), side), (255, 255, 255))
    for at, image in enumerate(shown):
        sheet.paste(image.resize((side - 4, side - 4)), (at * side, 0))
    return pictured("The first scenes", sheet)


def _painted(encoder: Encoder, scenes: Sequence[Scene], cutouts: Sequence[Image.Image]) -> Rows:
    rows = np.zeros((len(scenes), encoder.dim), np.float32)
    for start in range(0, len(scenes), _BATCH):
        part = [paint(scene, cutouts) for scene in scenes[start : start + _BATCH]]
        rows[start : start + len(part)] = encoder.encode_images(part)
    return rows


def _alone(image: Image.Image) -> Image.Image:
    """One object in the middle of a white square, as large as large objects are."""
    side = max(image.size)
    square = Image.new("RGB", (round(side * 1.1), round(side * 1.1)), (255, 255, 255))
    square.paste(image, ((square.width - image.width) // 2, (square.height - image.height) // 2), image)
    return square


def _ridge(rows: Rows, targets: NDArray[np.float64], others: Rows) -> NDArray[np.float64]:
    """Ridge regression by its dual form: (m, d), (m, k), (t, d) -> (t, k)."""
    middle, level = rows.mean(axis=0), targets.mean(axis=0)
    x, z = (rows - middle).astype(np.float64), (others - middle).astype(np.float64)
    weights = np.linalg.solve(x @ x.T + _RIDGE * np.eye(len(x)), targets - level)
    found: NDArray[np.float64] = z @ x.T @ weights + level
    return found
