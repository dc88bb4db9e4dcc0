"""The model that plans, reads and verifies, by name."""

from collections.abc import Callable
from pathlib import Path

from foveate.errors import ConfigError
from foveate.rerankers import shipped
from foveate.rerankers.local import LocalChat
from foveate.rerankers.open_chat import open_chat
from foveate.rerankers.protocols import ChatModel
from foveate.settings import Settings

__all__ = ["check_reasoner", "open_reasoner", "opener"]

_EMBEDDED = "local:smollm2"


_NAMES = ("auto", "generator", "mini", "none")


def check_reasoner(spec: str) -> None:
    """Refuse a name before anything is opened.

    Raises:
        ConfigError: none of the known forms.
    """
    if spec not in _NAMES and not spec.startswith(("local:", "openai:")):
        raise ConfigError(
            f"unknown reasoner {spec!r}; write auto, mini, generator, none, local:MODEL, local:MODEL+ADAPTER or "
            "openai:MODEL@URL"
        )


def open_reasoner(spec: str, settings: Settings, model: ChatModel) -> ChatModel | None:
    """The model that ``spec`` names; loaded at its first call.

    Args:
        spec: ``mini``, ``generator``, ``none``, ``auto``, ``local:MODEL+ADAPTER`` or ``openai:MODEL@URL``.
        settings: generator, key and eyes of a served model.
        model: the generator in force.

    Raises:
        ConfigError: an unknown name.
        ModelMissing: a model was never fetched; the message has the command.
    """
    check_reasoner(spec)
    if spec == "auto":
        spec = "mini" if settings.generator == _EMBEDDED else "generator"
    if spec == "none":
        return None
    if spec == "generator":
        return model
    if spec == "mini":
        return LocalChat("smollm2", adapter=shipped.REASONER)
    if spec.startswith("local:"):
        name, _, adapter = spec.removeprefix("local:").partition("+")
        return LocalChat(name, adapter=Path(adapter).expanduser() if adapter else None)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return open_chat(spec, api_key=key, sees=settings.generator_sees)


def opener(given: ChatModel | str, settings: Settings, model: ChatModel) -> Callable[[], ChatModel | None]:
    """What gives the reasoner when it is needed; an unknown name is refused now.

    Raises:
        ConfigError: none of the known forms.
    """
    if not isinstance(given, str):
        return lambda: given
    check_reasoner(given)
    return lambda: open_reasoner(given, settings, model)
