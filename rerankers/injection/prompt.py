"""The prompt around the embeddings: text in tokens, with places that vectors fill.

CLIP-UP (Vardi et al. 2025) puts one embedding before the question. A model of 135M parameters hardly reads that; what
it does well is to copy what followed a token seen before (induction heads, Olsson et al. 2022). So an option's
embedding stands before its letter, and the question's at the start of the reply. With the words " answer" and " other"
in the places, frozen SmolLM2 named the right of five letters for 31 of 32 training questions; after the options, for
9 at most.
"""

from collections.abc import Sequence
from string import ascii_uppercase

from foveate.errors import CallerError, ModelError
from foveate.rerankers.engine import Engine
from foveate.rerankers.layouts import Layout, Module
from foveate.rerankers.projector import turn_end

__all__ = ["INJECTED", "NONE", "PLACE", "Places", "letter_tokens"]

NONE = "None of these"
"""The last line of every question."""
PLACE = -1
"""Stands in a row of tokens for the next vector."""

INJECTED = Layout(
    stage="inject",
    modules=(
        Module(
            name="instructions",
            role="system",
            text="Answer the question about the picture with the letter of the right option. "
            f'If no option is right, answer with the letter of "{NONE}".',
            shared_by="stage",
        ),
        # The question, a place before each letter, the end of the turn, and a place where the reply begins.
        Module(name="question", role="user", text="Question:", shared_by="stage"),
    ),
)


class Places:
    """Turns questions into rows of tokens with :data:`PLACE` where vectors go."""

    def __init__(self, engine: Engine) -> None:
        """Find what all prompts begin and end with.

        Raises:
            ModelError: the chat template ends a turn in a way that is not known.
        """
        tail = turn_end(engine)
        whole = engine.prompt.encode(INJECTED.messages({}))
        self.head = whole[: len(whole) - len(tail)]
        """Tokens that every prompt begins with."""
        if whole[len(self.head) :] != tail:
            raise ModelError(f"the chat template of {engine.name!r} ends a turn in a way that is not known")
        self._tail = tail
        self._engine = engine

    def rest(self, question: str, options: Sequence[str], *, places: bool = True) -> list[int]:
        """What follows the head: the question, then a place, letter and text for each option; one more place last.

        Args:
            question: in words.
            options: in the order of their letters; "None of these" is added.
            places: False leaves out the places: the same prompt in words alone.

        Raises:
            CallerError: the prompt exceeds the model's context.
        """
        mark = [PLACE] if places else []
        tokens = self._encode(f" {_line(question)}\n")
        for letter, option in zip(ascii_uppercase, [*map(_line, options), NONE], strict=False):
            tokens += [*mark, *self._encode(f"{letter}. {option}\n")]
        tokens += [*self._encode("Answer with one letter."), *self._tail, *mark]
        if len(self.head) + len(tokens) >= self._engine.context:
            raise CallerError(
                f"the question and {len(options)} options take {len(self.head) + len(tokens)} tokens; model "
                f"{self._engine.name!r} holds {self._engine.context}, one of them for the reply"
            )
        return tokens

    def _encode(self, text: str) -> list[int]:
        return self._engine.prompt.encode_text(text)


def letter_tokens(engine: Engine, count: int) -> list[int]:
    """The token of each of the first ``count`` capital letters, as a reply begins with them.

    Raises:
        ModelError: the tokenizer has no single token for a letter.
    """
    rows = [engine.prompt.encode_text(letter) for letter in ascii_uppercase[:count]]
    if bad := [letter for letter, row in zip(ascii_uppercase, rows, strict=False) if len(row) != 1]:
        raise ModelError(f"model {engine.name!r} has no single token for the letter {bad[0]!r}; it cannot choose so")
    return [row[0] for row in rows]


def _line(text: str) -> str:
    # A line break in an option could forge another option.
    return " ".join(text.split())
