"""Hyperparameters: one typed field is the check, the flag, the help and the JSON."""

import argparse
import dataclasses
import json
import re
import reprlib
from dataclasses import dataclass
from typing import ClassVar

import pytest

import zoo
from zoo._errors import UserError
from zoo.cli.flags import add_hyperparameters, flag
from zoo.training import hyperparameters
from zoo.training.hyperparameters import option


@dataclasses.dataclass(kw_only=True)
class Model:
    epochs: int = option(25, "passes at most", low=1, high=100)
    rate: float | None = option(None, "step size; none is 100 % the optimizer's own", low=1e-9, high=1e3)
    dropout: float = option(0.5, "share dropped", low=0, high=0.99)
    units: tuple[int, ...] = option((64, 32), "units of each layer", low=1, high=512)
    hold: bool = option(False, "a class for holding")
    voice_of: str = option("lines", "what is heard", choices=("lines", "skyline"))
    most: int | None = option(3, "at most so many", high=9)
    shift: int = option(0, "any number from below", low=-5)
    note: str = option("", "any word")
    seed: int = 0  # no hyperparameter

    def __post_init__(self):
        hyperparameters.check(self)


def parse(*words):
    parser = argparse.ArgumentParser()
    add_hyperparameters(parser, {"model": Model}, "tuned")
    return vars(parser.parse_args(words))


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("epochs", "7", 7),
        ("epochs", 7.0, 7),
        ("epochs", 1, 1),
        ("epochs", 100, 100),
        ("rate", "1e-3", 0.001),
        ("rate", 1, 1.0),
        ("rate", "none", None),
        ("rate", None, None),
        ("dropout", 0, 0.0),
        ("dropout", "0.99", 0.99),
        ("units", "128", (128,)),
        ("units", "128,64, 32", (128, 64, 32)),
        ("units", "128,", (128,)),
        ("units", [1, 512], (1, 512)),
        ("units", (2.0,), (2,)),
        *(("hold", word, True) for word in (True, 1, "yes", "Yes", "true", "TRUE", "1")),
        *(("hold", word, False) for word in (False, 0, "no", "No", "false", "0")),
        ("voice_of", "skyline", "skyline"),
        ("most", "none", None),
        ("most", "-4", -4),
        ("shift", "-5", -5),
        ("shift", 10**9, 10**9),
        ("note", "none", "none"),
    ],
)
def test_a_value_is_brought_to_its_type(name, given, wanted):
    found = getattr(Model(**{name: given}), name)
    assert found == wanted and type(found) is type(wanted)
    if isinstance(given, str):
        assert getattr(Model(**parse(f"--{name.replace('_', '-')}={given}")), name) == wanted


@pytest.mark.parametrize(
    ("name", "given", "allowed"),
    [
        *(
            ("epochs", wrong, "takes a whole number, not")
            for wrong in ("many", "", "2.5", 2.5, None, "none", True, [3])
        ),
        *(("epochs", wrong, "takes a whole number, not") for wrong in ("1e2", float("inf"), float("nan"), "9" * 5000)),
        *(("epochs", wrong, "must be 1 to 100, not") for wrong in (0, "-1", 101, "1000000")),
        *(("rate", wrong, "takes a number or none, not") for wrong in ("fast", "nan", "inf", 10**400, False, "")),
        *(("rate", wrong, "must be 1e-09 to 1000.0, not") for wrong in (0, "-0.1", 1001)),
        *(("dropout", wrong, "takes a number, not") for wrong in (None, "none", "half")),
        *(("dropout", wrong, "must be 0 to 0.99, not") for wrong in (-0.01, "1")),
        *(
            ("units", wrong, "takes one to 32 whole numbers joined by commas, not")
            for wrong in ("a", "1,b", "1 2", "1.5", 64)
        ),
        *(
            ("units", wrong, "takes one to 32 whole numbers joined by commas, not")
            for wrong in ("", ",", (), [2.5], [True], None, [1] * 33, "1," * 33)
        ),
        *(("units", wrong, "must be 1 to 512, not") for wrong in ("0", "513", [64, -1])),
        *(("hold", wrong, "takes yes or no, not") for wrong in ("maybe", 2, None, "", "none")),
        *(("voice_of", wrong, "takes one of lines, skyline, not") for wrong in ("Lines", "all", "")),
        *(("voice_of", wrong, "takes a word, not") for wrong in (3, None, ["lines"])),
        ("most", 10, "must be at most 9, not"),
        ("most", "x", "takes a whole number or none, not"),
        ("shift", -6, "must be at least -5, not"),
        ("note", 5, "takes a word, not"),
    ],
)
def test_a_wrong_value_is_told_by_name_with_what_is_allowed(name, given, allowed):
    with pytest.raises(UserError) as caught:
        Model(**{name: given})
    message = str(caught.value)
    assert message.startswith(f"{name} {allowed} ") and message.endswith(".") and "\n" not in message
    if isinstance(given, str):
        assert reprlib.repr(given) in message or given in message
        with pytest.raises(UserError, match=f"^{name} {allowed} "):
            Model(**parse(f"{flag(name)}={given}"))


