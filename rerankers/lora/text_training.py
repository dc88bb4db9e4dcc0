"""Text models as learners: prompts as in inference, packed so that a question is computed once for its candidates."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foveate.errors import CallerError, ExtraMissing, ModelError
from foveate.rerankers.cutting import TokenCutter
from foveate.rerankers.lora.learners import Answers, Batch
from foveate.rerankers.lora.packing import Prompt, pack, tensors
from foveate.rerankers.lora.pairs import Pair
from foveate.rerankers.lora.recipe import Recipe
from foveate.rerankers.pointwise import CUT_MARK, prompt_of
from foveate.rerankers.protocols import Candidate
from foveate.rerankers.shown import Cut
from foveate.rerankers.yesno import AnswerTokens

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TextLearner", "lora_config", "shown", "taught"]


class TextLearner:
    """A causal language model with a fresh adapter."""

    def __init__(self, folder: Path, recipe: Recipe, *, share: bool = True) -> None:
        """Load the base and put the adapter into it; the caller seeds torch before.

        Args:
            folder: of the base.
            recipe: rank, modules, layers and batch size are read from it.
            share: False computes the shared beginning again for each candidate, for measuring.

        Raises:
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
        self._share = share
        self._prompt = engine.prompt
        self._context = engine.context
        self._cut = TokenCutter(folder)
        self.answers = taught(engine.answers, engine.prompt.encode_text)
        try:
            self.model = get_peft_model(engine.model, lora_config(engine.model, recipe))
        except ValueError as error:
            raise ModelError(f"no adapter fits {str(folder)!r}: {str(error)[:300]}") from error

    def prepare(self, pairs: Sequence[Pair]) -> list[Prompt]:
        """Prompts of the pairs."""
        groups: dict[str, int] = {}
        found = []
        for at, pair in enumerate(pairs):
            if pair.images or pair.question_images:
                raise CallerError(
                    f"the pair of question {pair.question!r:.80} has pictures, which {self._recipe.base!r} cannot see"
                )
            tokens = self._tokens(pair)
            if len(tokens) > self._context:
                raise CallerError(
                    f"question {pair.question!r:.80}: the prompt has {len(tokens)} tokens; "
                    f"{self._recipe.base!r} holds {self._context}"
                )
            found.append(Prompt(tokens=tokens, group=groups.setdefault(pair.key, len(groups)), at=at))
        return found

    def _tokens(self, pair: Pair) -> tuple[int, ...]:
        """Of the prompt that a reranker makes."""
        text = shown(pair.candidate, self._cut, self._recipe.candidate_tokens)
        return tuple(self._prompt.encode(prompt_of(pair.question, Candidate(id="", text=text), ())))

    def batches(self, prepared: Sequence[Prompt], order: Sequence[int]) -> list[Batch]:
        """Packed rows."""
        rows = pack([prepared[at] for at in order], self._recipe.batch_tokens, share=self._share)
        return [Batch(pairs=tuple(prompt.at for prompt in row.prompts), tokens=row.size, body=row) for row in rows]

    def logits(self, batch: Batch) -> "Tensor":
        """[N, vocabulary]; the output layer runs on the last tokens only."""
        row = tensors(batch.body)
        out = self.model(
            input_ids=row.tokens,
            position_ids=row.positions,
            attention_mask=row.mask,
            logits_to_keep=row.last,
            use_cache=False,
        )
        logits: Tensor = out.logits[0]
        return logits


def shown(text: str, cut: Cut, tokens: int) -> str:
    """A candidate's text as :class:`PointwiseReranker` shows it: cut where it is long, and marked there."""
    short = cut(text, tokens)
    return text if len(short) >= len(text) else short.rstrip() + CUT_MARK


def taught(tokens: AnswerTokens, encode: Callable[[str], Sequence[int]]) -> Answers:
    """``Yes`` and ``No`` as what is taught; where they are no single tokens, any single-token spelling."""
    yes, no = (encode(word)[0] for word in ("Yes", "No"))
    return Answers(
        tokens=tokens,
        yes=yes if yes in tokens.yes else tokens.yes[0],
        no=no if no in tokens.no else tokens.no[0],
    )


def lora_config(model: Any, recipe: Recipe) -> Any:
    """Peft's configuration for a text model.

    Raises:
        ModelError: more layers than the model has.
    """
    from peft import LoraConfig

    count = model.config.get_text_config().num_hidden_layers
    last = recipe.last_layers
    if last is not None and last > count:
        raise ModelError(f"recipe: last_layers is {last}; model {recipe.base!r} has {count} layers")
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.target_modules),
        layers_to_transform=None if last is None else list(range(count - last, count)),
        task_type="CAUSAL_LM",
    )
