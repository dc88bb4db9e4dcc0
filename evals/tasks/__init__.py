"""What is asked of a target, and how its output is scored."""
