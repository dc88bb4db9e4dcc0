"""From captioned pictures to features.

One plain view of each, and changed ones so that a head learns to ignore background, framing, mirror image
and tone.
"""

import io
import logging
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import ExtraMissing
from foveate.retrievers.encoders.backbones import EfficientNetLite0, square
from foveate.retrievers.training.captioned import Captioned

__all__ = ["changed", "features", "opened"]

_LOG = logging.getLogger(__name__)
_RENDER_PX = 256
_MAX_PIXELS = 40_000_000  # one clip-art PNG has 231 million
_BATCH = 64


def opened(item: Captioned) -> Image.Image | None:
    """RGBA picture of at most 256 px a side, or None if it is broken, huge, tiny or empty."""
    raw = item.data.read_bytes() if isinstance(item.data, Path) else item.data
    try:
        image = Image.open(io.BytesIO(_rendered(raw) if item.suffix == ".svg" else raw))
        if image.width * image.height > _MAX_PIXELS or min(image.size) < 24:
            return None
        clear = image.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        _LOG.info("left out %s: %s", item.captions[0], error)
        return None
    scale = _RENDER_PX / max(clear.size)
    size = (max(1, round(clear.width * scale)), max(1, round(clear.height * scale)))
    small = clear.resize(size, Image.Resampling.LANCZOS)
    return small if (np.asarray(small)[..., 3] > 16).sum() >= 200 else None


def changed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random view of an RGBA picture: background, mirror, turn, frame, contrast, grey."""
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.5:
        image = image.rotate(float(rng.uniform(-15, 15)), Image.Resampling.BICUBIC)
    half = float(rng.uniform(0.7, 1.15)) * _RENDER_PX / 2
    x, y = image.width / 2 + float(rng.uniform(-20, 20)), image.height / 2 + float(rng.uniform(-20, 20))
    framed = image.crop((int(x - half), int(y - half), int(x + half), int(y + half)))
    shade = (255, 255, 255) if rng.random() < 0.4 else tuple(int(v) for v in rng.integers(0, 256, 3))
    flat = Image.alpha_composite(Image.new("RGBA", framed.size, (*shade, 255)), framed).convert("RGB")
    values = np.asarray(flat, dtype=np.float32)
    values = (values - 127) * float(rng.uniform(0.7, 1.2)) + 127 + float(rng.uniform(-20, 20))
    if rng.random() < 0.1:
        values = np.repeat(values.mean(axis=-1, keepdims=True), 3, axis=-1)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def features(
    folder: Path, items: Sequence[Captioned], views: int, kept: Path, seed: int = 0
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Yield (index of the item, number of the view, (1280) features) in order; view 0 is the plain one.

    Args:
        folder: where the networks are.
        items: what to look at.
        views: how many of each.
        kept: folder of parts that are done, so that a run that was cut short goes on where it was.
        seed: of the changed views; an item's depend on its index alone, not on who handles it.
    """
    kept.mkdir(parents=True, exist_ok=True)
    parts = {start: items[start : start + _BATCH] for start in range(0, len(items), _BATCH)}
    files = {start: kept / f"{start:06d}.npz" for start in parts}
    left = [start for start in parts if not files[start].exists()]
    # Spawned: a forked process hangs in the parent's OpenMP pool.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        tasks = [pool.submit(_look, folder, parts[start], start, views, seed, files[start]) for start in left]
        for count, task in enumerate(as_completed(tasks), start=1):
            task.result()
            _LOG.info("%s: %d of %d parts", kept.name, count, len(left))
    for file in files.values():
        with np.load(file, allow_pickle=False) as part:
            yield from ((int(at), int(view), row) for (at, view), row in zip(part["keys"], part["rows"], strict=True))


def _look(folder: Path, items: Sequence[Captioned], start: int, views: int, seed: int, file: Path) -> None:
    keys: list[tuple[int, int]] = []
    pixels: list[NDArray[np.uint8]] = []
    for index, item in enumerate(items, start):
        image = opened(item)
        if image is not None:
            rng = np.random.default_rng((seed, index))
            keys += [(index, view) for view in range(views)]
            pixels += [square(changed(image, rng) if view else image) for view in range(views)]
    unfinished = file.with_suffix(".part.npz")
    np.savez(unfinished, keys=np.array(keys).reshape(-1, 2), rows=_network(folder).pooled(pixels))
    unfinished.rename(file)


@lru_cache(maxsize=1)
def _network(folder: Path) -> EfficientNetLite0:
    # One thread each: a process a core renders and looks at once, and no thread waits for another.
    torch.set_num_threads(1)
    return EfficientNetLite0(folder / "efficientnet_lite0.safetensors")


def _rendered(svg: bytes) -> bytes:
    try:
        import resvg_py
    except ImportError as error:
        raise ExtraMissing("resvg-py", "train") from error
    return bytes(resvg_py.svg_to_bytes(svg_string=svg.decode("utf-8", "replace"), width=_RENDER_PX))
