"""From messages to tokens by the model's own chat template, with user and evidence text kept plain.

Evidence that holds ``<|im_start|>`` or ``<|image_pad|>`` must not open a turn or claim a picture
(CVE-2026-44222). Such strings are cut after their first character before the tokenizer sees them, so that
each half is ordinary text; all other prompts get the very tokens that transformers gives them.
"""

import re
from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from foveate.errors import CallerError, ModelError
from foveate.rerankers.protocols import Message

__all__ = ["ChatPrompt"]


class ChatPrompt:
    """The tokenizer and chat template of one model folder."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        if not tokenizer.chat_template:
            raise ModelError(f"model {name!r} has no chat template")
        self._name = name
        self._tokenizer = tokenizer
        self._backend = tokenizer.backend_tokenizer
        added = self._backend.get_added_tokens_decoder()
        # Added tokens that are no control tokens are mostly runs of spaces, which may stay as they are.
        control = {at: token.content for at, token in added.items() if token.special or token.content[:1] in "<["}
        self.control_ids = frozenset(control)
        """Ids of tokens that steer the model; only the template may write them."""
        words = sorted(filter(lambda word: len(word) > 1, control.values()), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, words)) or r"(?!)")

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of the whole prompt, up to where the assistant begins to speak.

        Raises:
            CallerError: the template refuses these roles, or a text cannot be kept plain.
        """
        texts = [_clean(message.text) for message in messages]
        mark = _mark(texts)
        roles = [message.role for message in messages]
        rendered = self._render(roles, [self._cut(text, mark) for text in texts])
        tokens = [token for piece in rendered.split(mark) for token in self._tokens(piece)]
        # Normalising tokenizers could still make control tokens of look-alikes: the template's own number is
        # what the prompt must hold, whatever the texts say.
        own = self._tokens(self._render(roles, ["x" if text.strip() else "" for text in texts]))
        if self._controls(tokens) != self._controls(own):
            raise CallerError(f"a text holds control tokens of model {self._name!r} that cannot be made plain")
        return tokens

    def encode_text(self, text: str) -> list[int]:
        """Tokens of a text that follows the prompt, control tokens as plain text."""
        text = _clean(text)
        mark = _mark([text])
        return [token for piece in self._cut(text, mark).split(mark) for token in self._tokens(piece)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens, control tokens left out."""
        text: str = self._backend.decode(list(tokens), skip_special_tokens=True)
        return text

    def token_text(self, token: int) -> str:
        """Text of one token by itself; part of a character shows as U+FFFD."""
        text: str = self._backend.decode([token], skip_special_tokens=False)
        return text

    def spaced(self, text: str) -> str:
        """``text`` with a space in each control word, for processors that tokenize prompt and text in one."""
        return self._cut(_clean(text), " ")

    def raw_tokens(self, text: str) -> list[int]:
        """Tokens of ``text`` with control tokens in force."""
        return self._tokens(text)

    def _cut(self, text: str, mark: str) -> str:
        found = self._control.search(text)
        while found is not None:
            # Searching goes on one character later: control words can overlap.
            at = found.start() + 1
            text = text[:at] + mark + text[at:]
            found = self._control.search(text, at + len(mark))
        return text

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return tokens

    def _controls(self, tokens: Sequence[int]) -> int:
        return sum(token in self.control_ids for token in tokens)

    def _render(self, roles: Sequence[str], texts: Sequence[str]) -> str:
        talk = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
        try:
            rendered: str = self._tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            raise CallerError(f"the chat template of {self._name!r} refuses these messages: {error}") from error
        return rendered


def _clean(text: str) -> str:
    """Lone surrogates have no UTF-8 form; tokenizers raise on them."""
    return text.encode("utf-8", "replace").decode()


def _mark(texts: Sequence[str]) -> str:
    """A string that none of the texts holds."""
    number = 0
    while any(f"\x02{number}\x03" in text for text in texts):
        number += 1
    return f"\x02{number}\x03"
