"""The firmware that runs a model on an emulated core, in C99, and how its images are built."""
