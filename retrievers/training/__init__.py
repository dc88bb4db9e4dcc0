"""Recipes that make the weights we ship."""
