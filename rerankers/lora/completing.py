"""Train an adapter on replies: completions in, a folder out that :func:`check_adapter` accepts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from foveate.errors import CallerError, ExtraMissing
from foveate.ids import digest, file_digest
from foveate.rerankers.lora.adapters import WEIGHTS, check_adapter
from foveate.rerankers.lora.bases import base_digest, base_folder, sees
from foveate.rerankers.lora.card import versions
from foveate.rerankers.lora.completion_card import CompletionCard, count_completions, read_completion_card
from foveate.rerankers.lora.completion_figures import CompletionFigures
from foveate.rerankers.lora.completions import (
    Completion,
    completions_digest,
    first_groups,
    read_completions,
    split_completions,
)
from foveate.rerankers.lora.outputs import CHECKPOINT, fingerprint, ready, spent, write
from foveate.rerankers.lora.recipe import Recipe

if TYPE_CHECKING:
    from foveate.rerankers.lora.run import TrainProgress

__all__ = ["train_completions"]


def train_completions(
    recipe: Recipe,
    completions: Sequence[Completion] | Path,
    out: Path,
    progress: "Callable[[TrainProgress], object] | None" = None,
    resume: bool = True,
) -> CompletionCard:
    """Train a LoRA adapter on replies, keep the weights with the lowest held-out loss, write them with a card.

    The loss is the cross-entropy of a reply's tokens and of the end of the turn, mean over each completion; prompts
    are encoded as :class:`foveate.rerankers.local.LocalChat` encodes them. Kill it whenever you like: the same call
    goes on, and gives the weights of an uninterrupted run unless ``max_minutes`` ends it first.

    Args:
        recipe: how; ``weights`` count tasks more or less.
        completions: prompts with replies, or the JSONL file that holds them.
        out: folder of the adapter; made, and while training it holds the checkpoint.
        progress: told after each step.
        resume: go on with a checkpoint, or return the card of a finished run, if recipe, data and base are the same;
            False begins again and overwrites.

    Raises:
        CallerError: the data lack one side, the recipe is one of pairs, the model takes pictures, or ``out`` holds
            something else.
        ExtraMissing: without torch, transformers or peft.
        ModelError: the base is missing or unsafe, or the training broke down.
    """
    data = read_completions(completions) if isinstance(completions, Path) else list(completions)
    train, held_out = split_completions(data, recipe.held_out)
    folder = base_folder(recipe.base)
    _check(recipe, train, folder)
    found = {"data": completions_digest(data), "base": base_digest(folder)}
    mark = fingerprint(recipe, found, "completions")
    if recipe.start is not None:
        check_adapter(Path(recipe.start), folder)
        mark = digest(mark, file_digest(Path(recipe.start) / WEIGHTS))
    if (done := ready(out, mark, resume, read_completion_card)) is not None:
        return done
    try:
        import torch

        from foveate.rerankers.lora.completion_goal import CompletionGoal
        from foveate.rerankers.lora.run import Run
    except ModuleNotFoundError as error:
        raise ExtraMissing((error.name or "torch").partition(".")[0], "embedded") from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        goal = CompletionGoal(folder, recipe, (train, first_groups(held_out, recipe.held_out_pairs)))
        run = Run(goal, recipe, out / CHECKPOINT, mark, progress or (lambda _: None))
        if resume:
            run.resume()
        ended = run.go()
    took = spent(run)
    card = CompletionCard(
        base_name=folder.absolute().name,
        base_digest=found["base"],
        data_digest=found["data"],
        train=count_completions(train),
        held_out=count_completions(held_out),
        recipe=recipe.model_dump(mode="json") | _names(recipe, folder),
        fingerprint=mark,
        ended_by=ended,
        before=CompletionFigures.from_dict(run.before),
        after=CompletionFigures.from_dict(run.after),
        versions=versions(),
        completions_per_s=took.pop("pairs_per_s"),
        tokens_per_s=round(run.state["tokens"] / max(run.state["training_s"], 1e-9), 1),
        **took,
    )
    write(out, goal.model, card)
    return card


def _names(recipe: Recipe, folder: Path) -> dict[str, str | None]:
    """Folders by their last part: where they lay on this machine is nobody's business."""
    start = None if recipe.start is None else Path(recipe.start).absolute().name
    return {"base": folder.absolute().name, "start": start}


def _check(recipe: Recipe, train: Sequence[Completion], folder: Path) -> None:
    if recipe.listwise:
        raise CallerError(f"recipe: listwise is {recipe.listwise!r}; it is a loss of pairs, completions have none")
    tasks = sorted({item.task for item in train})
    if unknown := sorted(set(recipe.weights) - set(tasks)):
        raise CallerError(f"recipe: weights name the task {unknown[0]!r}; the data have {', '.join(tasks)}")
    if sees(folder):
        raise CallerError(f"{recipe.base!r} takes pictures; completions train text models only")
