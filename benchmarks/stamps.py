"""Text-to-picture search over Tux Paint's stamps: ``python -m benchmarks.stamps [--quick]``.

Each of the 785 English captions is a query, the gallery is the 785 pictures with captions hidden. 674 captions
are distinct (six stamps are "A flower."). Two rules: any picture with the query's caption counts (``r1``,
``r10``), or the query's own picture alone (``r1_strict``, ``r10_strict``). ConSE (Norouzi et
al. 2014) over the same two networks is the baseline, from the same pass. ``--quick`` takes every fifth stamp
as gallery and queries unless the vectors of all are cached: the easier, smaller gallery is said so in its
line and must not be compared with the full one.
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
from foveate.evals.datasets.stamps import Stamp, fetch_stamps, read_stamps
from foveate.retrievers.encoders.mini import MiniEncoder

_GOAL_R10 = 0.35
_BATCH = 64
_CUTS = (1, 5, 10)

Vectors = NDArray[np.float32]


def recalls(queries: Vectors, gallery: Vectors, captions: Sequence[str], strict: bool = False) -> dict[int, float]:
    """Share of queries with a right picture among the best 1, 5, 10; ties count against.

    Right is any picture of the query's caption, or with ``strict`` the query's own alone.
    """
    scores = queries @ gallery.T  # (n, n)
    names = np.array(captions)
    right = np.eye(len(names), dtype=bool) if strict else names[:, None] == names[None, :]
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    ranks = 1 + ((scores >= best) & ~right).sum(axis=1)  # 1 is best; a tied stranger stands before
    return {cut: float((ranks <= cut).mean()) for cut in _CUTS}


def pictures(encoder: MiniEncoder, stamps: Sequence[Stamp]) -> tuple[Vectors, Vectors]:
    """(n, dim) vectors of the encoder and (n, 384) of ConSE."""
    ours, conse = [], []
    for start in range(0, len(stamps), _BATCH):
        opened = [Image.open(stamp.path) for stamp in stamps[start : start + _BATCH]]
        features = encoder.features(opened)
        ours.append(encoder.from_features(features))
        conse.append(encoder.conse(features))
        for image in opened:
            image.close()
    return np.concatenate(ours), np.concatenate(conse)


def cached(encoder: MiniEncoder) -> Path:
    """Where the pictures' vectors are kept; the encoder's fingerprint is the key."""
    return platformdirs.user_cache_path("foveate") / "benchmarks" / f"stamps-{encoder.fingerprint}.npz"


def measure(
    encoder: MiniEncoder, stamps: Sequence[Stamp], quick: bool
) -> tuple[dict[str, dict[int, float]], int, float]:
    """Recalls of ``conse``, ``mini`` and their ``_strict`` twins, number of stamps, pictures a second (0: cached)."""
    store, rate = cached(encoder), 0.0
    if quick and not store.exists():
        stamps = stamps[::5]
    if quick and store.exists():
        with np.load(store, allow_pickle=False) as kept:
            ours, conse = kept["ours"], kept["conse"]
    else:
        begun = time.perf_counter()
        ours, conse = pictures(encoder, stamps)
        rate = len(stamps) / (time.perf_counter() - begun)
        if not quick:
            store.parent.mkdir(parents=True, exist_ok=True)
            np.savez(store, ours=ours, conse=conse)
    captions = [stamp.caption for stamp in stamps]
    plain = encoder.encode_minilm(captions)
    sides = {"conse": (plain, conse), "mini": (encoder.from_minilm(plain), ours)}
    found = {name: recalls(*pair, captions) for name, pair in sides.items()}
    found |= {f"{name}_strict": recalls(*pair, captions, strict=True) for name, pair in sides.items()}
    return found, len(stamps), rate


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="text-to-picture search over Tux Paint's stamps")
    parser.add_argument("--quick", action="store_true", help="cached features, or every fifth stamp")
    parser.add_argument("--stamps", type=Path, help="folder of stamps; fetched from Debian if not given")
    chosen = parser.parse_args()
    folder = chosen.stamps or fetch_stamps(platformdirs.user_cache_path("foveate") / "datasets")
    encoder = MiniEncoder()
    found, count, rate = measure(encoder, read_stamps(folder), chosen.quick)
    speed = f"{rate:.1f} pictures/s" if rate else "vectors of the pictures from the cache"
    print(f"{count} stamps, dim {encoder.dim}, {speed}")
    for name, row in found.items():
        print(f"  {name:12}" + "".join(f"  R@{cut} {value:.3f}" for cut, value in row.items()))
    keyed = {
        f"{prefix}r{cut}{rule}": round(found[f"{name}{rule}"][cut], 4)
        for prefix, name in (("", "mini"), ("conse_", "conse"))
        for rule in ("", "_strict")
        for cut in (1, 10)
    }
    finish(
        "stamps_text_to_picture" if count > 200 else "stamps_text_to_picture_every_fifth",
        found["mini"][10],
        "R@10",
        goal=_GOAL_R10,
        baseline=round(found["conse"][10], 4),
        higher=True,
        **keyed,
        stamps=count,
        dim=encoder.dim,
    )


if __name__ == "__main__":
    main()
