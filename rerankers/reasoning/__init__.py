"""Reasoning with a language model: plans, short answers, quotes, entailment."""
