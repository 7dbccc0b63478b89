"""What an encoder is worth: retrieval beside its training-free limit, probes with intervals, controls."""
