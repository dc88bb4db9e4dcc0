"""Ways to read what was gathered: the sentences that matter, or margins of everything."""
