"""What vLLM is started with."""

import json
from pathlib import Path

import pytest

from foveate.errors import CallerError, ModelError, ModelMissing
from foveate.serving.vllm.launch import Launch, command, environment, folder_of, lora_room, sees
from foveate.serving.vllm.state import LoraRoom
from tests.rerankers import tiny

PLAIN = Launch(model=Path("/models/x"), served_name="x", port=8001, python=Path("/venv/bin/python"))
ROOM = LoraRoom(rank=16, modules=("q_proj", "v_proj"), slots=2)


def pairs(arguments: list[str]) -> dict[str, str]:
    """Flag -> its value, or what follows it."""
    return {flag: value for flag, value in zip(arguments, [*arguments[1:], ""], strict=True) if flag.startswith("--")}


def test_command_keeps_to_the_security_guide() -> None:
    made = command(PLAIN)
    flags = pairs(made)
    assert made[:3] == ["/venv/bin/python", "-m", "vllm.entrypoints.openai.api_server"]
    assert flags["--host"] == "127.0.0.1" and flags["--port"] == "8001"
    assert flags["--allowed-media-domains"].endswith(".invalid")
    assert flags["--prefix-caching-hash-algo"] == flags["--mm-hasher-algorithm"] == "sha256"
    assert json.loads(flags["--limit-mm-per-prompt"]) == {"image": 8, "video": 0, "audio": 0}
    assert flags["--middleware"] == "foveate_vllm_guard.Guard"
    never = (
        "--trust-remote-code --api-key --allowed-local-media-path --enable-prompt-embeds --tool-server --lora-modules"
    )
    assert not {*never.split(), "--profiler-config", "--enable-tokenizer-info-endpoint"} & set(made)
    assert "--enable-lora" not in made and "--max-model-len" not in made


def test_cpu_and_gpu() -> None:
    assert pairs(command(PLAIN))["--dtype"] == "float32"
    gpu = Launch(model=Path("/m"), served_name="m", port=1, python=Path("/p"), device="gpu", context=4096)
    assert "--dtype" not in command(gpu) and "--enforce-eager" not in command(gpu)
    assert pairs(command(gpu))["--max-model-len"] == "4096"
    assert "VLLM_CPU_KVCACHE_SPACE" not in environment(gpu, Path("/s"), "k", {})


def test_lora() -> None:
    launch = Launch(model=Path("/m"), served_name="m", port=1, python=Path("/p"), lora=ROOM)
    made = command(launch)
    assert made[made.index("--lora-target-modules") + 1 :][:2] == ["q_proj", "v_proj"]
    assert pairs(made)["--max-lora-rank"] == "16" and pairs(made)["--max-loras"] == "2"
    assert environment(launch, Path("/s"), "k", {})["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" not in environment(PLAIN, Path("/s"), "k", {})


def test_environment_brings_nothing_else() -> None:
    outside = {
        "PATH": "/bin",
        "CUDA_VISIBLE_DEVICES": "1",
        "HF_TOKEN": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "VLLM_SERVER_DEV_MODE": "1",
        "VLLM_API_KEY": "old",
        "PYTHONPATH": "/evil",
        "http_proxy": "http://elsewhere",
    }
    made = environment(PLAIN, Path("/state"), "new", outside)
    assert made["PATH"] == "/bin" and made["CUDA_VISIBLE_DEVICES"] == "1"
    assert made["VLLM_API_KEY"] == "new" and made["PYTHONPATH"] == "/state/lib"
    assert "secret" not in made.values() and "VLLM_SERVER_DEV_MODE" not in made and "http_proxy" not in made
    wanted = {"VLLM_MAX_N_SEQUENCES": "8", "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0", "HF_HUB_OFFLINE": "1"}
    assert wanted.items() <= made.items() and made["VLLM_HOST_IP"] == "127.0.0.1"
    assert "new" not in command(PLAIN)


@pytest.mark.parametrize(("gb", "whole"), [(0.5, "1"), (2.0, "2"), (2.1, "3")])
def test_memory_is_rounded_up(gb: float, whole: str) -> None:
    launch = Launch(model=Path("/m"), served_name="m", port=1, python=Path("/p"), kv_gb=gb)
    assert environment(launch, Path("/s"), "k", {})["VLLM_CPU_KVCACHE_SPACE"] == whole


@pytest.mark.parametrize(("rank", "known"), [(1, 1), (2, 8), (8, 8), (9, 16), (33, 64), (64, 64)])
def test_ranks_are_rounded_up_to_what_vllm_knows(rank: int, known: int) -> None:
    assert lora_room(rank, ()).rank == known


@pytest.mark.parametrize("rank", [0, 65])
def test_ranks_out_of_reach(rank: int) -> None:
    with pytest.raises(CallerError, match="allowed are 1 to 64"):
        lora_room(rank, ())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny.build(tmp_path / "tiny")


def test_folder_of(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder_of(str(model)) == model
    monkeypatch.chdir(model.parent)
    assert folder_of("./tiny") == model
    assert not sees(model)


def test_folder_of_an_unfetched_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEATE_MODELS_DIR", str(tmp_path))
    with pytest.raises(ModelMissing, match="foveate models get smollm2"):
        folder_of("smollm2")


def rewrite(model: Path, **more: object) -> None:
    file = model / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def test_remote_code_is_refused(model: Path) -> None:
    rewrite(model, auto_map={"AutoModel": "evil.Model"})
    with pytest.raises(ModelError, match="auto_map"):
        folder_of(str(model))


def test_a_key_that_vllm_stumbles_over(model: Path) -> None:
    rewrite(model, quantization_config={"quant_method": "gguf"})
    with pytest.raises(ModelError, match="delete that key"):
        folder_of(str(model))


def test_a_model_that_sees(model: Path) -> None:
    rewrite(model, vision_config={})
    assert sees(model)
