"""The OpenAI-compatible endpoint comes here with its own issue; nothing is served yet."""
