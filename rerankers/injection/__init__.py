"""A vector as a token of the prompt (CLIP-UP)."""
