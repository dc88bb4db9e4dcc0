"""An image-text model in this process: the token after prompts with pictures. Blocking; one thread at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from PIL import Image
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoProcessor

from foveate.errors import CallerError, ModelError
from foveate.rerankers.engine import Halted
from foveate.rerankers.folders import check_folder
from foveate.rerankers.judging import answer_logprobs, only_last
from foveate.rerankers.loading import load_model, load_side, quiet
from foveate.rerankers.pictures import decoded
from foveate.rerankers.prompts import ChatPrompt
from foveate.rerankers.protocols import Judgement, Message
from foveate.rerankers.wire import plain
from foveate.rerankers.yesno import answer_tokens
from foveate.usage import Usage

__all__ = ["VisionEngine"]

# Prompts of one pass: pictures are most of the work, and side by side they gain little on a CPU.
_ROWS = 4


class VisionEngine:
    """Weights and processor of one model folder."""

    def __init__(self, folder: Path, name: str, *, longest_px: int, adapter: Path | None = None) -> None:
        check_folder(folder)
        self.name = name
        self._longest_px = longest_px
        self.processor = load_side(AutoProcessor, folder)
        tokenizer = getattr(self.processor, "tokenizer", None)
        if tokenizer is None or not hasattr(self.processor, "image_processor"):
            raise ModelError(f"{str(folder)!r} is no model that sees: its processor takes no pictures")
        tokenizer.chat_template = tokenizer.chat_template or self.processor.chat_template
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        # What a causal model reads does not depend on what stands after it.
        tokenizer.padding_side = "right"
        self.prompt = ChatPrompt(tokenizer, name)
        self.model = load_model(AutoModelForImageTextToText, folder, adapter)
        self.context: int = self.model.config.get_text_config().max_position_embeddings
        self.answers = answer_tokens(
            tokenizer.get_vocab(), self.prompt.encode_text, control=self.prompt.control_ids, name=name
        )

    def judge(self, prompts: Sequence[Sequence[Message]], halted: Callable[[], bool]) -> list[Judgement]:
        """Whether the reply to each prompt begins with yes or with no, over the whole vocabulary."""
        texts = [self.render(messages) for messages in prompts]
        counts = [sum(len(message.images) for message in messages) for messages in prompts]
        made: dict[int, Judgement] = {}
        # Processors want the same number of pictures everywhere, and short prompts beside short ones.
        order = sorted(range(len(prompts)), key=lambda at: (counts[at], len(texts[at]), texts[at]))
        for start, end in _runs([counts[at] for at in order]):
            if halted():
                raise Halted
            rows = order[start:end]
            images = [[decoded(image, self._longest_px) for message in prompts[at] for image in message.images]
                      for at in rows]  # fmt: skip
            made |= zip(rows, self._judge([texts[at] for at in rows], images), strict=True)
        return [made[at] for at in range(len(prompts))]

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt as the processor reads it: texts kept plain, a placeholder for each picture after its text.

        Raises:
            CallerError: the template refuses these roles, or a text cannot be kept plain.
            ModelError: the template leaves pictures out.
        """
        talk = []
        for message in messages:
            parts = [{"type": "text", "text": self._plain(message.text)}, *[{"type": "image"}] * len(message.images)]
            talk.append({"role": message.role, "content": parts})
        try:
            text: str = self.processor.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            raise CallerError(f"the chat template of {self.name!r} refuses these messages: {error}") from error
        wanted, mark = sum(len(message.images) for message in messages), getattr(self.processor, "image_token", None)
        if wanted and mark and text.count(mark) != wanted:
            raise ModelError(
                f"the chat template of {self.name!r} has places for {text.count(mark)} of {wanted} pictures"
            )
        return text

    def _plain(self, text: str) -> str:
        spaced = self.prompt.spaced(plain(text))
        if self.prompt.control_ids & set(self.prompt.raw_tokens(spaced)):
            raise CallerError(f"a text holds control tokens of model {self.name!r} that cannot be made plain")
        return spaced

    def _judge(self, texts: list[str], images: list[list[Image.Image]]) -> list[Judgement]:
        pictures = {"images": images} if images[0] else {}
        try:
            with quiet():
                batch = self.processor(text=texts, return_tensors="pt", padding=True, **pictures)
        except (ValueError, TypeError, RuntimeError) as error:
            raise ModelError(f"the processor of {self.name!r} failed: {str(error)[:300]}") from error
        lengths = batch["attention_mask"].sum(-1)
        if int(lengths.max()) >= self.context:
            raise CallerError(
                f"the prompt has {int(lengths.max())} tokens, pictures included; model {self.name!r} holds "
                f"{self.context}, one of them at least for the reply: send less evidence or smaller pictures"
            )
        values = self._values(batch, lengths - 1)
        return [
            Judgement(yes=yes, no=no, usage=Usage(tokens_in=length, images_sent=len(own)))
            for (yes, no), length, own in zip(values.tolist(), lengths.tolist(), images, strict=True)
        ]

    def _values(self, batch: Any, last: Tensor) -> Tensor:
        """Log-probabilities of yes and no, [rows, 2]."""
        try:
            with torch.inference_mode(), only_last(self.model.get_output_embeddings(), last):
                logits = self.model(**batch, use_cache=False).logits[:, 0]  # [rows, vocabulary]
        except (RuntimeError, IndexError, ValueError) as error:
            raise ModelError(f"model {self.name!r} failed: {str(error)[:300]}") from error
        return answer_logprobs(logits, self.answers, self.name)


def _runs(counts: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches of equal numbers, at most ``_ROWS`` long."""
    runs: list[tuple[int, int]] = []
    for at, count in enumerate(counts):
        if runs and counts[runs[-1][0]] == count and at - runs[-1][0] < _ROWS:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return runs
