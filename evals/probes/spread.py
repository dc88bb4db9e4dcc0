"""Gap and variety of a captioned set in an encoder's space."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.metrics.diversity import prompt_map, rke, scendi, schur_entropy, vendi, without_prompt
from foveate.evals.metrics.gap import closeness, kinship, mean_distance, separability
from foveate.evals.probes.captioned import Captioned, opened
from foveate.evals.probes.features import nearest
from foveate.evals.probes.record import Picture, ProbeReport, Table, pictured
from foveate.retrievers.protocols import Encoder

__all__ = ["probe_diversity", "probe_gap"]

_NEIGHBOURS = (1, 5, 10)
_FOLDS = 5
_SHOWN = 6
_PX = 160


def probe_gap(encoder: Encoder, items: Sequence[Captioned], *, seed: int = 0) -> ProbeReport:
    """How far apart an encoder keeps captions and pictures, and what mixed search loses by it.

    Args:
        encoder: of texts and pictures.
        items: at least two captioned pictures.
        seed: of cross-validation.

    Raises:
        CallerError: fewer than two items.
        MediaError: a picture that cannot be read.
        ExtraMissing: scikit-learn is not installed.
    """
    texts, pictures = _rows(encoder, items)
    near = closeness(pictures, texts)
    facts: dict[str, Any] = {
        "encoder": encoder.name,
        "pairs": len(items),
        "distance_of_means": mean_distance(pictures, texts),
        "separability": separability(pictures, texts, seed=seed) if len(items) >= _FOLDS else float("nan"),
        "cosine_of_pairs": near.matched,
        "cosine_of_others": near.unmatched,
        "seed": seed,
    }
    rows = []
    for name, own, other in (("captions", texts, pictures), ("pictures", pictures, texts)):
        for k in _NEIGHBOURS:
            if k < 2 * len(items):
                kin = kinship(own, own, other, k, among=True)
                rows.append((name, k, kin.share, kin.base, kin.bias))
    columns = ("queries", "neighbours", "of the own kind", "without bias", "bias")
    return ProbeReport(
        name="gap",
        title="The gap between captions and pictures",
        source="Liang et al.: Mind the Gap. NeurIPS 2022",
        facts=facts,
        tables=(Table(title="What is found in a collection of both", columns=columns, rows=tuple(rows)),),
        notes=(
            "separability: accuracy of a plane at telling captions from pictures; 0.5 is no gap, 1 is two worlds.",
            "bias: how much more often the nearest neighbours are of the query's own kind than by chance; 1 is none. "
            "Captions of one collection are alike in style, which counts here as well.",
        ),
    )


def probe_diversity(encoder: Encoder, items: Sequence[Captioned], *, seed: int = 0) -> ProbeReport:
    """How varied pictures are, whole and apart from what their captions say; the most alike ones are shown.

    Raises:
        CallerError: fewer than two items.
        MediaError: a picture that cannot be read.
    """
    del seed  # nothing is drawn
    texts, pictures = _rows(encoder, items)
    enough = len(items) > texts.shape[1]
    left = schur_entropy(pictures, texts) if enough else float("nan")
    facts: dict[str, Any] = {
        "encoder": encoder.name,
        "pairs": len(items),
        "vendi": vendi(pictures),
        "rke": rke(pictures),
        "vendi_of_captions": vendi(texts),
        "schur_complement_entropy_nats": left,
        "scendi": scendi(pictures, texts) if enough else float("nan"),
        "vendi_without_prompt": _bare(pictures, texts) if enough else float("nan"),
    }
    alike = nearest(pictures, len(items))
    order = np.argsort(-alike, kind="stable")[:_SHOWN]
    rows = tuple((items[i].id, items[i].caption, float(alike[i])) for i in order)
    columns = ("picture", "caption", "cosine with its nearest")
    return ProbeReport(
        name="diversity",
        title="How varied the pictures are",
        source="Friedman and Dieng: The Vendi Score. TMLR 2023; Ospanov, Jalali and Farnia: Scendi. ICCV 2025",
        facts=facts,
        tables=(Table(title="Most alike", columns=columns, rows=rows),),
        pictures=(_strip([items[i] for i in order]),),
        notes=(
            "vendi and rke count: as many as that many pictures that have nothing in common. They depend on the "
            "encoder: compare sets, never encoders.",
            f"Figures that take the captions away need more pairs than the encoder has dimensions ({texts.shape[1]}); "
            "with fewer they are unknown.",
        ),
    )


def _bare(pictures: NDArray[np.float32], texts: NDArray[np.float32]) -> float:
    return vendi(without_prompt(pictures, texts, prompt_map(pictures, texts)))


def _rows(encoder: Encoder, items: Sequence[Captioned]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if len(items) < 2:
        raise CallerError(f"{len(items)} captioned pictures; at least two are needed")
    return encoder.encode_text([item.caption for item in items]), encoder.encode_images(opened(items))


def _strip(items: Sequence[Captioned]) -> Picture:
    sheet = Image.new("RGB", (_PX * len(items), _PX), (255, 255, 255))
    for at, image in enumerate(opened(items, longest_px=_PX - 4)):
        sheet.paste(image, (at * _PX, 0), image)
    return pictured("Most alike, the closest first", sheet)
