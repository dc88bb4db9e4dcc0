"""One model three times: in process, as a server serves it, and as what it must not be taken for."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foveate.errors import ExtraMissing
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.protocols import Judgement, Message, YesNoModel
from foveate.rerankers.served_judge import ServedJudge
from foveate.serving.vllm.launch import sees
from foveate.serving.vllm.parity import BATCHES
from foveate.serving.vllm.state import Server

__all__ = ["Judges", "exact", "judges_of", "served_judge"]

# vLLM gives log-probabilities of up to 128 chosen tokens.
_MOST = 128
# A CPU takes seconds a prompt, and up to 32 wait for one another.
_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Judges:
    """What to compare."""

    reference: YesNoModel
    served: YesNoModel
    suspects: Mapping[str, YesNoModel]
    served_at: Callable[[int], YesNoModel]
    """Of both see :func:`foveate.serving.vllm.parity.compare`."""


def judges_of(server: Server, base: Path, adapter: Path | None = None, served_name: str | None = None) -> Judges:
    """The model in ``base``, with ``adapter``, in process and on ``server``.

    Args:
        server: where it runs.
        base: its folder here.
        adapter: folder of an adapter.
        served_name: what the server calls it; the adapter's name by content, or the server's model, if left out.

    Raises:
        CallerError, ModelError: as :func:`foveate.rerankers.lora.adapters.check_adapter`.
        ExtraMissing: without transformers.
    """
    if served_name is None and adapter is not None:
        from foveate.rerankers.lora.adapters import check_adapter

        served_name = check_adapter(adapter, base).served_name
    suspects = {"the base model without the adapter": _local(base, None)} if adapter is not None else {}

    def fresh(size: int) -> YesNoModel:
        # A tenant of its own: neither prefixes nor pictures of another pass are reused.
        key = secrets.token_bytes(32)
        return _Brief(served_judge(server, base, served_name, at_once=size, tenant="parity", tenant_key=key))

    return Judges(reference=_local(base, adapter), served=fresh(1), suspects=suspects, served_at=fresh)


class _Brief:
    """Leaves no connection open behind a call."""

    def __init__(self, judge: ServedJudge) -> None:
        self.name, self.sees, self.cut = judge.name, judge.sees, judge.cut
        self._judge = judge

    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
        """See :class:`ServedJudge`."""
        try:
            return await self._judge.judge(prompts)
        finally:
            if isinstance(self._judge.chat, OpenAIChat):
                await self._judge.chat.aclose()


def served_judge(
    server: Server,
    base: Path,
    name: str | None = None,
    *,
    at_once: int = max(BATCHES),
    tenant: str | None = None,
    tenant_key: bytes | None = None,
) -> ServedJudge:
    """Yes/no judgements of a model or adapter on ``server``, over all spellings of both answers.

    Args:
        server: where it runs.
        base: folder of the same tokenizer.
        name: of a model or adapter there; the server's model if left out.
        at_once: the most requests under way.
        tenant: only prompts of the same tenant share what is cached.
        tenant_key: see :class:`foveate.rerankers.client.OpenAIChat`.

    Raises:
        ModelError: the tokenizer has no tokens for yes and no.
        ExtraMissing: without transformers.
    """
    chat = OpenAIChat(
        name or server.model,
        server.base_url,
        api_key=server.key,
        sees=sees(base),
        timeout_s=_TIMEOUT_S,
        extra=exact(base),
        tenant=tenant,
        tenant_key=tenant_key,
        vllm=True,
    )
    return ServedJudge(chat, tokenizer=base, at_once=at_once)


def exact(base: Path) -> dict[str, Any]:
    """Body fields that make vLLM tell the log-probabilities of the answers' tokens, however unlikely they are.

    Without them an answer is unknown when its tokens are not among the 20 likeliest.
    """
    try:
        from transformers import AutoTokenizer
    except ModuleNotFoundError as error:
        raise ExtraMissing(error.name or "transformers", "embedded") from error
    from foveate.rerankers.prompts import ChatPrompt
    from foveate.rerankers.yesno import answer_tokens

    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True, trust_remote_code=False)
    prompt = ChatPrompt(tokenizer, base.name)
    found = answer_tokens(tokenizer.get_vocab(), prompt.encode_text, control=prompt.control_ids, name=base.name)
    ids = sorted({*found.yes, *found.no})
    return {"logprob_token_ids": ids} if len(ids) <= _MOST else {}


def _local(base: Path, adapter: Path | None) -> YesNoModel:
    if sees(base):
        from foveate.rerankers.vision import VisionJudge

        return VisionJudge(base, adapter)
    from foveate.rerankers.local_judge import LocalJudge

    return LocalJudge(base, adapter)
