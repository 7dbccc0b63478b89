"""Encoders, the size ladder, alignment heads, checkpoints, and the one form that every target starts from."""
