"""Keras layers of the zoo: registered, serialisable, on any backend."""
