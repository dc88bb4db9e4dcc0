"""A knowledge base with pictures, made from public packages: countries, cities, flags."""
