"""LoRA adapters: data, training, and loading them checked."""
