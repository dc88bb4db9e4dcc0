"""Train the projector that puts alignment vectors into a frozen model's prompt (CLIP-UP, Vardi et al. 2025)."""

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foveate.errors import CallerError
from foveate.rerankers.engine import Engine
from foveate.rerankers.heads import Head
from foveate.rerankers.injection.aligned import AlignedModel
from foveate.rerankers.injection.aligning import align
from foveate.rerankers.injection.recipe import Accuracy, InjectionRecipe, InjectionReport, TrainingStep
from foveate.rerankers.injection.rows import SUMS, InjectionRow, check_row, shuffled, split_rows
from foveate.rerankers.lora.bases import base_digest, base_folder
from foveate.rerankers.projector import Projector

__all__ = ["KIND", "Trained", "fresh", "measure", "train_injection"]

_log = logging.getLogger(__name__)
KIND = "injection"
"""Of the saved head."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """The kept weights and how they came about."""

    head: Head
    report: InjectionReport

    def save(self, path: Path) -> None:
        """Write the weights, and beside them the facts as ``.json``.

        Raises:
            CallerError: the name does not end in ``.safetensors``.
        """
        self.head.save(path)
        text = json.dumps(dict(self.head.report), indent=2, sort_keys=True)
        path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def train_injection(
    rows: Sequence[InjectionRow],
    *,
    encoder: str,
    model: str | Path = "smollm2",
    recipe: InjectionRecipe | None = None,
    progress: Callable[[TrainingStep], object] = lambda _: None,
) -> Trained:
    """Fit the projector with cross-entropy on the right letter; the language model takes no gradient.

    Options are shown in a new order each time, so that none is learnt by its letter. With one thread, the same seed
    gives the same weights unless the time limit ends it.

    Args:
        rows: of two different groups or more.
        encoder: fingerprint of the encoder that the vectors are from; kept with the weights.
        model: a folder, or the name of a fetched model.
        recipe: how; the defaults if None.
        progress: told after each step.

    Raises:
        CallerError: a bad row, vectors of two sizes, too few groups, or a prompt that exceeds the context.
        ModelError: the model is missing or unsafe, or gave a number that is none.
    """
    recipe = InjectionRecipe() if recipe is None else recipe
    dim = _checked(rows)
    kept, held = split_rows(rows, recipe.held_out, recipe.seed)
    folder = model if isinstance(model, Path) else base_folder(model)
    engine = Engine(folder, folder.name, cached_prompts=0, cache_bytes=0)
    aligned = AlignedModel(engine, fresh(engine, dim, hidden=recipe.hidden, seed=recipe.seed))
    with torch.random.fork_rng(devices=[]):
        # Dropout takes no generator of its own.
        torch.manual_seed(recipe.seed)
        report, tensors = _Run(aligned, kept, held, recipe, progress).go()
    facts = {"report": report.to_dict(), "recipe": asdict(recipe)}
    head = Head(
        kind=KIND,
        tensors=tensors,
        encoder=encoder,
        base=base_digest(folder),
        settings=aligned.projector.settings,
        report=facts,
    )
    return Trained(head=head, report=report)


def fresh(engine: Engine, dim: int, *, hidden: int, seed: int) -> Projector:
    """An untrained projector for alignment vectors of ``dim`` numbers; rows as long as the model's embeddings."""
    table = engine.model.get_input_embeddings().weight.detach()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        projector = Projector(dim=dim + SUMS, hidden=hidden, size=table.shape[1])
    projector.length.fill_(float(table.norm(dim=1).mean()))
    return projector


def measure(aligned: AlignedModel, rows: Sequence[InjectionRow], *, batch: int = 8, vectors: bool = True) -> Accuracy:
    """Loss and accuracy over rows in their own order; ``vectors`` as in :meth:`AlignedModel.logits`."""
    losses, right = np.zeros(len(rows)), np.zeros(len(rows), bool)
    for places in _alike(rows, batch):
        with torch.inference_mode():
            found = aligned.logits([rows[at] for at in places], vectors=vectors)
        for at, logits in zip(places, found, strict=True):
            losses[at] = float(_loss(logits, rows[at]))
            right[at] = int(logits.argmax()) == _target(rows[at])
    none = np.array([row.choice is None for row in rows], bool)
    return Accuracy(
        loss=_mean(losses), right=_mean(right), right_option=_mean(right[~none]), right_none=_mean(right[none])
    )


