"""What the shipped reasoning adapter is trained on: plans, short answers, quotes and entailment."""
