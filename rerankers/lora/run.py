"""One training run: steps, measurements, checkpoints; a killed run goes on to the very weights it would have had."""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from foveate.errors import CallerError, ModelError
from foveate.ids import digest
from foveate.rerankers.lora.anchoring import squared_drift
from foveate.rerankers.lora.checkpoints import Checkpoint, load, save
from foveate.rerankers.lora.goals import Goal
from foveate.rerankers.lora.learners import Batch
from foveate.rerankers.lora.measuring import dropout
from foveate.rerankers.lora.recipe import Recipe

__all__ = ["Run", "TrainProgress", "rate"]

_SAVE_EVERY_S = 60.0
"""Longest time between checkpoints; one takes a few milliseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainProgress:
    """Where a training is."""

    step: int
    fraction: float
    """Share of the training that is done, 0 to 1."""
    epoch: float
    """Passes over the data so far."""
    loss: float
    """Of the last step."""
    held_out_loss: float | None
    """Of the last measurement; None before the first."""
    pairs_per_s: float
    """Pairs or completions."""
    tokens_per_s: float
    """Through the model, what is shared counted once."""
    minutes_left: float | None
    """At this pace; None where nothing is known of it."""


@dataclass(kw_only=True, slots=True)
class _State:
    """All that a checkpoint keeps beside tensors. Random numbers are drawn from (seed, epoch) and (seed, step)."""

    step: int = 0
    epoch: int = 0
    row: int = 0
    """Rows of this epoch that were taken."""
    seen: int = 0
    """Pairs or completions trained on, counted each time."""
    tokens: int = 0
    """That went through the model in steps."""
    seconds: float = 0.0
    """Wall time of the whole run."""
    training_s: float = 0.0
    """Of it, spent in steps."""
    best_loss: float = math.inf
    best_step: int = 0
    stale: int = 0
    """Measurements since the best one."""
    measured_step: int = -1
    loss_sum: float = 0.0
    loss_count: int = 0
    before: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


class Run:
    """A model on its way to a goal."""

    def __init__(
        self,
        goal: Goal,
        recipe: Recipe,
        path: Path,
        fingerprint: str,
        progress: Callable[[TrainProgress], object],
    ) -> None:
        """Nothing is computed yet.

        Args:
            goal: data prepared, with a fresh adapter.
            recipe: how to train.
            path: of the checkpoint.
            fingerprint: of recipe, data and base; a checkpoint of another is not gone on with.
            progress: told after each step.
        """
        self._goal, self._recipe, self._path, self._fingerprint = goal, recipe, path, fingerprint
        self._progress = progress
        self._weights = {name: part for name, part in goal.model.named_parameters() if part.requires_grad}
        self._optimizer = torch.optim.AdamW(
            list(self._weights.values()), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self._best = self._copy()
        self._rows: tuple[int, list[Batch]] = (-1, [])
        self._state = _State()
        self._clock = self._saved = time.monotonic()

    @property
    def state(self) -> Mapping[str, Any]:
        """Steps, seconds, history ... as in the checkpoint."""
        return asdict(self._state)

    @property
    def before(self) -> Mapping[str, Any]:
        """The base on the held-out data."""
        return self._state.before

    @property
    def after(self) -> Mapping[str, Any]:
        """The kept weights on the held-out data."""
        return self._state.best

    def resume(self) -> bool:
        """Take up the checkpoint, if there is one.

        Raises:
            CallerError: it is of another recipe, data or base.
            ModelError: it is damaged.
        """
        found = load(self._path)
        if found is None:
            return False
        if found.state.get("fingerprint") != self._fingerprint:
            raise CallerError(
                f"{str(self._path)!r} is the checkpoint of another recipe, data or base; --fresh begins again"
            )
        try:
            self._restore(found)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ModelError(
                f"checkpoint {str(self._path)!r} is damaged ({error}); begin again with --fresh"
            ) from error
        return True

    def go(self) -> str:
        """Train to the end; the model then holds the best weights.

        Returns:
            What ended it: ``epochs``, ``steps``, ``minutes`` or ``patience``.
        """
        if not self._state.before:
            self._measure()
        while not (ended := self._ended()):
            self._step()
            if self._state.step % self._recipe.eval_every == 0:
                self._measure()
            elif time.monotonic() - self._saved > _SAVE_EVERY_S:
                self._save()
        if self._state.measured_step != self._state.step:
            self._measure()
        with torch.no_grad():
            for name, part in self._weights.items():
                part.copy_(self._best[name])
        return ended

    def _ended(self) -> str:
        state, recipe = self._state, self._recipe
        self._tick()
        if state.stale >= recipe.patience:
            return "patience"
        if recipe.max_steps is not None and state.step >= recipe.max_steps:
            return "steps"
        if state.seen >= recipe.epochs * len(self._goal.groups):
            return "epochs"
        if recipe.max_minutes is not None and state.seconds >= recipe.max_minutes * 60:
            return "minutes"
        return ""

    def _fraction(self, pairs: float, step: float) -> float:
        """How far the training is, whichever limit is the nearest."""
        recipe = self._recipe
        parts = [pairs / (recipe.epochs * len(self._goal.groups))]
        if recipe.max_steps is not None:
            parts.append(step / recipe.max_steps)
        if recipe.max_minutes is not None:
            parts.append(self._state.seconds / (recipe.max_minutes * 60))
        return min(max(parts), 1.0)

    def _step(self) -> None:
        state, recipe = self._state, self._recipe
        began = time.monotonic()
        batches = self._take()
        pairs = sum(len(batch.pairs) for batch in batches)
        torch.manual_seed(int(digest("step", str(recipe.seed), str(state.step))[:8], 16))
        self._optimizer.zero_grad()
        with dropout(self._goal.model, on=True):
            loss = self._backward(batches)
        norm = torch.nn.utils.clip_grad_norm_(list(self._weights.values()), recipe.clip)
        if not (math.isfinite(loss) and bool(torch.isfinite(norm))):
            raise ModelError(f"training broke down at step {state.step}: loss {loss}; lower learning_rate")
        for group in self._optimizer.param_groups:
            group["lr"] = rate(self._fraction(state.seen + pairs / 2, state.step + 0.5), recipe)
        self._optimizer.step()
        state.step += 1
        state.seen += pairs
        state.tokens += sum(batch.tokens for batch in batches)
        state.loss_sum += loss * pairs
        state.loss_count += pairs
        state.training_s += time.monotonic() - began
        self._tell(loss)

    def _backward(self, batches: Sequence[Batch]) -> float:
        """Gradients of the mean loss over all records of the step; returns the part of it that is told."""
        mass, total = self._goal.mass(batches), 0.0
        for batch in batches:
            loss, told = self._goal.loss(batch, mass)
            total += told
            loss.backward()  # type: ignore[no-untyped-call]
        if self._recipe.anchor:
            (self._recipe.anchor / 2 * squared_drift(self._goal.model)).backward()  # type: ignore[no-untyped-call]
        return total

    def _take(self) -> list[Batch]:
        """The next step's batches; a step never reaches over the end of an epoch."""
        state = self._state
        if self._rows[0] != state.epoch:
            self._rows = (state.epoch, self._epoch(state.epoch))
        rows = self._rows[1]
        taken = rows[state.row : state.row + self._recipe.accumulation]
        state.row += len(taken)
        if state.row >= len(rows):
            state.epoch, state.row = state.epoch + 1, 0
        return taken

    def _epoch(self, number: int) -> list[Batch]:
        """Batches of one pass: groups in a new order, their members too."""
        chance = random.Random(f"{self._recipe.seed}/{number}")
        groups: dict[int, list[int]] = {}
        for at, group in enumerate(self._goal.groups):
            groups.setdefault(group, []).append(at)
        shuffled = list(groups.values())
        chance.shuffle(shuffled)
        for members in shuffled:
            chance.shuffle(members)
        return self._goal.batches([at for members in shuffled for at in members])

    def _measure(self) -> None:
        state = self._state
        found = dict(self._goal.measure())
        held_out = float(found["loss"])
        state.before = state.before or found
        if held_out < state.best_loss:
            state.best_loss, state.best_step, state.stale = held_out, state.step, 0
            state.best, self._best = found, self._copy()
        else:
            state.stale += 1
        mean = state.loss_sum / state.loss_count if state.loss_count else math.nan
        entry = {"step": state.step, "held_out_loss": round(held_out, 6)}
        state.history.append(entry if math.isnan(mean) else {**entry, "loss": round(mean, 6)})
        state.loss_sum, state.loss_count, state.measured_step = 0.0, 0, state.step
        self._save()

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: part.detach().clone() for name, part in self._weights.items()}

    def _tell(self, loss: float) -> None:
        state = self._state
        self._tick()
        fraction = self._fraction(state.seen, state.step)
        self._progress(
            TrainProgress(
                step=state.step,
                fraction=fraction,
                epoch=state.seen / len(self._goal.groups),
                loss=loss,
                held_out_loss=state.history[-1]["held_out_loss"] if state.history else None,
                pairs_per_s=state.seen / max(state.training_s, 1e-9),
                tokens_per_s=state.tokens / max(state.training_s, 1e-9),
                minutes_left=state.seconds * (1 - fraction) / fraction / 60 if fraction else None,
            )
        )

    def _tick(self) -> None:
        now = time.monotonic()
        self._state.seconds += now - self._clock
        self._clock = now

    def _save(self) -> None:
        self._tick()
        tensors = {f"adapter/{name}": part for name, part in self._weights.items()}
        tensors |= {f"best/{name}": part for name, part in self._best.items()}
        for name, part in self._weights.items():
            for key, value in self._optimizer.state.get(part, {}).items():
                tensors[f"optimizer/{key}/{name}"] = value
        save(self._path, Checkpoint(tensors=tensors, state=asdict(self._state) | {"fingerprint": self._fingerprint}))
        self._saved = time.monotonic()

    def _restore(self, found: Checkpoint) -> None:
        body = {key: value for key, value in found.state.items() if key != "fingerprint"}
        moments: dict[int, dict[str, torch.Tensor]] = {}
        with torch.no_grad():
            for at, (name, part) in enumerate(self._weights.items()):
                part.copy_(found.tensors[f"adapter/{name}"])
                self._best[name] = found.tensors[f"best/{name}"].clone()
                keys = [key for key in found.tensors if key.startswith("optimizer/") and key.endswith(f"/{name}")]
                if keys:
                    moments[at] = {key.split("/")[1]: found.tensors[key].clone() for key in keys}
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self._state = _State(**body)
        self._clock = time.monotonic()


def rate(fraction: float, recipe: Recipe) -> float:
    """Learning rate: a straight rise, then a cosine to 0 (Loshchilov & Hutter 2017)."""
    if fraction < recipe.warmup:
        return recipe.learning_rate * fraction / recipe.warmup
    rest = (fraction - recipe.warmup) / (1 - recipe.warmup)
    return recipe.learning_rate * (1 + math.cos(math.pi * rest)) / 2