class _Run:
    """One training."""

    def __init__(
        self,
        aligned: AlignedModel,
        kept: Sequence[InjectionRow],
        held: Sequence[InjectionRow],
        recipe: InjectionRecipe,
        progress: Callable[[TrainingStep], object],
    ) -> None:
        self._aligned, self._kept, self._held, self._recipe, self._progress = aligned, kept, held, recipe, progress
        self._chance = torch.Generator().manual_seed(recipe.seed)
        self._trained = [value for value in aligned.projector.parameters() if value.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, foreach=False
        )
        self._per_epoch = math.ceil(len(kept) / recipe.batch)
        self._step = 0
        self._until = time.monotonic() + 60.0 * recipe.max_minutes

    def go(self) -> tuple[InjectionReport, dict[str, NDArray[np.float32]]]:
        """Train, and return the weights with the lowest held-out loss."""
        before = self._measure()
        align(self._aligned, self._kept, self._recipe, self._chance)
        best = aligned = self._measure()
        kept_epoch, weights = 0, _weights(self._aligned.projector)
        losses: list[float] = []
        held_losses: list[float] = []
        for epoch in range(1, self._recipe.epochs + 1):
            losses.append(self._epoch(epoch))
            now = self._measure()
            held_losses.append(now.loss)
            _log.info("epoch %d: loss %.4f, held-out %.4f, right %.3f", epoch, losses[-1], now.loss, now.right)
            if now.loss < best.loss:
                best, kept_epoch, weights = now, epoch, _weights(self._aligned.projector)
            if self._late():
                break
        report = InjectionReport(
            rows=len(self._kept) + len(self._held),
            held_out=len(self._held),
            epochs=kept_epoch,
            ended_by="minutes" if self._step < self._per_epoch * self._recipe.epochs else "epochs",
            before=before,
            aligned=aligned,
            after=best,
            losses=tuple(losses),
            held_losses=tuple(held_losses),
        )
        return report, weights

    def _epoch(self, epoch: int) -> float:
        order = torch.randperm(len(self._kept), generator=self._chance).tolist()
        losses = []
        for start in range(0, len(order), self._recipe.batch):
            rows = [self._varied(self._kept[at]) for at in order[start : start + self._recipe.batch]]
            losses.append(self._learn(rows))
            self._step += 1
            steps = self._per_epoch * self._recipe.epochs
            self._progress(TrainingStep(epoch=epoch, step=self._step, steps=steps, loss=losses[-1]))
            if self._late():
                break
        return _mean(losses)

    def _learn(self, rows: Sequence[InjectionRow]) -> float:
        share = self._step / (self._per_epoch * self._recipe.epochs)
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.learning_rate * (0.55 + 0.45 * math.cos(math.pi * share))
        self._aligned.dropout = self._recipe.dropout
        found = self._aligned.logits(rows)
        self._aligned.dropout = 0.0
        loss = torch.stack([_loss(logits, row) for logits, row in zip(found, rows, strict=True)]).mean()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        self._optimizer.step()
        return float(loss.detach())

    def _varied(self, row: InjectionRow) -> InjectionRow:
        return shuffled(row, torch.randperm(len(row.options), generator=self._chance).tolist())

    def _measure(self) -> Accuracy:
        return measure(self._aligned, self._held, batch=self._recipe.batch)

    def _late(self) -> bool:
        return time.monotonic() >= self._until


def _checked(rows: Sequence[InjectionRow]) -> int:
    """Size of the vectors."""
    if not rows:
        raise CallerError("rows is empty; needed are rows of two different groups or more")
    dim: int = rows[0].vectors.shape[-1]
    for at, row in enumerate(rows):
        try:
            check_row(row, dim)
        except CallerError as error:
            raise CallerError(f"rows[{at}]: {error}") from None
    return dim


def _alike(rows: Sequence[InjectionRow], size: int) -> Iterator[list[int]]:
    """Places of rows of about one length together, so that little is padding."""
    order = sorted(range(len(rows)), key=lambda at: len(rows[at].question) + sum(map(len, rows[at].options)))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _target(row: InjectionRow) -> int:
    return len(row.options) if row.choice is None else row.choice


def _loss(logits: Tensor, row: InjectionRow) -> Tensor:
    return -logits.log_softmax(0)[_target(row)]


def _mean(values: Sequence[float] | NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _weights(projector: Projector) -> dict[str, NDArray[np.float32]]:
    # A copy: the tensors go on changing.
    return {name: np.array(value.detach().numpy()) for name, value in projector.state_dict().items()}
