"""The command line and the environment that vLLM is started with. Nothing runs here.

Settings follow vLLM's security guide: loopback only, a key, no remote media, no remote code, nothing of the caller's
environment beyond what finding libraries and devices takes.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from foveate.errors import CallerError, ModelError
from foveate.rerankers.folders import check_folder
from foveate.serving.vllm.state import LoraRoom

__all__ = ["GUARD", "HOST", "Launch", "command", "environment", "folder_of", "lora_room", "sees"]

HOST = "127.0.0.1"
GUARD = "foveate_vllm_guard"
"""Module that vLLM imports the check of the key from."""
# RFC 6761: names below "invalid" never resolve, so no address passes. foveate itself sends "data:" only.
_NO_DOMAIN = "no-media-by-address.invalid"
_RANKS = (1, 8, 16, 32, 64)
_KEPT = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "OMP_NUM_THREADS"),
    *("CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ROCM_PATH"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How to serve one model."""

    model: Path
    """Its folder."""
    served_name: str
    port: int
    python: Path
    """Of the environment that has vLLM."""
    device: Literal["cpu", "gpu"] = "cpu"
    context: int | None = None
    """Tokens; None takes the model's own."""
    images: int = 8
    """Pictures a prompt may hold."""
    kv_gb: float = 2.0
    """GiB for attention states; on a GPU vLLM takes what is free instead."""
    lora: LoraRoom | None = None
    """None serves the base model alone, with no way to load adapters."""


def command(launch: Launch) -> list[str]:
    """Arguments to start the server with; the key is not among them, since everyone can read those."""
    # `vllm serve` asks for the version of a package "vllm", which the CPU build is not.
    made = [str(launch.python), "-m", "vllm.entrypoints.openai.api_server"]
    made += ["--model", str(launch.model), "--served-model-name", launch.served_name]
    made += ["--host", HOST, "--port", str(launch.port), "--middleware", f"{GUARD}.Guard"]
    made += ["--disable-fastapi-docs", "--disable-uvicorn-access-log", "--enable-prompt-tokens-details"]
    # Not the model's own sampling defaults: what a request says is what it gets.
    made += ["--generation-config", "vllm", "--max-logprobs", "20"]
    made += ["--enable-prefix-caching", "--prefix-caching-hash-algo", "sha256"]
    made += ["--allowed-media-domains", _NO_DOMAIN, "--mm-hasher-algorithm", "sha256"]
    made += ["--limit-mm-per-prompt", json.dumps({"image": launch.images, "video": 0, "audio": 0})]
    if launch.context is not None:
        made += ["--max-model-len", str(launch.context)]
    if launch.device == "cpu":
        # bfloat16 is emulated on most CPUs, 4 to 5 times slower; eager starts in 60 s.
        made += ["--dtype", "float32", "--enforce-eager"]
    return made + (_lora(launch.lora) if launch.lora else [])


def _lora(room: LoraRoom) -> list[str]:
    made = ["--enable-lora", "--max-lora-rank", str(room.rank), "--max-loras", str(room.slots)]
    made += ["--max-cpu-loras", str(max(8, room.slots))]
    # Without names every linear layer pays: a 600-token prefill took 6.9 s instead of 2.1 on a CPU.
    return made + (["--lora-target-modules", *room.modules] if room.modules else [])


def environment(launch: Launch, folder: Path, key: str, outside: Mapping[str, str] = os.environ) -> dict[str, str]:
    """All variables of the server; of ``outside`` only those that find libraries and devices.

    Args:
        launch: what is served.
        folder: private; the guard's module and vLLM's caches lie in it.
        key: that requests must carry.
        outside: the caller's environment.
    """
    made = {name: outside[name] for name in _KEPT if name in outside}
    made |= {
        "VLLM_API_KEY": key,
        "PYTHONPATH": str(folder / "lib"),
        "PYTHONSAFEPATH": "1",
        "VLLM_CACHE_ROOT": str(folder / "cache"),
        "VLLM_HOST_IP": HOST,
        "VLLM_PLUGINS": "",
        "VLLM_MAX_N_SEQUENCES": "8",
        "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
        "VLLM_MAX_AUDIO_CLIP_FILESIZE_MB": "1",
        "VLLM_MAX_IMAGE_PIXELS": "64000000",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "VLLM_LOGGING_COLOR": "0",
    }
    if launch.device == "cpu":
        made["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, math.ceil(launch.kv_gb)))
    if launch.lora:
        made["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
    return made


def folder_of(model: str) -> Path:
    """The folder of a model: a path, or the name of a fetched model; checked as before loading it in process.

    Raises:
        CallerError, ModelMissing: none of that name.
        ModelError: it asks to run code, holds no safetensors, or keeps a key that vLLM stumbles over.
    """
    from foveate import models

    folder = Path(model).expanduser().absolute() if "/" in model or "\\" in model else models.path(model)
    check_folder(folder)
    quantized = _config(folder).get("quantization_config")
    if isinstance(quantized, dict) and quantized.get("quant_method") == "gguf":
        raise ModelError(
            f"{str(folder / 'config.json')!r} still says 'quantization_config' gguf, which vLLM refuses: "
            "delete that key; the weights beside it are plain"
        )
    return folder


def sees(folder: Path) -> bool:
    """Whether the model in ``folder`` takes pictures, by its configuration."""
    return "vision_config" in _config(folder)


def lora_room(rank: int, modules: tuple[str, ...], slots: int = 4) -> LoraRoom:
    """Room for adapters up to ``rank``, rounded up to a rank that vLLM knows.

    Raises:
        CallerError: a rank that is too high.
    """
    if not 1 <= rank <= _RANKS[-1]:
        raise CallerError(f"rank is {rank!r}; allowed are 1 to {_RANKS[-1]}")
    return LoraRoom(rank=next(known for known in _RANKS if known >= rank), modules=modules, slots=slots)


def _config(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "config.json").read_bytes())
    return found if isinstance(found, dict) else {}
