"""What all layers share: reading media."""
