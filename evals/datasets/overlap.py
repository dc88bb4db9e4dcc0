"""Overlap: pairs of evidence and claim in which shared words and entailment disagree, hand-written for this project.

``examples/overlap.jsonl`` holds ten families (swapped arguments, negation, scope, near names, comparisons turned round,
changed quantities, attribution, paraphrase, plain and irrelevant pairs), a third of each label. Nothing is trained,
tuned or selected on it.
"""

from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.datasets.sample import default_folder as examples
from foveate.evals.overlap import FAMILIES, HIGH, Item, read_items
from foveate.evals.reading.options import one_of
from foveate.evals.samples import Dataset, Document, Sample
from foveate.rerankers.reasoning.entailment import LABELS

__all__ = ["INFO", "default_folder", "read"]

_FILE = "overlap.jsonl"
_ALL = "all"

INFO = DatasetInfo(
    name="overlap",
    title="Overlap: 170 claims whose words stand in the evidence, or do not, whether or not it entails them",
    tasks=("entailment",),
    paper="none; written for this project (after HANS, McCoy, Pavlick and Linzen, ACL 2019)",
    licence="CC0-1.0",
    get="It is in the folder `examples` of the foveate repository: run from a checkout, or name it with `folder:`.",
    options={"family": f"{_ALL} (default), or one of {', '.join(FAMILIES)}"},
)


def default_folder() -> Path:
    """``examples`` of the working folder, else of the checkout that this file is in."""
    return examples()


def read(folder: Path, *, family: str = _ALL) -> Dataset:
    """Read the pairs; the evidence of a sample is its one candidate. Slices are ``family`` and ``overlap``.

    Raises:
        CallerError: an unknown family, no such file, or a wrong row.
    """
    one_of("family", family, (_ALL, *FAMILIES))
    path = folder / _FILE
    items = [item for item in read_items(path) if family in (_ALL, item.family)]
    texts = {text: f"evidence-{number:03d}" for number, text in enumerate(dict.fromkeys(one.evidence for one in items))}
    return Dataset(
        name=INFO.name if family == _ALL else f"{INFO.name}-{family}",
        samples=tuple(_sample(item, texts[item.evidence]) for item in items),
        documents=tuple(Document(id=name, text=text) for text, name in texts.items()),
        licence=INFO.licence,
        source="examples/ of the foveate repository",
    )


def _sample(item: Item, document: str) -> Sample:
    return Sample(
        id=item.id,
        text=item.claim,
        candidates=(document,),
        label=item.label,
        labels=LABELS,
        # Claims about one text share its difficulty: bootstraps must draw them together.
        group=document,
        slices={"family": item.family, "overlap": "high" if item.overlap >= HIGH else "low"},
    )
