"""The first stage of training: vectors to words the model knows, without asking it.

PE-Rank (Liu et al. 2024) also brings a projector near the model's own embeddings before it trains through the model. A
step here is a thousand times cheaper than one through SmolLM2.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from foveate.rerankers.injection.aligned import AlignedModel
from foveate.rerankers.injection.recipe import InjectionRecipe
from foveate.rerankers.injection.rows import InjectionRow

__all__ = ["OTHER", "RIGHT", "align"]

RIGHT = " answer"
"""The word whose embedding stands before the right letter and where the reply begins."""
OTHER = " other"
"""The word before every other letter."""
_ROWS = 32
_RATE = 3e-3


def align(
    aligned: AlignedModel, rows: Sequence[InjectionRow], recipe: InjectionRecipe, chance: torch.Generator
) -> None:
    """Regress each vector on the embedding of one of two words, by least squares between unit vectors.

    Where it is not certain what is right, least squares leave an embedding between both words, as far along as it is
    probable.

    Args:
        aligned: its projector learns.
        rows: that may be trained on.
        recipe: ``aligning`` steps of 32 rows; weight decay and dropout.
        chance: which rows a step takes.
    """
    trained = [value for value in aligned.projector.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=_RATE, weight_decay=recipe.weight_decay, foreach=False)
    words = torch.stack([_word(aligned, word) for word in (OTHER, RIGHT)])  # [2, s]
    aligned.dropout = recipe.dropout
    for _ in range(recipe.aligning):
        places = torch.randint(len(rows), (_ROWS,), generator=chance).tolist()
        made = torch.cat([aligned.projected(rows[at]) for at in places])  # [places of all, s]
        wanted = words[torch.cat([_right(rows[at]) for at in places])]
        loss = (normalize(made, dim=1) - wanted).square().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    aligned.dropout = 0.0


def _word(aligned: AlignedModel, word: str) -> Tensor:
    """Its direction, [s]; the mean of its tokens where it has several."""
    tokens = torch.tensor(aligned.engine.prompt.encode_text(word))
    rows: Tensor = aligned.engine.model.get_input_embeddings()(tokens).detach()
    return normalize(rows.mean(0), dim=0)


def _right(row: InjectionRow) -> Tensor:
    """[n + 2], 1 where the word of the right one stands: its place, and the reply's beginning."""
    count = len(row.options)
    made = torch.zeros(count + 2, dtype=torch.long)
    made[[count if row.choice is None else row.choice, count + 1]] = 1
    return made
