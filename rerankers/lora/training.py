"""Train a reranker's adapter: pairs in, a folder out that :func:`check_adapter` accepts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from foveate.errors import CallerError, ExtraMissing
from foveate.ids import digest
from foveate.rerankers.lora.bases import base_digest, base_folder, sees
from foveate.rerankers.lora.card import Card, count, read_card, versions
from foveate.rerankers.lora.figures import Figures
from foveate.rerankers.lora.learners import Learner
from foveate.rerankers.lora.outputs import CHECKPOINT, fingerprint, ready, spent, write
from foveate.rerankers.lora.pair_goal import PairGoal
from foveate.rerankers.lora.pairs import Pair, by_group, pairs_digest, read_pairs, split_pairs
from foveate.rerankers.lora.recipe import Recipe

if TYPE_CHECKING:
    from foveate.rerankers.lora.run import TrainProgress

__all__ = ["train_reranker"]


def train_reranker(
    recipe: Recipe,
    pairs: Sequence[Pair] | Path,
    out: Path,
    progress: "Callable[[TrainProgress], object] | None" = None,
    resume: bool = True,
) -> Card:
    """Train a LoRA adapter on yes/no pairs, keep the weights with the lowest held-out loss, write them with a card.

    Kill it whenever you like: the same call goes on, and gives the weights of an uninterrupted run unless
    ``max_minutes`` ends it first.

    Args:
        recipe: how.
        pairs: labelled pairs, or the JSONL file that holds them.
        out: folder of the adapter; made, and while training it holds the checkpoint.
        progress: told after each step.
        resume: go on with a checkpoint, or return the card of a finished run, if recipe, data and base are the same;
            False begins again and overwrites.

    Raises:
        CallerError: the data lack one side, or ``out`` holds something else.
        ExtraMissing: without torch, transformers or peft.
        ModelError: the base is missing or unsafe, or the training broke down.
    """
    data = read_pairs(pairs) if isinstance(pairs, Path) else list(pairs)
    if recipe.weights:
        raise CallerError("recipe: 'weights' are of completions; pairs weigh the same")
    train, held_out = split_pairs(data, recipe.held_out)
    folder = base_folder(recipe.base)
    found = {"data": pairs_digest(data), "base": base_digest(folder)}
    mark = fingerprint(recipe, found)
    if (done := ready(out, mark, resume, read_card)) is not None:
        return done
    try:
        import torch

        from foveate.rerankers.lora.run import Run
    except ModuleNotFoundError as error:
        raise ExtraMissing((error.name or "torch").partition(".")[0], "embedded") from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        learner = _learner(folder, recipe)
        measured = _first(held_out, recipe.held_out_pairs)
        goal = PairGoal(learner, (train, measured), recipe.listwise)
        run = Run(goal, recipe, out / CHECKPOINT, mark, progress or (lambda _: None))
        if resume:
            run.resume()
        ended = run.go()
    card = Card(
        base_name=folder.absolute().name,
        base_digest=found["base"],
        data_digest=found["data"],
        train=count(train),
        held_out=count(held_out),
        recipe=recipe.model_dump(mode="json") | {"base": folder.absolute().name},
        fingerprint=mark,
        ended_by=ended,
        before=Figures(**run.before),
        after=Figures(**run.after),
        versions=versions(),
        **spent(run),
    )
    write(out, learner.model, card)
    return card


def _learner(folder: Path, recipe: Recipe) -> Learner:
    if sees(folder):
        from foveate.rerankers.lora.vision_training import VisionLearner

        return VisionLearner(folder, recipe)
    from foveate.rerankers.lora.text_training import TextLearner

    return TextLearner(folder, recipe)


def _first(pairs: Sequence[Pair], limit: int | None) -> list[Pair]:
    """Whole questions up to ``limit`` pairs, in an order that says nothing of them."""
    chosen: list[Pair] = []
    for _, group in sorted(by_group(pairs).items(), key=lambda item: digest("measured", item[0])):
        if limit is not None and chosen and len(chosen) + len(group) > limit:
            break
        chosen += group
    return chosen
