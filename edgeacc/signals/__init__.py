"""Signals: the contract, and everything that touches samples."""
