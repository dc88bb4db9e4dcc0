"""What a head was trained on, and how well its predictions out of fold tell what can be answered."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.retrievers.alignment.features import OPTION, Alignment
from foveate.retrievers.alignment.figures import by_form
from foveate.retrievers.alignment.fitting import Fit
from foveate.retrievers.alignment.rows import Row

__all__ = ["TrainingCard", "figures"]

Figures = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingCard:
    """Of one training."""

    encoder: str
    """Fingerprint."""
    encoder_name: str
    rows: int
    pictures: int
    groups: int
    epochs: int
    """Of the head that was kept."""
    fit: Fit
    seconds: float
    """Of fitting, without looking at pictures."""
    figures: Figures
    """Score -> form -> AUROC out of fold of the answerable rows against those of the form."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON; an AUROC that does not exist is null."""
        return {**asdict(self), "seconds": round(self.seconds, 1), "figures": _rounded(self.figures)}

    def text(self) -> str:
        """As Markdown."""
        forms = list(next(iter(self.figures.values())))
        lines = [
            f"# Alignment head for `{self.encoder_name}`",
            "",
            f"- encoder: `{self.encoder}`",
            f"- data: {self.rows} training rows before {self.pictures} pictures, {self.groups} groups",
            f"- fit: {self.fit.projected} numbers of each correlation vector, {self.fit.hidden} hidden, "
            f"{self.epochs} epochs, seed {self.fit.seed}",
            "",
            "AUROC of answerable rows against those of a form. The head's predictions are out of fold: 5 folds by",
            "group, ended early by groups of the other folds. Of `even` one wrong option is left out of the answerable",
            "rows of three and more, so that the number of options tells nothing.",
            "",
            "| score | " + " | ".join(forms) + " |",
            "| --- |" + " --- |" * len(forms),
        ]
        for name, found in self.figures.items():
            lines.append(f"| {name} | " + " | ".join(_number(found[form]) for form in forms) + " |")
        return "\n".join(lines) + "\n"


def figures(
    rows: Sequence[Row],
    chances: NDArray[np.floating],
    alignments: Sequence[Alignment],
    even: Sequence[float],
    fewer: Sequence[Alignment],
) -> Figures:
    """The head out of fold, beside the best option's cosine, its deviations and its share alone.

    Args:
        rows: trained on.
        chances: (n, 3) out of fold.
        alignments: of the rows.
        even: (n) probability that the rows of ``fewer`` are answerable, out of fold.
        fewer: alignments with a wrong option less in answerable rows.
    """
    answerable = np.array([row.outcome == 0 for row in rows])
    forms = [row.form for row in rows]
    scores = {"head": chances[:, 0], "head, even": np.asarray(even)}
    for ending, ones in (("", alignments), (", even", fewer)):
        for column in ("cosine", "z", "share"):
            scores[f"best {column}{ending}"] = np.array([one.scalars[:, OPTION.index(column)].max() for one in ones])
    known = {name: values for name, values in scores.items() if np.isfinite(values).all()}
    return {name: by_form(values, answerable, forms) for name, values in known.items()}


def _rounded(found: Figures) -> dict[str, dict[str, float | None]]:
    return {
        name: {form: None if value is None else round(value, 4) for form, value in values.items()}
        for name, values in found.items()
    }


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
