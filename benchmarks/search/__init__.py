"""A search over recipes, pruned networks and formats by layer, each measured in its real runtime and judged in bpm."""
