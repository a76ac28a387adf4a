"""Evaluation: likelihood, baselines in the same representation, and measures of samples."""
