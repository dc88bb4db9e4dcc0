"""Adapters of random weights, for tests."""

from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from foveate.rerankers.lora.adapters import record_base


def adapter(folder: Path, base: Path, *, rank: int = 8, seed: int = 1, modules: tuple[str, ...] = ("q_proj",)) -> Path:
    """Write an adapter that moves every answer of the model in ``base``; loud enough to change rankings."""
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, local_files_only=True)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(modules), task_type="CAUSAL_LM")
    made = get_peft_model(model, config)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.03)
    torch.random.set_rng_state(state)
    made.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    record_base(folder, base)
    return folder
