"""Model clients and the second stage."""
