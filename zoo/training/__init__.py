"""Training: the loop, its state on disk, and hyperparameters as typed fields."""
