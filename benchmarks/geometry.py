"""Geometry of embeddings: ``python -m benchmarks.geometry [--quick] [--kb FOLDER]``.

The collection is half of the knowledge base's flags and documents; in it lies the other half of them.
Outside are clip art and emoji of the concepts that train the encoder's head, and their captions. AUROC of conformity
and likelihood says how well each tells the two apart; nothing is fitted to what is outside. With the training caches at
hand, recall at 1 is held against the uncertainty of a match, on concepts that trained neither head nor adapter.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import finish
from foveate.evals.reading.rows import jsonl_rows
from foveate.ids import digest
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.geometry.conformity import Conformity
from foveate.retrievers.geometry.probabilistic import MatchUncertainty
from foveate.retrievers.geometry.reliability import auroc
from foveate.retrievers.geometry.whitening import Whitening
from foveate.retrievers.training.countries.build import build
from foveate.retrievers.training.described import Library, gather, joined
from foveate.retrievers.training.mini_head import held_out
from foveate.retrievers.training.probvlm import Pairs, measured

_GOAL = 0.85
_OUTSIDE = ("openclipart", "emoji")
_BATCH = 32

Rows = NDArray[np.float32]


def flags(encoder: MiniEncoder, base: Path) -> Rows:
    """Vectors of the flags, in an order that tells nothing; the other pictures of the base are emoji."""
    found = [path for path in (base / "pictures").glob("*.png") if not path.name.startswith("emoji-")]
    found.sort(key=lambda path: digest("geometry", path.name))
    parts = [found[start : start + _BATCH] for start in range(0, len(found), _BATCH)]
    return np.concatenate([encoder.encode_images([Image.open(path) for path in part]) for part in parts])


def documents(encoder: MiniEncoder, base: Path, count: int) -> Rows:
    """Vectors of passages, each as ingest words it."""
    rows = [row for row in jsonl_rows(base / "documents.jsonl") if row.get("file", str).endswith(".md")]
    rows.sort(key=lambda row: digest("geometry", row.get("id", str)))
    return encoder.encode_text(
        [f"{row.get('title', str)}. {' '.join(row.get('sentences', list))}" for row in rows[:count]]
    )


def told_apart(name: str, inside: Rows, outside: Rows) -> tuple[float, float]:
    """AUROC of conformity and of likelihood, fitted to the first half of ``inside``."""
    half = len(inside) // 2
    fit, held = inside[:half], inside[half:]
    common, start = Conformity.fit([fit]), time.perf_counter()
    white = Whitening.fit(fit)
    seconds = time.perf_counter() - start
    by_mean = auroc(-common.conformity(outside), -common.conformity(held))
    by_likelihood = auroc(-white.log_likelihood(outside), -white.log_likelihood(held))
    print(
        f"{name}: {half} fitted in {seconds:.2f} s, {len(held)} held out beside {len(outside)} outside; "
        f"AUROC {by_mean:.3f} by conformity, {by_likelihood:.3f} by likelihood"
    )
    return by_mean, by_likelihood


def calibration(encoder: MiniEncoder, part: Library) -> None:
    """Recall at 1 in ten bins of uncertainty."""
    common = 0.0 if encoder.picture_mean is None else encoder.picture_mean
    found = measured(MatchUncertainty.load(encoder.fingerprint), Pairs.of(part, encoder), common)
    for name, one in found.items():
        bins = " ".join(f"{value:.2f}" for value in one.recalls)
        print(f"recall at 1, {name}: -rho {one.falls:.2f}, R2 {one.r2:.2f}, AUROC {one.auroc:.3f}; bins {bins}")


def sources(encoder: MiniEncoder, cache: Path, names: Sequence[str], *, held: bool) -> Library:
    """Captioned pictures of concepts that are held out, or are not."""
    whole = joined([gather(name, cache, encoder) for name in names])
    return whole.select(np.array([held_out(concept) == held for concept in whole.concepts]))


def main() -> None:
    """Measure and print."""
    cache = platformdirs.user_cache_path("foveate") / "training"
    parser = argparse.ArgumentParser(description="geometry of embeddings")
    parser.add_argument("--quick", action="store_true", help="400 documents, 400 captions, 1,000 pictures")
    parser.add_argument("--kb", type=Path, default=platformdirs.user_cache_path("foveate") / "datasets" / "kb")
    chosen = parser.parse_args()
    if not (chosen.kb / "documents.jsonl").exists():
        build(chosen.kb, cache)
    encoder = MiniEncoder()
    outside = sources(encoder, cache, _OUTSIDE, held=False)
    order = np.random.default_rng(0).permutation(len(outside.concepts))[: 1000 if chosen.quick else None]
    captions = sorted(outside.by_caption, key=lambda caption: digest("geometry", caption))
    texts = encoder.encode_text(captions[: 400 if chosen.quick else 2000])
    pictures = encoder.from_features(outside.features[order])
    _, by_picture = told_apart("flags", flags(encoder, chosen.kb), pictures)
    by_mean, by_text = told_apart("documents", documents(encoder, chosen.kb, 400 if chosen.quick else 2000), texts)
    calibration(encoder, sources(encoder, cache, ("openclipart", "furniture", "emoji"), held=True))
    worst = min(by_picture, by_text)
    finish(
        "geometry_outside",
        worst,
        "least AUROC of likelihood",
        goal=_GOAL,
        baseline=0.5,
        higher=True,
        flags=round(by_picture, 4),
        documents=round(by_text, 4),
        documents_by_conformity=round(by_mean, 4),
    )


if __name__ == "__main__":
    main()
