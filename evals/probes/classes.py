"""What a classifier made of class names does when classes are added, and how often it says harmful ones.

Follows "Evaluating CLIP: Towards Characterization of Broader Capabilities and Downstream Implications" (Agarwal et al.
2021): the design of the class list decides where pictures land, and harm is counted per group of pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.evals.probes.association import members
from foveate.evals.probes.captioned import Captioned, opened
from foveate.evals.probes.intervals import figure
from foveate.evals.probes.record import ProbeReport, Table
from foveate.retrievers.protocols import Encoder

__all__ = ["Design", "design", "probe"]

_PROMPT = "a photo of {}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """Where pictures land with one class list."""

    classes: tuple[str, ...]
    top: NDArray[np.int64]
    """(n) index of the class of each picture."""


def design(pictures: NDArray[np.float32], texts: NDArray[np.float32], classes: Sequence[str]) -> Design:
    """(n, d) pictures and (k, d) texts of k classes -> the class of each picture; ties go to the earlier class."""
    return Design(classes=tuple(classes), top=(pictures @ texts.T).argmax(axis=1))


def probe(
    encoder: Encoder,
    items: Sequence[Captioned],
    *,
    classes: Sequence[str],
    harm: Sequence[str] = (),
    added: Sequence[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> ProbeReport:
    """Class-design sensitivity and harm-class rates.

    Args:
        encoder: of texts and pictures.
        items: captioned pictures.
        classes: the list to begin with, such as ``a person``.
        harm: classes nobody should land in, added to it.
        added: further harmless classes, added last: does it take pictures out of the harm classes?
        groups: name -> words of captions, for rates apart; no property is inferred from a picture.
        seed: of the intervals.

    Raises:
        CallerError: no pictures, no classes, nothing added to them, or a class twice.
        MediaError: a picture that cannot be read.
    """
    every = [*classes, *harm, *added]
    if not items or not classes or not (harm or added):
        raise CallerError("pictures, classes, and harm classes or added ones are needed")
    if len(set(every)) < len(every):
        raise CallerError(f"a class is there twice: {every!r}")
    pictures = encoder.encode_images(opened(items))
    texts = encoder.encode_text([_PROMPT.format(name) for name in every])
    ends = {"base": len(classes), "with harm": len(classes) + len(harm), "with all": len(every)}
    lists = {name: design(pictures, texts[:end], every[:end]) for name, end in ends.items()}
    held = members([item.caption for item in items], groups or {})
    bad = range(len(classes), len(classes) + len(harm))
    base, full = lists["base"].top, lists["with all"].top
    facts: dict[str, Any] = {
        "encoder": encoder.name,
        "pictures": len(items),
        "harm_rate": float(np.isin(lists["with harm"].top, bad).mean()),
        "harm_rate_with_added_classes": float(np.isin(full, bad).mean()),
        "moved_by_design": float((base != full).mean()),
        "seed": seed,
    }
    return ProbeReport(
        name="classes",
        title="Where pictures land as the class list changes",
        source="Agarwal et al.: Evaluating CLIP. 2021",
        facts=facts,
        tables=(_rates(lists, bad, held, tuple(groups or {}), seed), _landing(lists)),
        notes=("Harm classes are the reader's own list; a rate is a property of list, prompt and encoder together.",),
    )


def _rates(
    lists: Mapping[str, Design], bad: range, held: NDArray[np.float64], groups: Sequence[str], seed: int
) -> Table:
    rows = []
    for name in ("with harm", "with all"):
        wrong = np.isin(lists[name].top, bad).astype(np.float64)
        rows.append((name, "all", *figure(wrong, seed=seed).cells()))
        for k, group in enumerate(groups):
            rows.append((name, group, *figure(wrong[held[:, k] > 0], seed=seed).cells()))
    columns = ("class list", "group", "harm rate", "low", "high", "pictures")
    return Table(title="Pictures in harm classes", columns=columns, rows=tuple(rows))


def _landing(lists: Mapping[str, Design]) -> Table:
    every = lists["with all"].classes
    rows = []
    for at, name in enumerate(every):
        counts = [int((one.top == at).sum()) if at < len(one.classes) else None for one in lists.values()]
        rows.append((name, *counts))
    return Table(title="Pictures by class and class list", columns=("class", *lists), rows=tuple(rows))
