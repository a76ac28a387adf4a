"""What a trained model's files are called. Knows no Keras, so that who only looks at a folder need not load it."""

MODEL = "model.json"
WEIGHTS = "model.weights.h5"
CHECKPOINTS = "checkpoints"


def checkpoint_of(epoch: int) -> str:
    """Where the weights of an epoch, counted from 1, are kept below the folder of a model."""
    return f"{CHECKPOINTS}/epoch-{epoch:05d}.weights.h5"