def test_the_wrong_number_of_a_tuple_is_named():
    with pytest.raises(UserError, match=r"^units must be 1 to 512, not 513\.$"):
        Model(units="64,513,0")


def test_options_are_the_hyperparameters_in_their_order():
    wanted = ["epochs", "rate", "dropout", "units", "hold", "voice_of", "most", "shift", "note"]
    assert list(hyperparameters.options(Model)) == wanted
    assert list(hyperparameters.values(Model())) == wanted

    @dataclasses.dataclass(kw_only=True)
    class Child(Model):
        epochs: int = option(1, "passes", low=1)
        depth: int = option(2, "layers", low=1)

    assert list(hyperparameters.options(Child)) == [*wanted, "depth"]
    assert Child().epochs == 1 and Child(epochs=101).epochs == 101  # a subclass sets its own bounds


@pytest.mark.parametrize(
    "model",
    [
        Model(),
        Model(epochs=3, rate=1e-7, dropout=0.1, units=(5,), hold=True, voice_of="skyline", most=None, note="a b"),
        Model(rate=0.1 + 0.2, units=(1, 2, 3), shift=-5, most=-(10**12)),
    ],
)
def test_values_go_through_json_and_through_flags(model):
    stated = hyperparameters.values(model)
    read = json.loads(json.dumps(stated, allow_nan=False))
    assert read == stated and Model(**read) == model

    def word(value):
        if isinstance(value, list):
            return ",".join(map(str, value))
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value).replace("None", "none")

    words = [f"--{name.replace('_', '-')}={word(value)}" for name, value in stated.items()]
    assert Model(**parse(*words)) == model


def test_only_flags_that_are_given_are_parsed():
    assert parse() == {}
    assert parse("--voice-of", "skyline") == {"voice_of": "skyline"}


def test_help_shows_default_and_what_a_flag_takes():
    parser = argparse.ArgumentParser(prog="p")
    add_hyperparameters(parser, {"model": Model}, "tuned")
    text = " ".join(parser.format_help().split())
    for part in (
        "--epochs N passes at most [25]",
        "--rate X step size; none is 100 % the optimizer's own [none]",
        "--units N,N,… units of each layer [64,32]",
        "--hold yes|no a class for holding [no]",
        "--voice-of {lines,skyline} what is heard [lines]",
        "--most N at most so many [3]",
        "--note NAME any word []",
    ):
        assert part in text
    assert "--seed" not in text


def test_help_of_many_models_names_whose_a_flag_is_and_no_value_that_differs():
    @dataclass
    class One:
        epochs: int = option(25, "passes")
        batch: int = option(8, "sequences in a batch")
        width: int = option(3, "units of the one")
        depth: int = option(2, "layers")
        presets: ClassVar = {"smoke": {"epochs": 1}, "blog": {}}

    @dataclass
    class Other:
        epochs: int = option(25, "passes")
        batch: int = option(8, "sequences in a batch")
        width: int = option(4, "units of the other")
        breadth: int = option(6, "heads")
        presets: ClassVar = {"smoke": {"breadth": 7}, "blog": {}}

    found = {}
    for preset in ("smoke", "blog"):
        parser = argparse.ArgumentParser()
        add_hyperparameters(parser, {"one": One, "other": Other}, preset)
        text = parser.format_help()
        assert f"in brackets what preset {preset} has, where all models have the same" in text
        assert re.findall("hyperparameters of (.*):", text) == ["every model", "one", "other"]
        parts = re.split("hyperparameters of .*:", text)[1:]
        found[preset] = [re.findall(r"^  (--\w+) N +(.*)$", part, re.M) for part in parts]
    of_both = [
        ("--epochs", "passes"),
        ("--batch", "sequences in a batch [8]"),
        ("--width", "units of the one; or units of the other"),
    ]
    assert found["smoke"] == [of_both, [("--depth", "layers [2]")], [("--breadth", "heads [7]")]]
    of_both[0] = ("--epochs", "passes [25]")
    assert found["blog"] == [of_both, [("--depth", "layers [2]")], [("--breadth", "heads [6]")]]


def test_every_hyperparameter_belongs_to_one_part():
    for model in map(zoo.find, zoo.names()):
        named = [key for part in hyperparameters.PARTS for key in hyperparameters.of_part(model, part)]
        assert sorted(named) == sorted(hyperparameters.options(model))
        written = set(hyperparameters.of_part(model, "representation"))
        assert "steps_per_beat" in written and "epochs" in hyperparameters.of_part(model, "training")
        bare, defaults = model(), {name: field.default for name, field in hyperparameters.options(model).items()}
        for name in set(defaults) - written:  # what is not written down does not change the codec
            other = {int: lambda value: 2 * value or 1, bool: lambda value: not value}.get(type(defaults[name]))
            if other and name != "content":  # which wants an embedding too
                assert model(**{name: other(defaults[name])}).make_codec() == bare.make_codec(), name
