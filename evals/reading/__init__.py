"""What readers of published benchmarks share: rows with their places, media on disk, and forms that several have."""
