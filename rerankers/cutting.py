"""Texts cut to a number of tokens by a model's own tokenizer, without loading the model."""

from pathlib import Path
from typing import Any

from foveate.errors import ExtraMissing, ModelError

__all__ = ["TokenCutter"]

# Texts are tokenized by stretches of this many characters a token, so that a book is not read for its first page.
_CHARS_PER_TOKEN = 16


class TokenCutter:
    """The ``tokenizer.json`` of a model folder."""

    def __init__(self, folder: Path) -> None:
        """Read the tokenizer.

        Raises:
            ModelError: the folder has no ``tokenizer.json``, or a damaged one.
        """
        try:
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            raise ExtraMissing("tokenizers", "embedded") from error
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise ModelError(f"{str(folder)!r} has no 'tokenizer.json' to count tokens with")
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises plain Exception
            raise ModelError(f"{str(file)!r} is damaged: {str(error)[:300]}") from error
        # Folders may carry a limit and padding of their own.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # Control tokens in texts are cut apart before a model gets them, and then count for several.
        self._tokenizer.encode_special_tokens = True

    def count(self, text: str) -> int:
        """Tokens of ``text`` by itself."""
        return len(self._encode(text).ids)

    def __call__(self, text: str, tokens: int) -> str:
        """The beginning of ``text``: at most ``tokens`` tokens, the whole text where it fits."""
        if tokens <= 0:
            return ""
        # Replacing keeps the number of characters, so that places mean the same in both.
        text = text.encode("utf-8", "replace").decode()
        head = text[: tokens * _CHARS_PER_TOKEN + 256]
        encoded = self._encode(head)
        if len(encoded.ids) <= tokens and len(head) < len(text):
            head, encoded = text, self._encode(text)
        if len(encoded.ids) <= tokens:
            return text
        # A text that ends earlier may be divided into more tokens; then some more go.
        for keep in range(tokens, 0, -1):
            short: str = head[: encoded.offsets[keep][0]]
            if self.count(short) <= tokens:
                return short
        return ""

    def _encode(self, text: str) -> Any:
        return self._tokenizer.encode(text, add_special_tokens=False)
