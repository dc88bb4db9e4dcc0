"""Which words go with which groups in a captioned set, and a subsample in which they do not.

Statistics and balancing follow Alabdulmohsin et al., "CLIP the Bias: How Useful is Balancing Data in Multimodal
Learning?" (ICLR 2024). Groups and labels are words that stand in the captions, or are given: nothing about people is
guessed from pictures.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.evals.probes.balancing import balance, subsample
from foveate.evals.probes.captioned import Captioned, opened
from foveate.evals.probes.features import words_of
from foveate.evals.probes.record import Cell, ProbeReport, Table
from foveate.retrievers.protocols import Encoder

__all__ = ["association", "members", "probe", "representation"]

Array = NDArray[np.float64]
Words = Mapping[str, Sequence[str]]


def members(captions: Sequence[str], words: Words) -> Array:
    """(n) captions and k names with their words -> (n, k): 1 where a caption has one of the words, as a whole word."""
    table = np.zeros((len(captions), len(words)))
    for at, caption in enumerate(captions):
        there = set(words_of(caption))
        table[at] = [any(word.lower() in there for word in listed) for listed in words.values()]
    return table


def representation(groups: Array, weights: Array) -> Array:
    """First moments: (n, g), (n) -> (g) each group's share of the rows that name any; NaN where none does.

    A row that names two groups counts half for each.
    """
    total = groups.sum(axis=1, keepdims=True)
    shared = np.divide(groups, total, out=np.zeros_like(groups), where=total > 0)
    mass = weights @ shared
    whole = float(mass.sum())
    return mass / whole if whole > 0 else np.full(groups.shape[1], np.nan)


def association(groups: Array, labels: Array, weights: Array) -> Array:
    """Second moments: (n, g), (n, r), (n) -> (g, r) P(label | group) - P(label | any group); NaN for an empty group."""
    total = groups.sum(axis=1, keepdims=True)
    shared = np.divide(groups, total, out=np.zeros_like(groups), where=total > 0) * weights[:, None]
    mass = shared.sum(axis=0)
    if not mass.sum() > 0:
        return np.full((groups.shape[1], labels.shape[1]), np.nan)
    overall = (shared.sum(axis=1) @ labels) / mass.sum()
    with np.errstate(invalid="ignore"):
        found: Array = (shared.T @ labels) / np.where(mass > 0, mass, np.nan)[:, None] - overall
    return found


def probe(
    encoder: Encoder | None,
    items: Sequence[Captioned],
    *,
    groups: Words,
    labels: Words,
    share: float = 0.5,
    target: Sequence[float] | None = None,
    seed: int = 0,
) -> ProbeReport:
    """The association report of a captioned set, before and after balancing; and the encoder's own association.

    Args:
        encoder: scores pictures of each group against ``a photo of LABEL``; None leaves that out.
        items: captioned pictures.
        groups: name of a group -> words that name it.
        labels: name of an attribute -> words that name it.
        share: part of the set to keep.
        target: wanted shares of the groups, in order; equal if None.
        seed: of the subsample.

    Raises:
        CallerError: no group or label, fewer than two groups, or no caption that names a group.
        MediaError: a picture that cannot be read.
    """
    if len(groups) < 2 or not labels:
        raise CallerError(f"{len(groups)} groups and {len(labels)} labels; two groups and one label are needed")
    captions = [item.caption for item in items]
    who, what = members(captions, groups), members(captions, labels)
    if not who.any():
        raise CallerError(f"no caption names a group; the words are {', '.join(_listed(groups))}")
    weights = balance(who, what, target=None if target is None else np.asarray(target, dtype=float), share=share)
    sample = np.zeros(len(items))
    sample[subsample(weights, alike=_cells(who, what), seed=seed)] = 1.0
    states = {"before": np.ones(len(items)), "weighted": weights, "subsample": sample}
    tables = [_first(groups, who, states), _second(groups, labels, who, what, states)]
    if encoder is not None:
        tables.append(_model(encoder, items, groups, labels, who))
    return ProbeReport(
        name="association",
        title="Which words go with which groups",
        source="Alabdulmohsin et al.: CLIP the Bias: How Useful is Balancing Data in Multimodal Learning? ICLR 2024",
        facts=_facts(encoder, states, who, what, share, seed),
        tables=tuple(tables),
        notes=(
            "Groups are words of the captions, as someone wrote them; no property of a person is inferred from a "
            "picture. Captions that name no group are outside these figures, and balancing keeps or drops them freely.",
            "A gap between groups in a small set is often chance: read it beside the counts.",
        ),
    )


def _facts(
    encoder: Encoder | None, states: Mapping[str, Array], who: Array, what: Array, share: float, seed: int
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "encoder": encoder.name if encoder else None,
        "captions": len(who),
        "captions_that_name_a_group": int((who.sum(axis=1) > 0).sum()),
        "share_wanted": share,
        "share_kept": float(states["weighted"].mean()),
        "in_subsample": int(states["subsample"].sum()),
    }
    for name, weights in states.items():
        shares, gaps = representation(who, weights), association(who, what, weights)
        facts[f"representation_gap_{name}"] = float(shares.max() - shares.min())
        known = not np.isnan(gaps).all()
        facts[f"association_gap_{name}"] = float(np.nanmax(np.abs(gaps))) if known else float("nan")
    return facts | {"seed": seed}


def _first(groups: Words, who: Array, states: Mapping[str, Array]) -> Table:
    shares = [representation(who, weights) for weights in states.values()]
    rows: list[tuple[Cell, ...]] = []
    for k, name in enumerate(groups):
        rows.append((name, int(who[:, k].sum()), *(float(each[k]) for each in shares)))
    return Table(title="Representation: share of each group", columns=("group", "captions", *states), rows=tuple(rows))


def _second(groups: Words, labels: Words, who: Array, what: Array, states: Mapping[str, Array]) -> Table:
    gaps = [association(who, what, weights) for weights in states.values()]
    rows: list[tuple[Cell, ...]] = []
    for k, group in enumerate(groups):
        for r, label in enumerate(labels):
            both = int((who[:, k] * what[:, r]).sum())
            rows.append((group, label, both, *(float(each[k, r]) for each in gaps)))
    title = "Association: P(label | group) - P(label | any group)"
    return Table(title=title, columns=("group", "label", "captions", *states), rows=tuple(rows))


def _model(encoder: Encoder, items: Sequence[Captioned], groups: Words, labels: Words, who: Array) -> Table:
    """Mean cosine of each group's pictures with each label, less that of all groups' pictures."""
    named = np.flatnonzero(who.sum(axis=1) > 0)
    pictures = encoder.encode_images(opened([items[int(i)] for i in named]))
    texts = encoder.encode_text([f"a photo of {label}" for label in labels])
    scores = (pictures @ texts.T).astype(np.float64)
    rows: list[tuple[Cell, ...]] = []
    for k, group in enumerate(groups):
        mine = who[named, k] > 0
        for r, label in enumerate(labels):
            gap = float(scores[mine, r].mean() - scores[:, r].mean()) if mine.any() else float("nan")
            rows.append((group, label, int(mine.sum()), gap))
    title = f"The encoder's association: cosine of a group's pictures with a label, less that of all ({encoder.name})"
    return Table(title=title, columns=("group", "label", "pictures", "difference"), rows=tuple(rows))


def _cells(who: Array, what: Array) -> NDArray[np.int64]:
    """(n) number of each row's pattern of groups and labels."""
    return np.unique(np.concatenate([who, what], axis=1), axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _listed(words: Words) -> list[str]:
    return [repr(word) for listed in words.values() for word in listed]
