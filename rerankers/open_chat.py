"""Chat models by name: one string, as settings and the command line write it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from foveate.errors import ConfigError
from foveate.rerankers.protocols import ChatModel
from foveate.settings import Settings

__all__ = ["CHATS", "generator_of", "open_chat"]

CHATS = {
    "local": "foveate.rerankers.local:LocalChat",
    "openai": "foveate.rerankers.client:OpenAIChat",
    "scripted": "foveate.rerankers.scripted:ScriptedChat",
}
"""Kind of chat model -> where it is; loaded on use, because torch alone takes seconds to import."""

_OPENAI_FORM = "openai:MODEL@http://HOST:PORT/v1"
_FORMS = f"local:smollm2, local:/path/to/folder, {_OPENAI_FORM}, scripted"


def _local(rest: str, spec: str) -> dict[str, Any]:
    return {"model": rest} if rest else {}


def _openai(rest: str, spec: str) -> dict[str, Any]:
    # Model names may hold an @ (as in name@revision), addresses with one are refused: so the last counts.
    model, found, address = rest.rpartition("@http")
    if not found or not model or not urlsplit(f"http{address}").hostname:
        raise ConfigError(f"chat model {spec!r} lacks a name or an address; write {_OPENAI_FORM}")
    return {"model": model, "base_url": f"http{address}"}


def _scripted(rest: str, spec: str) -> dict[str, Any]:
    return {"name": rest} if rest else {}


_READERS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "local": _local,
    "openai": _openai,
    "scripted": _scripted,
}


def open_chat(spec: str, **options: Any) -> ChatModel:
    """The chat model that ``spec`` names.

    Args:
        spec: ``local:NAME``, ``local:/path/to/folder``, ``openai:MODEL@ADDRESS`` or ``scripted``.
        options: handed to the class: ``api_key``, ``sees``, ``timeout_s`` ... for ``openai``, ``replies`` for
            ``scripted``.

    Raises:
        ConfigError: the kind is unknown, or an option is none of that kind's.
    """
    kind, _, rest = spec.partition(":")
    if kind not in CHATS:
        raise ConfigError(f"unknown chat model {spec!r}; choose one of: {_FORMS}")
    arguments = _READERS[kind](rest, spec)
    module, _, attribute = CHATS[kind].partition(":")
    build = getattr(import_module(module), attribute)
    try:
        model: ChatModel = build(**{**arguments, **options})
    except TypeError as error:
        raise ConfigError(f"chat model {spec!r}: {error}") from error
    return model


def generator_of(settings: Settings) -> ChatModel:
    """The chat model that the settings name, with their key and whether it sees.

    Raises:
        ConfigError: as :func:`open_chat`.
        ModelMissing: an embedded model was never fetched; the message has the command.
    """
    if not settings.generator.startswith("openai:"):
        return open_chat(settings.generator)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return open_chat(settings.generator, api_key=key, sees=settings.generator_sees)
