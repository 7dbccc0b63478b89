"""Benchmarks: what each artifact costs on this machine, and the page that shows it."""
