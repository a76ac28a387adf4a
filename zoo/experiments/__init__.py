"""Experiments: one training job, and the folder it leaves."""
