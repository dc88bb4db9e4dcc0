"""Encoders by name: one literal table, each loaded on use."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from foveate.errors import CallerError
from foveate.retrievers.protocols import Encoder

__all__ = ["ENCODERS", "load_encoder"]

ENCODERS = {
    "hashed": "foveate.retrievers.encoders.hashed:HashedEncoder",
    "mini": "foveate.retrievers.encoders.mini:MiniEncoder",
    "open_clip": "foveate.retrievers.encoders.open_clip:OpenClipEncoder",
}
"""Name -> ``module:attr``. ``open_clip`` takes ``:MODEL/TAG`` after it."""


def load_encoder(name: str) -> Encoder:
    """Build the encoder ``name``: ``mini``, ``hashed`` or ``open_clip:MODEL/TAG``.

    A TAG may also be the path of a weights file: ``open_clip:ViT-B-32/weights/vit.safetensors``.

    Raises:
        CallerError: if nothing has that name, or ``open_clip`` lacks model or tag.
        ExtraMissing: if a package it needs is absent.
        ModelMissing: if its weights were never fetched.
    """
    kind, colon, rest = name.partition(":")
    model, _, tag = rest.partition("/")
    if kind not in ENCODERS or (kind == "open_clip") != bool(colon):
        choices = ", ".join(repr(known) for known in sorted(ENCODERS) if known != "open_clip")
        raise CallerError(f"no encoder named {name!r}; there are {choices} and 'open_clip:MODEL/TAG'")
    if kind != "open_clip":
        return _attribute(kind)()
    if not (model and tag):
        raise CallerError(f"encoder {name!r} names no model and tag; write 'open_clip:ViT-B-32/laion2b_s34b_b79k'")
    return _attribute(kind)(model, tag)


def _attribute(kind: str) -> Callable[..., Encoder]:
    module, _, attribute = ENCODERS[kind].partition(":")
    found: Any = getattr(import_module(module), attribute)
    return found  # type: ignore[no-any-return]
