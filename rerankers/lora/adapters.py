"""LoRA adapters checked before anything loads them: files, configuration, base model, shapes and numbers.

peft falls back to unpickling where no safetensors is there, imports what ``auto_mapping`` names, reads
``target_modules`` as a regular expression and follows the base model a file names; none of these gets that far.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foveate.errors import CallerError, ExtraMissing, ModelError
from foveate.ids import digest, file_digest
from foveate.rerankers.folders import MAX_HEADER_BYTES
from foveate.rerankers.lora.bases import base_digest, base_shapes, layer_key, tensor_names

__all__ = ["CARD", "MAX_RANK", "AdapterInfo", "apply_adapter", "check_adapter", "record_base"]

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
CARD = "foveate_adapter.json"
"""What foveate knows of an adapter; ``base_digest`` ties it to its base model."""
MAX_RANK = 64
_FILES = frozenset({CONFIG, WEIGHTS, CARD, "README.md"})
_MAX_WEIGHTS = 2**30
_MAX_JSON = 1 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
# Keys of peft's file that may hold something; every other must be null, false, empty, or what peft writes anyway.
_MAY_HOLD = frozenset(
    {"base_model_name_or_path", "inference_mode", "init_lora_weights", "layers_to_transform", "lora_alpha"}
    | {"lora_dropout", "peft_type", "peft_version", "r", "target_modules", "task_type"}
)
_WRITTEN_ANYWAY = {"bias": "none", "megatron_core": "megatron.core", "qalora_group_size": 16}
_PARTS = ("lora_A", "lora_B")


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterInfo:
    """An adapter that passed the checks."""

    name: str
    """Of its folder."""
    digest: str
    """Of its configuration and weights, 32 hexadecimal digits."""
    rank: int
    alpha: float
    target_modules: tuple[str, ...]
    """Last parts of the names of the layers that are adapted."""
    base_name: str
    base_digest: str
    """See :func:`foveate.rerankers.lora.bases.base_digest`."""

    @property
    def served_name(self) -> str:
        """Unique to the content, so that a server never mixes the caches of two adapters."""
        plain = re.sub(r"[^A-Za-z0-9._]+", "-", self.name).strip("-.") or "adapter"
        return f"{plain}-{self.digest[:12]}"


def check_adapter(folder: Path, base: Path) -> AdapterInfo:
    """What ``folder`` holds, if it is a LoRA adapter for the model in ``base`` and safe to load.

    Raises:
        CallerError: no such folder.
        ModelError: unsafe, damaged, or for another base model; names file, key or tensor.
    """
    config = _checked(folder)
    card = _json(folder / CARD)
    name, wanted = card.get("base_name"), card.get("base_digest")
    if not isinstance(name, str) or not isinstance(wanted, str):
        raise ModelError(f"{str(folder / CARD)!r} does not name a base model ('base_name', 'base_digest')")
    found = base_digest(base)
    if wanted != found:
        raise ModelError(
            f"{str(folder)!r} is an adapter for another base model: for {name!r} ({wanted[:12]}), "
            f"not for {str(base)!r} ({found[:12]})"
        )
    _check_shapes(folder, config, base_shapes(base))
    return AdapterInfo(
        name=folder.absolute().name,
        digest=digest("adapter", file_digest(folder / CONFIG), file_digest(folder / WEIGHTS)),
        rank=config["r"],
        alpha=float(config["lora_alpha"]),
        target_modules=tuple(sorted({name.rpartition(".")[2] for name in config["target_modules"]})),
        base_name=name,
        base_digest=found,
    )


def apply_adapter(model: Any, folder: Path, *, merge: bool = False) -> Any:
    """The model with the adapter, in evaluation mode. ``model`` itself is changed: peft puts its layers into it.

    Call :func:`check_adapter` first: only it knows the base folder. All other checks are made here again.

    Args:
        model: a transformers model that was just loaded.
        folder: of the adapter.
        merge: add the update to the weights: as fast as the base alone, and the base is gone.

    Raises:
        ExtraMissing: without peft.
        ModelError: unsafe, damaged, or not of the model's shapes.
    """
    try:
        from peft import PeftModel
    except ModuleNotFoundError as error:
        raise ExtraMissing(error.name or "peft", "embedded") from error
    config = _checked(folder)
    shapes: dict[str, set[tuple[int, ...]]] = {}
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if weight is not None:
            shapes.setdefault(layer_key(name), set()).add(tuple(weight.shape))
    _check_shapes(folder, config, {key: frozenset(value) for key, value in shapes.items()})
    try:
        adapted = PeftModel.from_pretrained(model, str(folder), local_files_only=True)
    except Exception as error:  # peft raises whatever its parts raise
        raise ModelError(f"cannot load {str(folder)!r}: {type(error).__name__}: {str(error)[:300]}") from error
    return (adapted.merge_and_unload() if merge else adapted).eval()


def record_base(folder: Path, base: Path, name: str | None = None) -> None:
    """Write down that an adapter made elsewhere belongs to the model in ``base``; the caller vouches for it."""
    body = {"base_name": name or base.absolute().name, "base_digest": base_digest(base)}
    (folder / CARD).write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def _checked(folder: Path) -> dict[str, Any]:
    """The configuration, after all checks that need no base model."""
    if not folder.is_dir():
        raise CallerError(f"no adapter folder at {str(folder)!r}")
    foreign = sorted(file.name for file in folder.iterdir() if file.name not in _FILES or not file.is_file())
    if foreign:
        raise ModelError(
            f"{str(folder / foreign[0])!r} does not belong to an adapter, which holds only {', '.join(sorted(_FILES))}"
        )
    for name in (CONFIG, WEIGHTS, CARD):
        if not (folder / name).is_file():
            raise ModelError(f"{str(folder)!r} is no adapter foveate can check: it has no {name}")
    config = _json(folder / CONFIG)
    _check_config(config, str(folder / CONFIG))
    _check_size(folder / WEIGHTS)
    _check_numbers(folder / WEIGHTS)
    return config


def _check_config(config: Mapping[str, Any], where: str) -> None:
    def refuse(key: str, allowed: str) -> ModelError:
        return ModelError(f"{where!r}: {key!r} is {config.get(key)!r:.100}; allowed: {allowed}")

    if config.get("peft_type") != "LORA":
        raise refuse("peft_type", "'LORA'")
    if config.get("task_type") not in (None, "CAUSAL_LM"):
        raise refuse("task_type", "'CAUSAL_LM'")
    for key, value in config.items():
        if key not in _MAY_HOLD and value and value != _WRITTEN_ANYWAY.get(key):
            raise refuse(key, "nothing: foveate loads plain LoRA only")
    for key, (good, allowed) in _VALUES.items():
        if not good(config.get(key)):
            raise refuse(key, allowed)


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 4096


def _plain_names(value: object) -> bool:
    names = value if isinstance(value, list) else []
    return bool(names) and all(isinstance(item, str) and _NAME.fullmatch(item) for item in names)


def _layer_numbers(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(_whole(item, 0, 9999) for item in value))


_VALUES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "r": (lambda value: _whole(value, 1, MAX_RANK), f"whole numbers from 1 to {MAX_RANK}"),
    "lora_alpha": (_positive, "numbers above 0 up to 4096"),
    "init_lora_weights": (lambda value: value is None or isinstance(value, bool), "true or false"),
    "target_modules": (_plain_names, "a list of plain names"),
    "layers_to_transform": (_layer_numbers, "null or a list of layer numbers"),
}


def _check_size(file: Path) -> None:
    size = file.stat().st_size
    if size > _MAX_WEIGHTS:
        raise ModelError(f"{str(file)!r} has {size} bytes; an adapter may have {_MAX_WEIGHTS}")
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
    if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
        raise ModelError(f"{str(file)!r} is damaged: its header claims {length} bytes in a file of {size}")


def _check_numbers(file: Path) -> None:
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():
                tensor = opened.get_tensor(name)
                if not tensor.is_floating_point():
                    raise ModelError(f"{str(file)!r}: tensor {name!r} holds {tensor.dtype}, not real numbers")
                if not bool(torch.isfinite(tensor.float()).all()):
                    raise ModelError(f"{str(file)!r}: tensor {name!r} holds numbers that are not finite")
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{str(file)!r} is damaged: {error}") from error


def _check_shapes(folder: Path, config: Mapping[str, Any], base: Mapping[str, frozenset[tuple[int, ...]]]) -> None:
    file = folder / WEIGHTS
    rank, names = config["r"], config["target_modules"]
    for name in names:
        if not any(_under(key, name) for key in base):
            raise ModelError(f"{str(folder / CONFIG)!r}: the base model has no module {name!r} ('target_modules')")
    pairs: dict[str, set[str]] = {}
    for tensor, shape in tensor_names(file).items():
        layer, part = _place(tensor)
        key = layer_key(layer)
        targeted = any(_under(key, name) for name in names)
        if part not in _PARTS or not targeted or key not in base:
            raise ModelError(f"{str(file)!r}: tensor {tensor!r} belongs to no module that the adapter names")
        wanted = {(rank, row[1]) if part == "lora_A" else (row[0], rank) for row in base[key] if len(row) == 2}
        if shape not in wanted:
            raise ModelError(f"{str(file)!r}: tensor {tensor!r} has shape {shape}; the base needs {sorted(wanted)}")
        pairs.setdefault(layer, set()).add(part)
    for layer, parts in sorted(pairs.items()):
        if len(parts) < 2:
            raise ModelError(f"{str(file)!r}: layer {layer!r} has only {min(parts)}")
    if not pairs:
        raise ModelError(f"{str(file)!r} holds no tensors")


def _under(key: str, name: str) -> bool:
    """Does peft take ``name`` for this layer?"""
    return f".{key}".endswith(f".{layer_key(name)}")


def _place(tensor: str) -> tuple[str, str]:
    """``base_model.model.x.q_proj.lora_A.weight`` -> (``base_model.model.x.q_proj``, ``lora_A``)."""
    layer, _, rest = tensor.rpartition(".lora_")
    part = f"lora_{rest.removesuffix('.weight')}"
    return layer, part if rest.endswith(".weight") else ""


def _json(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            raw = opened.read(_MAX_JSON + 1)
        if len(raw) > _MAX_JSON:
            raise ModelError(f"{str(file)!r} is larger than {_MAX_JSON} bytes")
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{str(file)!r} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ModelError(f"{str(file)!r} is no JSON object")
    return body
