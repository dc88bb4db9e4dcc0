"""A frozen language model that chooses a letter with projected alignment vectors in its prompt (CLIP-UP).

CLIP-UP (Vardi et al. 2025, https://arxiv.org/abs/2501.01371) multiplies CLIP's vectors of picture and question number
by number, projects the product to an input embedding and trains only that layer: the model learns to say that nothing
fits, and is the same model without the embedding.

Letters: b rows, n options, w tokens, d size of the encoder's vectors, s size of the model's.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import dropout
from transformers.cache_utils import Cache, DynamicCache

from foveate.errors import ModelError
from foveate.rerankers.engine import Engine, Halted
from foveate.rerankers.injection.prompt import PLACE, Places, letter_tokens
from foveate.rerankers.injection.rows import MOST_OPTIONS, SUMS, InjectionRow, features, shuffled
from foveate.rerankers.prefixes import SharedLayer
from foveate.rerankers.projector import Projector
from foveate.usage import Usage

__all__ = ["AlignedModel"]


class AlignedModel:
    """Engine and projector. Blocking; one thread at a time; the engine's weights take no gradient."""

    def __init__(self, engine: Engine, projector: Projector) -> None:
        """Put them together and compute what all prompts begin with.

        Raises:
            ModelError: the projector was made for embeddings of another size, or the model's letters are no tokens.
        """
        size = engine.model.get_input_embeddings().weight.shape[1]
        if projector.settings["size"] != size:
            raise ModelError(f"the projector makes {projector.settings['size']} numbers; {engine.name!r} takes {size}")
        engine.model.requires_grad_(False)
        self.engine = engine
        self.projector = projector
        self.places = Places(engine)
        self.dropout = 0.0
        """Share of a vector's numbers that is zeroed, by torch's own generator; never of its sums. For training."""
        self.dim = projector.settings["dim"] - SUMS
        """Size of the encoder's vectors."""
        self._letters = letter_tokens(engine, MOST_OPTIONS + 1)
        self._begun: Cache = DynamicCache(config=engine.model.config)
        with torch.no_grad():
            self._forward(self._embed(self.places.head)[None], self._begun)

    def logits(self, rows: Sequence[InjectionRow], *, vectors: bool = True) -> list[Tensor]:
        """Of each row [n + 1]: logits of its options' letters, then of the letter of "None of these".

        One pass for all rows, padded on the left; gradients reach the projector.

        Args:
            rows: that were checked.
            vectors: False leaves the embeddings out: the prompt in words alone.

        Raises:
            CallerError: a prompt exceeds the context.
            ModelError: the model gave a number that is none.
        """
        prompts = [self._inputs(row, vectors) for row in rows]
        width = max(map(len, prompts))
        inputs = torch.stack(
            [torch.nn.functional.pad(one, (0, 0, width - len(one), 0)) for one in prompts]
        )  # [b, w, s]
        pads = torch.tensor([width - len(one) for one in prompts])
        there = torch.arange(width) >= pads[:, None]  # [b, w]
        begun = len(self.places.head)
        mask = torch.cat([there.new_ones(len(rows), begun), there], 1).long()
        seen = self._forward(
            inputs,
            SharedLayer.over(self._begun, len(rows)),
            attention_mask=mask,
            position_ids=begun + (torch.arange(width) - pads[:, None]).clamp(min=0),
        )  # [b, vocabulary]
        found = [one[self._letters[: len(row.options) + 1]] for one, row in zip(seen, rows, strict=True)]
        if not all(bool(one.isfinite().all()) for one in found):
            raise ModelError(f"model {self.engine.name!r} gave a logit that is no number")
        return found

    def probabilities(
        self,
        row: InjectionRow,
        *,
        vectors: bool = True,
        rotate: bool = False,
        halted: Callable[[], bool] = lambda: False,
    ) -> tuple[NDArray[np.float64], Usage]:
        """Probability of each option and, last, of none: (n + 1), they add up to 1.

        Args:
            row: that was checked.
            vectors: False leaves the embeddings out.
            rotate: average over all rotations of the options, so that each stands at each letter once; n times the
                cost. Turning the options then turns the probabilities and changes nothing else.
            halted: looked at before each pass.

        Raises:
            CallerError: the prompt exceeds the context.
            ModelError: the model gave a number that is none.
            Halted: ``halted`` said so.
        """
        count = len(row.options)
        total = np.zeros(count + 1)
        turns = count if rotate else 1
        usage = Usage()
        for turn in range(turns):
            if halted():
                raise Halted
            order = [(at + turn) % count for at in range(count)]
            with torch.inference_mode():
                chances = self.logits([shuffled(row, order)], vectors=vectors)[0].double().softmax(0).numpy()
            total[[*order, count]] += chances / turns
            usage += self._usage(row, vectors)
        return total, usage

    def projected(self, row: InjectionRow) -> Tensor:
        """[n + 2, s]: of each option, of "None of these", and of the reply's beginning."""
        rows = torch.from_numpy(features(row.vectors))
        if self.dropout:
            rows = torch.cat([dropout(rows[:, :-SUMS], self.dropout), rows[:, -SUMS:]], 1)
        # What speaks for the picture speaks against none: the same numbers with the other sign.
        return torch.cat([self.projector(torch.cat([rows[1:], -rows[:1]])), self.projector(rows[:1], question=True)])

    def _inputs(self, row: InjectionRow, vectors: bool) -> Tensor:
        """[w, s], what follows the head."""
        tokens = torch.tensor(self.places.rest(row.question, row.options, places=vectors))
        embeddings = self._embed(tokens.clamp(min=0))
        if not vectors:
            return embeddings
        return embeddings.index_put((torch.nonzero(tokens == PLACE)[:, 0],), self.projected(row))

    def _usage(self, row: InjectionRow, vectors: bool) -> Usage:
        head = len(self.places.head)
        rest = self.places.rest(row.question, row.options, places=vectors)
        return Usage(tokens_in=head + len(rest), tokens_cached=head)

    def _embed(self, tokens: Tensor | Sequence[int]) -> Tensor:
        rows: Tensor = self.engine.model.get_input_embeddings()(torch.as_tensor(tokens)).detach()
        return rows

    def _forward(self, inputs: Tensor, cache: Cache, **options: Any) -> Tensor:
        try:
            out = self.engine.model(
                inputs_embeds=inputs, past_key_values=cache, use_cache=True, logits_to_keep=1, **options
            )
        except (RuntimeError, IndexError) as error:
            raise ModelError(f"model {self.engine.name!r} failed: {str(error)[:300]}") from error
        logits: Tensor = out.logits[:, -1]
        return logits
