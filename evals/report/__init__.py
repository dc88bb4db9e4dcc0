"""Reports: one HTML file, Markdown and JSON."""
