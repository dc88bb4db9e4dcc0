"""Targets by name: one literal table, each built from the settings on use."""

from collections.abc import Callable
from typing import Any

from foveate.errors import CallerError
from foveate.evals.targets.protocols import Target
from foveate.rerankers.open_chat import generator_of
from foveate.rerankers.scripted import ScriptedChat
from foveate.retrievers.encoders.presets import load_encoder
from foveate.settings import Settings

__all__ = ["TARGETS", "open_target"]


def _agent(settings: Settings, options: dict[str, Any]) -> Target:
    from foveate.evals.targets.agent import AgentTarget

    return AgentTarget(
        settings, load_encoder(settings.encoder), generator_of(settings), reasoner=settings.reasoner, **options
    )


def _retriever(settings: Settings, options: dict[str, Any]) -> Target:
    from foveate.evals.targets.agent import AgentTarget

    target = AgentTarget(settings, load_encoder(settings.encoder), ScriptedChat([], name="none"), **options)
    target.kind, target.abilities = "retriever", frozenset({"find", "locate"})
    return target


def _reranker(settings: Settings, options: dict[str, Any]) -> Target:
    from foveate.evals.targets.reranker import RerankerTarget

    return RerankerTarget(settings, load_encoder(settings.encoder), ScriptedChat([], name="none"), **options)


def _encoder(settings: Settings, options: dict[str, Any]) -> Target:
    from foveate.evals.targets.encoder import EncoderTarget

    return EncoderTarget(load_encoder(settings.encoder), **options)


def _model(settings: Settings, options: dict[str, Any]) -> Target:
    from foveate.evals.targets.model import ModelTarget

    return ModelTarget(generator_of(settings), **options)


def _endpoint(settings: Settings, options: dict[str, Any]) -> Target:
    from foveate.evals.targets.endpoint import EndpointTarget
    from foveate.rerankers.client import OpenAIChat

    chat = generator_of(settings)
    if not isinstance(chat, OpenAIChat):
        raise CallerError(f"target 'endpoint' needs `--model openai:MODEL@http://HOST:PORT/v1`, not {chat.name!r}")
    return EndpointTarget(chat, **options)


TARGETS: dict[str, Callable[[Settings, dict[str, Any]], Target]] = {
    "agent": _agent,
    "encoder": _encoder,
    "endpoint": _endpoint,
    "model": _model,
    "reranker": _reranker,
    "retriever": _retriever,
}
"""``agent`` in process, an agent behind an ``endpoint``, a bare ``model``, the hybrid ``retriever``, its ``encoder``
alone, and the ``reranker`` over the retriever."""


def open_target(kind: str, settings: Settings, **options: Any) -> Target:
    """Build the target ``kind``.

    Raises:
        CallerError: nothing has that name, or an option is none of its.
        ModelMissing: a model was never fetched; the message has the command.
    """
    if kind not in TARGETS:
        raise CallerError(f"target {kind!r} is none of {sorted(TARGETS)}")
    try:
        return TARGETS[kind](settings, options)
    except TypeError as error:
        raise CallerError(f"target {kind!r}: {error}") from None
