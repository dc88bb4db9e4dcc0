"""How a picture goes with a question and its options (CLIP-UP)."""
