"""Trains a head on rows of questions: cross-fitted by group, so that every row gets a prediction made without it."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from foveate.errors import CallerError, MediaError
from foveate.ids import digest
from foveate.media.formats import HEAD_BYTES, sniff
from foveate.media.images import fitted, open_image, upright
from foveate.media.pieces import Limits
from foveate.memory.durable import write_durably
from foveate.retrievers.alignment.card import TrainingCard, figures
from foveate.retrievers.alignment.features import Alignment
from foveate.retrievers.alignment.fitting import Fit, batch, fit
from foveate.retrievers.alignment.head import OUTCOMES, AlignmentHead
from foveate.retrievers.alignment.rows import Row, read_rows
from foveate.retrievers.alignment.vectors import Aligner
from foveate.retrievers.alignment.wording import depictable
from foveate.retrievers.protocols import Encoder

__all__ = ["CARD", "FOLDS", "HEAD", "OUT_OF_FOLD", "Trained", "align_rows", "folds", "train", "train_answerability"]

FOLDS = 5
HEAD = "head.safetensors"
OUT_OF_FOLD = "out-of-fold.jsonl"
CARD = "card.md"
_HELD = 6
"""One in so many groups of the others decides when a fit ends."""
_FROM = 3
"""Options of a question from which one can be left out."""
_LONGEST_PX = 640
_PICTURE_BYTES = 64 << 20
_LOOKING = 0.7
"""Share of the progress that embedding takes."""

Tell = Callable[[float, str], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """What a training gives."""

    head: AlignmentHead
    """Fitted to all rows."""
    out_of_fold: NDArray[np.float32]
    """(rows, 3) probabilities of OUTCOMES, each by a head that knows no row of the same group."""
    card: TrainingCard


def train_answerability(
    encoder: Encoder,
    data: Path,
    out: Path,
    *,
    how: Fit | None = None,
    minutes: float | None = None,
    tell: Tell | None = None,
) -> TrainingCard:
    """Train on a file's rows and write ``head.safetensors``, ``out-of-fold.jsonl`` and ``card.md`` to a folder.

    Args:
        encoder: of pictures and texts; the head is for it alone.
        data: see :func:`foveate.retrievers.alignment.rows.read_rows`.
        out: the folder; made where there is none.
        how: settings of the fit.
        minutes: end fitting after so many.
        tell: is told the share that is done, and a line.

    Raises:
        CallerError: a wrong row, too few groups, or a picture that cannot be read.
        ExtraMissing: without torch.
        ServiceError: the folder cannot be written.
    """
    rows = read_rows(data)
    _check_groups(rows)
    shown = tell or (lambda share, line: None)
    trained = train(encoder, rows, align_rows(encoder, rows, shown), how or Fit(), minutes, shown)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallerError(f"no folder can be made at {str(out)!r}: {error.strerror or error}") from None
    trained.head.save(out / HEAD)
    lines = "".join(
        json.dumps({"id": row.id, **dict(zip(OUTCOMES, chances.tolist(), strict=True))}) + "\n"
        for row, chances in zip(rows, trained.out_of_fold.astype(float).round(6), strict=True)
    )
    write_durably(out / OUT_OF_FOLD, lambda stream: stream.write(lines.encode()))
    write_durably(out / CARD, lambda stream: stream.write(trained.card.text().encode()))
    return trained.card


def train(
    encoder: Encoder,
    rows: Sequence[Row],
    alignments: Sequence[Alignment],
    how: Fit,
    minutes: float | None = None,
    tell: Tell = lambda share, line: None,
) -> Trained:
    """The same with alignments at hand.

    Every fold's fit ends by the loss of groups that are neither its own nor learnt from; the last fit learns from all
    rows for as many epochs as the folds took at the median.
    """
    began = time.monotonic()
    _check_groups(rows)
    right = [_right(row) for row in rows]
    whole = batch(alignments, right, [row.outcome for row in rows])
    fewer = [_fewer(one, true) for one, true in zip(alignments, right, strict=True)]
    fold = folds([row.group for row in rows], FOLDS)
    chances = np.full((len(rows), len(OUTCOMES)), np.nan, np.float32)
    even = [0.0] * len(rows)
    epochs = []
    for number in range(FOLDS):
        others, own = np.flatnonzero(fold != number).tolist(), np.flatnonzero(fold == number).tolist()
        held = folds([rows[at].group for at in others], _HELD) == number
        tensors, epoch = fit(
            whole.rows(np.array(others)[~held]), whole.rows(np.array(others)[held]), how, seconds=_seconds(minutes)
        )
        epochs.append(epoch)
        head = _head(tensors, encoder)
        chances[own] = [[*head(alignments[at]).values()] for at in own]
        for at in own:
            even[at] = head(fewer[at])[OUTCOMES[0]]
        tell(_LOOKING + (1 - _LOOKING) * (number + 1) / (FOLDS + 1), f"fold {number + 1} of {FOLDS}: epoch {epoch}")
    last = int(np.median(epochs))
    tensors, _ = fit(whole, None, how, epochs=last, seconds=_seconds(minutes))
    card = TrainingCard(
        encoder=encoder.fingerprint,
        encoder_name=encoder.name,
        rows=len(rows),
        pictures=len({row.picture for row in rows}),
        groups=len({row.group for row in rows}),
        epochs=last,
        fit=how,
        seconds=time.monotonic() - began,
        figures=figures(rows, chances, alignments, even, fewer),
    )
    return Trained(head=_head(tensors, encoder), out_of_fold=chances, card=card)


def align_rows(encoder: Encoder, rows: Sequence[Row], tell: Tell = lambda share, line: None) -> list[Alignment]:
    """Alignments of all rows; each picture is looked at once.

    Raises:
        CallerError: a picture that cannot be read.
    """
    aligner = Aligner(encoder)
    looks = {}
    pictures = list(dict.fromkeys(row.picture for row in rows))
    for number, path in enumerate(pictures):
        looks[path] = aligner.look(_opened(path))
        tell(_LOOKING * (number + 1) / len(pictures), f"{number + 1} of {len(pictures)} pictures")
    return [aligner.of(looks[row.picture], row.question, row.options) for row in rows]


def folds(groups: Sequence[str], count: int) -> NDArray[np.intp]:
    """(n) fold of each row: groups stay whole, folds get as many rows as that allows, hashes decide between equals."""
    sizes = {group: groups.count(group) for group in set(groups)}
    filled = np.zeros(count, np.intp)
    place = {}
    for group in sorted(sizes, key=lambda group: (-sizes[group], digest("alignment fold", group))):
        place[group] = int(filled.argmin())
        filled[place[group]] += sizes[group]
    return np.array([place[group] for group in groups], np.intp)


def _right(row: Row) -> str | None:
    """The right option as an alignment writes it; None where none is, or no picture could show it."""
    return None if row.choice is None else next(iter(depictable([row.options[row.choice]])), None)


def _fewer(one: Alignment, right: str | None) -> Alignment:
    """Without a wrong option, drawn by hash, where that leaves two or more and one is right."""
    wrong = [option for option in one.options if option != right]
    if right not in one.options or len(one.options) < _FROM:
        return one
    return one.without(one.options.index(min(wrong, key=lambda option: digest("fewer", *one.options, option))))


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else 60.0 * minutes / (FOLDS + 1)


def _head(tensors: dict[str, NDArray[np.float32]], encoder: Encoder) -> AlignmentHead:
    return AlignmentHead(tensors=tensors, encoder=encoder.fingerprint, encoder_name=encoder.name)


def _check_groups(rows: Sequence[Row]) -> None:
    groups = len({row.group for row in rows})
    if groups < 2 * FOLDS:
        raise CallerError(f"{groups} groups among the training rows; at least {2 * FOLDS} are needed for {FOLDS} folds")


def _opened(path: Path) -> Image:
    try:
        with path.open("rb") as stream:
            form = sniff(stream.read(HEAD_BYTES), path.name)
            stream.seek(0)
            with open_image(stream, form, Limits(file_bytes=_PICTURE_BYTES)) as picture:
                return fitted(upright(picture), _LONGEST_PX)
    except (OSError, MediaError) as error:
        raise CallerError(f"picture {str(path)!r} cannot be read: {error}") from error
