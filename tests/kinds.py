"""Which models there are, by what they declare: no test keeps a list of models, so that one file adds one."""

import zoo
from zoo import FrameModel, SymbolModel
from zoo.models._rbm import RBMModel
from zoo.training import hyperparameters

NAMES = zoo.names()


def kinds_of(carrier: type) -> list[str]:
    """The models that a class carries."""
    return [name for name in NAMES if issubclass(zoo.find(name), carrier)]


SYMBOLS, FRAMES, BOLTZMANN = kinds_of(SymbolModel), kinds_of(FrameModel), kinds_of(RBMModel)


def having(option: str) -> list[str]:
    """The models that have a hyperparameter."""
    return [name for name in NAMES if option in hyperparameters.options(zoo.find(name))]


def known(name: str, **options: object) -> dict[str, object]:
    """Those of `options` that a model has; one number for each layer becomes one number where it has one layer."""
    fields = hyperparameters.options(zoo.find(name))
    return {
        key: value[0] if isinstance(value, tuple) and isinstance(fields[key].default, int) else value
        for key, value in options.items()
        if key in fields
    }


def unreadable(songs: list[zoo.Song], preset: str = "smoke") -> list[str]:
    """The models that can read nothing of the songs."""
    codecs = {name: zoo.create(name, preset).make_codec().fit_to(songs) for name in NAMES}
    return [name for name, codec in codecs.items() if not any(map(codec.can_read, songs))]
