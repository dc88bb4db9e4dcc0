"""Weights of a folder that was checked, by transformers, in float32, without noise and without code of the folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging as transformers_logging

from foveate.errors import ModelError

__all__ = ["load_model", "load_side", "quiet"]


def load_model(kind: Any, folder: Path, adapter: Path | None = None) -> Any:
    """The model in evaluation mode.

    Args:
        kind: an ``AutoModelFor...`` class.
        folder: that :func:`foveate.rerankers.folders.check_folder` has passed.
        adapter: a LoRA adapter to merge: as fast as the base model, and nobody else holds these weights.

    Raises:
        ModelError: the weights are damaged, incomplete or of another kind.
    """
    with quiet():
        try:
            model, report = kind.from_pretrained(
                folder,
                dtype=torch.float32,
                local_files_only=True,
                output_loading_info=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
        except Exception as error:  # transformers raises whatever its parts raise
            raise _unreadable(folder, error) from error
        # transformers fills missing weights with noise and only logs it.
        for fault in ("missing_keys", "mismatched_keys"):
            if report.get(fault):
                raise ModelError(f"{str(folder)!r} has {fault.replace('_', ' ')}: {sorted(report[fault])[:3]!r}")
        if adapter is not None:
            from foveate.rerankers.lora.adapters import apply_adapter

            model = apply_adapter(model, adapter, merge=True)
    return model.eval()


def load_side(kind: Any, folder: Path) -> Any:
    """The tokenizer or processor.

    Args:
        kind: ``AutoTokenizer`` or ``AutoProcessor``.
        folder: that was checked.

    Raises:
        ModelError: its files are damaged or missing.
    """
    with quiet():
        try:
            return kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # as above
            raise _unreadable(folder, error) from error


@contextmanager
def quiet() -> Iterator[None]:
    """A library prints nothing: no bars, no advice; what the user had set comes back afterwards."""
    bars, level = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity(transformers_logging.CRITICAL)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _unreadable(folder: Path, error: Exception) -> ModelError:
    return ModelError(f"cannot load {str(folder)!r}: {type(error).__name__}: {str(error)[:300]}")
