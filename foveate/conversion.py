"""Conversion of fetched weights to safetensors, done once by ``foveate models get`` and nowhere else.

Formats that can carry code (``.pth`` is a pickle) are read here, once, with the safe reader of their
library; everything that loads a model afterwards reads safetensors only.
"""

import json
from pathlib import Path
from typing import Any

from foveate.errors import ExtraMissing, ModelError

__all__ = ["efficientnet_lite0", "gguf_causal_lm"]


def efficientnet_lite0(folder: Path) -> None:
    """Turn ``efficientnet_lite0.pth`` in ``folder`` into safetensors under timm's tensor names.

    The checkpoint's 296 tensors stand in the order of timm's ``tf_efficientnet_lite0`` under other names;
    each pair must agree in last name part (``weight``, ``running_mean`` ...) and in shape.

    Raises:
        ExtraMissing: without torch or timm.
        ModelError: if a tensor does not match.
    """
    try:
        import timm
        import torch
        from safetensors.torch import save_file
    except ImportError as error:
        raise ExtraMissing(error.name or "torch", "embedded") from error
    source = folder / "efficientnet_lite0.pth"
    loaded: dict[str, torch.Tensor] = torch.load(source, map_location="cpu", weights_only=True)
    wanted: dict[str, torch.Tensor] = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    if len(loaded) != len(wanted):
        raise ModelError(f"{source.name!r} holds {len(loaded)} tensors; expected {len(wanted)}")
    renamed: dict[str, torch.Tensor] = {}
    for (name, tensor), (theirs, target) in zip(loaded.items(), wanted.items(), strict=True):
        if name.rsplit(".", 1)[-1] != theirs.rsplit(".", 1)[-1] or tensor.shape != target.shape:
            raise ModelError(f"tensor {name!r} {tuple(tensor.shape)} does not fit {theirs!r} {tuple(target.shape)}")
        renamed[theirs] = tensor.contiguous()
    save_file(renamed, folder / "efficientnet_lite0.safetensors")
    source.unlink()


def gguf_causal_lm(folder: Path) -> None:
    """Turn ``model.gguf`` in ``folder`` into a transformers folder: safetensors, config, tokenizer.

    Weights are dequantised to float32 (Q4_1 blocks hold 16-bit scales, so nothing is lost). The model is
    rebuilt from its config before saving: the one read from GGUF keeps a ``quantization_config`` that
    servers refuse.

    Raises:
        ExtraMissing: without torch, transformers or gguf.
    """
    try:
        import gguf  # noqa: F401  (transformers needs it for gguf_file= and says so less clearly)
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise ExtraMissing(error.name or "transformers", "embedded") from error
    name = "model.gguf"
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, gguf_file=name, local_files_only=True)
    read: Any = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, local_files_only=True)
    config = read.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = torch.float32
    clean: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    clean.load_state_dict(read.state_dict())
    clean.generation_config = read.generation_config
    clean.save_pretrained(folder, safe_serialization=True, max_shard_size="4GB")
    tokenizer.save_pretrained(folder)
    _drop_key(folder / "config.json", "quantization_config")
    (folder / name).unlink()


def _drop_key(path: Path, key: str) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.pop(key, None) is not None:
        path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
