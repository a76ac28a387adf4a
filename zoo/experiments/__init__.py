"""Experiments: one training job, the measuring of what it trained, and the run folder it leaves."""
