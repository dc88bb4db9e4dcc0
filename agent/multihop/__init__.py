"""Ways to gather evidence for a question that one look does not answer."""
