"""Replies as the goal of a run: cross-entropy of their tokens and of the end of the turn, nothing of the prompt."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foveate.errors import CallerError, ExtraMissing, ModelError
from foveate.rerankers.lora.adapters import WEIGHTS
from foveate.rerankers.lora.completion_figures import Said, completion_figures
from foveate.rerankers.lora.completions import Completion
from foveate.rerankers.lora.learners import Batch
from foveate.rerankers.lora.measuring import dropout
from foveate.rerankers.lora.recipe import Recipe
from foveate.rerankers.lora.text_training import lora_config
from foveate.rerankers.lora.tries import Example, TrieRow, trie_rows, walked
from foveate.rerankers.protocols import Message

if TYPE_CHECKING:
    from torch import Tensor

    from foveate.rerankers.engine import Engine

__all__ = ["CompletionGoal", "end_of_turn"]


class CompletionGoal:
    """A causal language model with a fresh adapter, and completions as it reads and writes them."""

    def __init__(self, folder: Path, recipe: Recipe, sides: tuple[Sequence[Completion], Sequence[Completion]]) -> None:
        """Load the base, put the adapter into it, encode all completions; the caller seeds torch before.

        Args:
            folder: of the base.
            recipe: rank, modules, layers, batch size and weights are read from it.
            sides: completions to train on, completions to measure on.

        Raises:
            CallerError: a completion that the model cannot read or write; names it.
            ExtraMissing: without peft, torch or transformers.
            ModelError: the base is unsafe, damaged, or has no such modules.
        """
        try:
            from peft import get_peft_model

            from foveate.rerankers.engine import Engine
        except ModuleNotFoundError as error:
            raise ExtraMissing((error.name or "peft").partition(".")[0], "embedded") from error
        engine = Engine(folder, folder.name, cached_prompts=0, cache_bytes=0)
        self._recipe = recipe
        self._train, self._dev = sides
        end = end_of_turn(engine)
        self._examples, self._held = (
            [_example(engine, item, at, end) for at, item in enumerate(side)] for side in sides
        )
        numbers: dict[str, int] = {}
        self.groups = [numbers.setdefault(item.key, len(numbers)) for item in self._train]
        try:
            self.model = get_peft_model(engine.model, lora_config(engine.model, recipe))
        except ValueError as error:
            raise ModelError(f"no adapter fits {str(folder)!r}: {str(error)[:300]}") from error
        if recipe.start is not None:
            _take_up(self.model, Path(recipe.start))

    def batches(self, order: Sequence[int]) -> list[Batch]:
        """Rows, a step's worth of them filled together."""
        rows = trie_rows([self._examples[at] for at in order], self._recipe.batch_tokens, self._recipe.accumulation)
        return [_batch(row) for row in rows]

    def mass(self, batches: Sequence[Batch]) -> float:
        """Summed weight of the completions."""
        return math.fsum(self._weight(at) for batch in batches for at in batch.pairs)

    def loss(self, batch: Batch, mass: float) -> tuple["Tensor", float]:
        """Each completion's mean cross-entropy, times its weight."""
        import torch

        logits, targets = self._logits(batch.body)
        each = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        shares = [
            self._weight(item.at) / len(item.targets) / mass for item in batch.body.examples for _ in item.targets
        ]
        loss = (each * torch.tensor(shares)).sum()
        return loss, float(loss.detach())

    def measure(self) -> Mapping[str, Any]:
        """Figures of :class:`foveate.rerankers.lora.completion_figures.CompletionFigures`, without dropout."""
        import torch

        said: list[Said | None] = [None] * len(self._held)
        with torch.inference_mode(), dropout(self.model, on=False):
            for row in trie_rows(self._held, self._recipe.batch_tokens, max(8, self._recipe.accumulation)):
                for at, one in self._said(row):
                    said[at] = one
        return completion_figures([one for one in said if one is not None], self._recipe.weights).to_dict()

    def _said(self, row: TrieRow) -> Iterator[tuple[int, Said]]:
        import torch

        logits, targets = self._logits(row)
        each = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        right = logits.argmax(-1) == targets
        start = 0
        for item in row.examples:
            stop = start + len(item.targets)
            loss, task = float(each[start:stop].mean()), self._dev[item.at].task
            if not math.isfinite(loss):
                raise ModelError(
                    f"the model broke down on held-out reply {self._dev[item.at].reply!r:.80}: loss {loss}; its "
                    "weights are damaged, or learning_rate is too high"
                )
            yield item.at, Said(task=task, loss=loss, tokens=stop - start, right=int(right[start:stop].sum()))
            start = stop

    def _logits(self, row: TrieRow) -> tuple["Tensor", "Tensor"]:
        """[R, vocabulary] and [R]; the output layer runs on the tokens that foretell targets only."""
        put = walked(row)
        out = self.model(
            input_ids=put.tokens,
            position_ids=put.positions,
            attention_mask=put.mask,
            logits_to_keep=put.places,
            use_cache=False,
        )
        return out.logits[0], put.targets

    def _weight(self, at: int) -> float:
        return self._recipe.weights.get(self._train[at].task, 1.0)


def end_of_turn(engine: "Engine") -> int:
    """The token that ends a reply: the one that the chat template writes there, if it ends decoding.

    Raises:
        ModelError: none does.
    """
    talk = [Message(role="user", text="x"), Message(role="assistant", text="x")]
    begun, whole = engine.prompt.encode(talk[:1]), engine.prompt.encode(talk)
    said = whole[len(begun) :] if whole[: len(begun)] == begun else []
    if not engine.ends:
        raise ModelError(f"model {engine.name!r} has no token that ends a reply")
    return next((token for token in said if token in engine.ends), int(min(engine.ends)))


def _batch(row: TrieRow) -> Batch:
    return Batch(pairs=tuple(item.at for item in row.examples), tokens=row.size, body=row)


def _example(engine: "Engine", item: Completion, at: int, end: int) -> Example:
    """Prompt and reply as :class:`foveate.rerankers.local.LocalChat` reads and writes them."""
    prompt, reply = engine.prompt.encode(item.messages), engine.prompt.encode_text(item.reply)
    if len(prompt) + len(reply) > engine.context:
        raise CallerError(
            f"{item.task!r}, reply {item.reply!r:.80}: prompt and reply have {len(prompt)} + {len(reply)} tokens; "
            f"{engine.name!r} holds {engine.context}"
        )
    if engine.prompt.decode(reply) != item.reply:
        raise CallerError(f"{item.task!r}: {engine.name!r} cannot say the reply {item.reply!r:.80} word for word")
    return Example(tokens=(*prompt, *reply), targets=(*reply, end), at=at)


def _take_up(model: Any, folder: Path) -> None:
    """Give a fresh adapter the weights of another.

    Raises:
        CallerError: it has another rank or other modules.
    """
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    try:
        found = set_peft_model_state_dict(model, load_file(folder / WEIGHTS))
    except (RuntimeError, ValueError) as error:
        raise CallerError(f"recipe: start {str(folder)!r} does not fit: {str(error)[:200]}") from error
    if found.unexpected_keys or any("lora_" in key for key in found.missing_keys):
        raise CallerError(f"recipe: start {str(folder)!r} has other layers or modules than the recipe")
