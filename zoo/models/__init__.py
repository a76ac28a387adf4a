"""One file per approach; the file's name is the model's name."""
