"""What a trained model is made of, as JSON with arrays: what the page's scripts make a network of.

Whether the page can play a model is decided by what its network and its representation are made of, not by its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo._errors import NotPlayable
from zoo.models._base import MusicModel
from zoo.models._frames import FrameModel
from zoo.models._symbols import SymbolModel
from zoo.play.codecs import codec_of, rules_of
from zoo.play.frames import conditioned_of
from zoo.play.layers import layers_of


@dataclass(frozen=True)
class Playable:
    """A trained model for the page.

    Args:
        name: of the model.
        run: of the training, which may be empty.
        about: what the approach is, a paragraph each.
        parameters: number of trained weights.
        network: JSON with arrays; see `export`.
    """

    name: str
    run: str
    about: list[str]
    parameters: int
    network: dict[str, Any]

    @property
    def label(self) -> str:
        """By which people tell it from others."""
        return f"{self.name} ({self.run})" if self.run else self.name


def export(model: MusicModel, run: str = "") -> Playable:
    """A trained model for the page.

    Args:
        model: trained, or loaded.
        run: name of its run.

    Raises:
        NotPlayable: (a UserError) when there is something in it that the page does not know.
        UserError: when it is not trained.
    """
    if isinstance(model, SymbolModel):
        network = _of_symbols(model)
    elif isinstance(model, FrameModel):
        network = _of_frames(model)
    else:
        raise NotPlayable("the page plays models over symbols and over frames, and this is another kind.")
    paragraphs = [" ".join(paragraph.split()) for paragraph in model.about().split("\n\n")]
    return Playable(model.model_name(), run, paragraphs, model.parameters, network)


def _of_symbols(model: SymbolModel) -> dict[str, Any]:
    """{"kind", "window", "carried", "clock", "codec", "rules", "layers"}: see `page/symbols.js`."""
    context = model.sequence_context
    carried = model.context == "song"
    return {
        "kind": "symbols",
        "carried": carried,
        "window": 1 if carried else model.window,
        "clock": model.clock,
        "codec": codec_of(model.codec),
        "rules": None if model.rules is None else rules_of(model.rules),
        "layers": layers_of(context.stack(model.network)),
    }


def _of_frames(model: FrameModel) -> dict[str, Any]:
    """{"kind", "codec", …} and what `conditioned_of` says: see `page/frames.js`."""
    return {"kind": "frames", "codec": codec_of(model.codec), **conditioned_of(model.network.layers[-1])}
