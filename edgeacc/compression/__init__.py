"""Compression: recipes that say in which number formats a target stores and computes the network."""
