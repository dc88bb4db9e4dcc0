"""Whether a question can be answered, and how sure an answer is."""
