"""vLLM: started, watched, given adapters, and held to the in-process reference."""
