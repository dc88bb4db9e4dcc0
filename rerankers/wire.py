"""The chat part of the OpenAI protocol: request bodies out, replies in."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from foveate.errors import ModelError
from foveate.rerankers.protocols import ImagePart, Message, Reply, Sampling, TokenLogprob
from foveate.usage import Usage

__all__ = ["Joined", "body", "plain", "reply"]

# Servers tokenize texts with control tokens in force (CVE-2026-44222): the usual ones are spaced apart.
_CONTROL = re.compile(
    r"<[|\uff5c][^<>\s]{1,64}?[|\uff5c]>"
    r"|</?s>|<(?:bos|eos|pad|unk|mask)>|<(?:start|end)_of_(?:turn|image)>"
    r"|<(?:image|video|audio|img|image_soft_token|image_pad|video_pad)>"
    r"|\[/?(?:INST|IMG|IMG_BREAK|IMG_END|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
)


def plain(text: str) -> str:
    """``text`` without usual control tokens, and with ``?`` for lone surrogates, which JSON cannot carry."""
    text = text.encode("utf-8", "replace").decode()
    return _CONTROL.sub(lambda found: f"{found[0][0]} {found[0][1:-1]} {found[0][-1]}", text)


def body(
    model: str,
    messages: Sequence[Message],
    sampling: Sampling,
    limit_field: str,
    extra: Mapping[str, Any],
    uuid: Callable[[ImagePart], str] | None = None,
) -> dict[str, Any]:
    """Keyword arguments of ``chat.completions.create``; what was not asked for is left out."""
    made: dict[str, Any] = {
        "model": model,
        "messages": [_message(message, uuid) for message in messages],
        limit_field: sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    if sampling.seed is not None:
        made["seed"] = sampling.seed
    if sampling.stop:
        made["stop"] = list(sampling.stop)
    if sampling.top_logprobs:
        made |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    if extra:
        made["extra_body"] = dict(extra)
    return made


def _message(message: Message, uuid: Callable[[ImagePart], str] | None) -> dict[str, Any]:
    text = plain(message.text)
    if not message.images:
        return {"role": message.role, "content": text}
    pictures = [
        {
            "type": "image_url",
            "image_url": {"url": f"data:{image.mime};base64,{base64.b64encode(image.data).decode()}"},
            **({"uuid": uuid(image)} if uuid else {}),
        }
        for image in message.images
    ]
    # Text first: prompts that differ in their pictures only then share the cached beginning.
    return {"role": message.role, "content": [{"type": "text", "text": text}, *pictures]}


def reply(completion: Any, images: int) -> Reply:
    """A whole completion; anything misshapen raises an ordinary Python error."""
    choice = completion.choices[0]
    if getattr(choice.message, "refusal", None):
        raise ModelError(f"the model declined: {choice.message.refusal!s:.300}")
    return Reply(
        text=_text(choice.message.content),
        finish=_finish(choice.finish_reason),
        usage=_usage(completion.usage, images),
        logprobs=_logprobs(choice.logprobs),
    )


class Joined:
    """A streamed completion, put together."""

    def __init__(self, images: int) -> None:
        self._images = images
        self._texts: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._finish: Any = None
        self._usage: Any = None

    def add(self, event: Any) -> str:
        """Take one event; return its piece of text."""
        if getattr(event, "usage", None) is not None:
            self._usage = event.usage
        if not event.choices:
            return ""
        choice = event.choices[0]
        self._finish = choice.finish_reason or self._finish
        self._logprobs.extend(_logprobs(getattr(choice, "logprobs", None)))
        piece = _text(choice.delta.content)
        self._texts.append(piece)
        return piece

    def reply(self) -> Reply:
        """The whole."""
        if self._finish is None:
            raise ValueError("the stream ended in the middle")
        return Reply(
            text="".join(self._texts),
            finish=_finish(self._finish),
            usage=_usage(self._usage, self._images),
            logprobs=tuple(self._logprobs),
        )


def _text(content: Any) -> str:
    if content is not None and not isinstance(content, str):
        raise TypeError(f"content is {content!r:.80}")
    return content or ""


def _finish(reason: Any) -> Literal["stop", "length"]:
    if reason == "content_filter":
        raise ModelError("the server's content filter withheld the reply")
    if reason not in ("stop", "length"):
        raise ValueError(f"finish_reason is {reason!r:.80}")
    return "length" if reason == "length" else "stop"


def _usage(usage: Any, images: int) -> Usage:
    if usage is None:
        return Usage(images_sent=images)
    details = getattr(usage, "prompt_tokens_details", None)
    prompt = _count(usage.prompt_tokens)
    return Usage(
        tokens_in=prompt,
        tokens_cached=min(prompt, _count(getattr(details, "cached_tokens", None))),
        tokens_out=_count(usage.completion_tokens),
        images_sent=images,
    )


def _count(value: Any) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"a token count is {value!r:.80}")
    return value


def _logprobs(found: Any) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(
            token=str(item.token),
            logprob=float(item.logprob),
            top=tuple((str(other.token), float(other.logprob)) for other in item.top_logprobs or ()),
        )
        for item in (getattr(found, "content", None) or ())
    )
