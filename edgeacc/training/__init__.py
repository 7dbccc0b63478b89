"""Training: one loop, small objectives, augmentations, and runs that end in a checkpoint."""
