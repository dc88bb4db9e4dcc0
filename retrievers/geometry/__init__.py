"""Where a vector lies among its kind."""
