"""The command line: what `python -m zoo` can do."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import zoo
from zoo import _home
from zoo._cores import threads
from zoo._errors import Busy, UserError
from zoo._files import printable
from zoo.cli import commands, sampling, training
from zoo.cli.corpora import CORPUS, describe_corpus
from zoo.cli.flags import add_hyperparameters, with_flags
from zoo.cli.pack import pack
from zoo.cli.play import play
from zoo.cli.search import search
from zoo.corpora import SPLITS, recipes
from zoo.experiments.engine import BUSY, INTERRUPTED

PROGRAM = "python -m zoo"
TAKING_WORDS = ("--corpus", "--preset", "--weights", "--out", "--message")  # options whose word may be a model's name
OUTSIDE = "ZOO_MODELS=./my_model.py before a command adds a model from outside the zoo."
OF_ONE = ("train", "compare-optimizers")  # commands that take the hyperparameters of the model they name
NEAR = 0.75  # share of letters in common, above which an option is taken for a slip of the pen


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence. No option may be abbreviated: a new one could change what a command means."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)
        self.explained = self.prog  # the command whose --help lists every option

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:  # refused here, by the command itself, or else the parser around it would
            flags = [word.partition("=")[0] for word in unknown if word.startswith("--")]
            near = [
                flag for word in flags for flag in difflib.get_close_matches(word, self._option_string_actions, 1, NEAR)
            ]
            hint = f" (did you mean {' '.join(near)}?)" if near else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; {self.explained} --help says what is possible.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: words of the command line; None takes those of this process.

    Returns:
        The exit code: 0, 1 when a model failed, 2 for a user's mistake, 3 when another process is at it, 130 when
        interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _at_home(arguments) as arguments:
            if arguments[:1] == ["train"] and "keras" not in sys.modules:  # the bits that `train-all` gives, too
                os.environ.update(threads(os.environ))
            options = make_parser(arguments).parse_args(arguments)
            return options.run(options) or 0
    except UserError as error:
        print(f"zoo: {with_flags(error)}", file=sys.stderr)
        return BUSY if isinstance(error, Busy) else training.USER_ERROR
    except KeyboardInterrupt:
        print("zoo: interrupted; the same command goes on from the last epoch that was finished.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; not a failure of ours
        return 0


@contextlib.contextmanager
def _at_home(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Take --home out of the arguments, wherever it stands; while the command runs, it is ZOO_HOME.

    Processes that the command starts know it, too. It is looked for beforehand, since argparse takes an option of all
    commands before the command only.
    """
    parser = Parser(prog=PROGRAM, add_help=False)
    _add_home(parser)
    home, others = argparse.ArgumentParser.parse_known_args(parser, list(arguments))
    before = os.environ.get(_home.VARIABLE)
    if home.home is not None:
        place = Path(home.home).expanduser()
        if place.exists() and not place.is_dir():
            raise UserError(f"--home: {printable(place)} is no folder; choose another one.")
        os.environ[_home.VARIABLE] = str(place)
    try:
        yield others
    finally:
        if before is None:
            os.environ.pop(_home.VARIABLE, None)
        else:
            os.environ[_home.VARIABLE] = before


def _add_home(parser: Parser) -> None:
    parser.add_argument(
        "--home",
        metavar="DIR",
        help="the folder that holds datasets/ and reports/ [ZOO_HOME, else the working folder]",
    )


def make_parser(arguments: Sequence[str]) -> Parser:
    """The parser; a model named in `arguments` brings its hyperparameters as flags."""
    parser = Parser(prog=PROGRAM, description=__doc__, epilog=OUTSIDE)
    _add_home(parser)
    parser.add_argument("--version", action="version", version=f"Music RNN Zoo {zoo.__version__}")
    adding = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    command = adding.add_parser("list", help="the models: name, one line, presets")
    command.set_defaults(run=commands.list_models)

    command = adding.add_parser("corpus", help="build or read a corpus and describe it")
    command.add_argument(
        "corpus",
        nargs="?",
        default=CORPUS,
        help=f"{', '.join(recipes.NAMES)}, or a folder written with a slash [{CORPUS}]",
    )
    _add_pedal(command)
    command.set_defaults(run=describe_corpus)

    words = list(arguments[1:]) if arguments[:1] and arguments[0] in OF_ONE else []
    words = [word for before, word in zip(["", *words], words, strict=False) if before not in TAKING_WORDS]
    named = next((word for word in words if word in zoo.names()), None)
    if not named and words and not words[0].startswith("-"):
        zoo.find(words[0])  # says which models there are, before its hyperparameters are called unknown
    command = adding.add_parser(
        "train",
        help="train a model",
        epilog="" if named else "python -m zoo train MODEL --help lists the hyperparameters of that model.",
    )
    command.add_argument("model", metavar="MODEL", help=", ".join(zoo.names()))
    _add_training(command)
    _add_own(command, named, arguments)
    for step in ("--training-of", "--representation-of"):  # what compare-presets says of its runs
        command.add_argument(step, default="", help=argparse.SUPPRESS)
    command.set_defaults(run=training.train)

    command = adding.add_parser("train-all", help="train every model, side by side")
    _add_training(command)
    _add_engine(command)
    if arguments[:1] == ["train-all"]:
        _add_hyperparameters(command, zoo.names(), arguments)
    command.set_defaults(run=training.train_all)

    command = adding.add_parser(
        "compare-presets", help="what representation, network and training contribute between two presets of a model"
    )
    command.add_argument("model", metavar="MODEL", help=", ".join(zoo.names()))
    command.add_argument("--one", metavar="PRESET", help="the preset to start from [blog, or another published one]")
    command.add_argument("--other", default="tuned", metavar="PRESET", help="the preset to end with [tuned]")
    _add_training(command, one_run=False)
    _add_engine(command)
    command.set_defaults(run=training.compare_presets)

    command = adding.add_parser("compare-optimizers", help="curves and samples of a model under several optimizers")
    command.add_argument("model", metavar="MODEL", help=", ".join(zoo.names()))
    command.add_argument(
        "--optimizers",
        default="sgd,adam,rmsprop",
        help="names, joined by commas, each at its own default rate [%(default)s]",
    )
    _add_training(command)
    _add_engine(command)
    _add_own(command, named, arguments)
    command.set_defaults(run=training.compare_optimizers)

    command = adding.add_parser("search", help="look for better hyperparameters than those of tuned")
    command.add_argument("model", metavar="MODEL", help=", ".join(zoo.names()))
    command.add_argument("--trials", type=int, default=50, metavar="N", help="settings to try in all, tuned first [50]")
    command.add_argument(
        "--minutes", type=float, default=0.0, metavar="M", help="minutes the search may take; 0 is no limit [0]"
    )
    command.add_argument(
        "--corpora", default=CORPUS, metavar="A,B", help=f"names, or folders with a slash, joined by commas [{CORPUS}]"
    )
    command.add_argument("--seed", type=int, default=0, help="random seed of the trainings and of the search [0]")
    _add_out(command)
    _add_address(command)
    _add_pedal(command)
    command.set_defaults(run=search)

    command = adding.add_parser("sample", help="new pieces by a trained model")
    _add_choice_of_run(command)
    sampling.add_options(command)
    command.set_defaults(run=sampling.sample)

    command = adding.add_parser("score", help="likelihood of held-out music under a trained model")
    _add_choice_of_run(command)
    command.add_argument("--split", choices=SPLITS, default="test", help="split of the corpus to score [test]")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=commands.score)

    command = adding.add_parser("report", help="write reports/<corpus>/index.html from what was trained")
    command.add_argument("--corpus", default=CORPUS, help=f"name, or folder with a slash [{CORPUS}]")
    command.add_argument(
        "--ratings",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="answers that blind.html exported; may be repeated [none]",
    )
    command.add_argument(
        "--publish", type=Path, metavar="FOLDER", help="copy the report there too, without weights, to share it [none]"
    )
    command.set_defaults(run=commands.report)

    command = adding.add_parser("play", help="write a page to play on: you begin, trained models go on")
    command.add_argument("--corpus", help=f"name, or folder with a slash [{CORPUS}]")
    command.add_argument("--out", type=Path, metavar="FILE", help="the page [reports/<corpus>/play.html]")
    command.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="folders of runs, or names of models [the newest finished run of each model of the corpus]",
    )
    command.set_defaults(run=play)

    command = adding.add_parser("pack", help="a trained run as a small folder to pass on, with a card")
    command.add_argument("model", metavar="MODEL|RUN_FOLDER", help="a model's name (its newest finished run), or a run")
    command.add_argument("--corpus", help=f"corpus of the run [{CORPUS}]")
    command.add_argument("--preset", help="preset of the run [any]")
    command.add_argument("--train-seed", type=int, help="training seed of the run [any]")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="where it goes, as DIR/<corpus>/<model>/ [reports/<corpus>/packed]"
    )
    command.set_defaults(run=pack)

    command = adding.add_parser("published", help="the polyphonic benchmark: runs of its presets, beside the papers")
    command.add_argument("--corpus", default=CORPUS, help=f"name, or folder with a slash [{CORPUS}]")
    command.add_argument("--presets", action="store_true", help="say which presets the corpus asks for, and exit")
    command.set_defaults(run=commands.published)
    return parser


def _add_engine(command: Parser) -> None:
    command.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="models that train at once, a core each [one per core; with --engine ray, as many as fit]",
    )
    command.add_argument(
        "--engine", choices=training.ENGINES, default="local", help="train on this machine, or on a Ray cluster [local]"
    )
    _add_address(command)


def _add_address(command: Parser) -> None:
    command.add_argument(
        "--address", help="the Ray cluster, auto for that of this machine [RAY_ADDRESS, else this machine's cores]"
    )


def _add_training(command: Parser, one_run: bool = True) -> None:
    command.add_argument("--corpus", default=CORPUS, help=f"name, or folder with a slash [{CORPUS}]")
    command.add_argument("--seed", type=int, default=0, help="random seed of training [0]")
    if one_run:
        command.add_argument(
            "--preset",
            metavar="NAME|FILE.json",
            help=f"see python -m zoo list; or a file of zoo search [that of --weights, else {training.TUNED}]",
        )
        command.add_argument(
            "--weights",
            metavar="RUN",
            help="weights that training starts from: a run folder of the same model, or a pretrained one, as "
            "bach-chorales/rnn_nade",
        )
        command.add_argument("--message", default="", metavar="TEXT", help="a note kept with the run")
    command.add_argument(
        "--checkpoint-every",
        type=int,
        default=0,
        metavar="N",
        help="save a checkpoint of the weights every N epochs; 0 disables [0]",
    )
    _add_out(command)
    command.add_argument(
        "--tensorboard", action="store_true", help="write events for TensorBoard into the run's folder"
    )
    _add_pedal(command)


def _add_out(command: Parser) -> None:
    command.add_argument(
        "--out",
        type=Path,
        default=_home.reports(),
        metavar="DIR",
        help=f"where results go, a folder per corpus [{_home.reports()}]",
    )


def _add_pedal(command: Parser) -> None:
    command.add_argument(
        "--no-pedal",
        dest="pedal",
        action="store_false",
        help="ignore the sustain pedal: notes end where their keys go up [notes sound on while it is down]",
    )


def _add_own(command: Parser, model: str | None, arguments: Sequence[str]) -> None:
    """The hyperparameters of the one model that `arguments` name, if they are this command's."""
    if model and command.prog.endswith(f" {arguments[0]}"):
        _add_hyperparameters(command, [model], arguments)
        command.explained = f"{command.prog} {model}"


def _add_hyperparameters(command: Parser, models: Sequence[str], arguments: Sequence[str]) -> None:
    from zoo.training import hyperparameters

    # Looked for beforehand: the preset decides what the flags' help gives as their defaults.
    chosen = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    chosen.add_argument("--preset", nargs="?", default=training.TUNED)
    preset = chosen.parse_known_args(list(arguments))[0].preset
    classes = {name: zoo.find(name) for name in models}
    add_hyperparameters(command, classes, preset)
    command.set_defaults(hyperparameters=sorted(set().union(*map(hyperparameters.options, classes.values()))))


def _add_choice_of_run(command: Parser) -> None:
    command.add_argument(
        "model",
        metavar="MODEL|RUN_FOLDER",
        help="a model's name (its newest finished run, or else the pretrained one), a run's folder, or a pretrained "
        "one, as bach-chorales/rnn_nade",
    )
    command.add_argument("--corpus", help=f"corpus of the run [{CORPUS}, or that of the run's folder]")
    command.add_argument("--preset", help="preset of the run [any]")
    command.add_argument("--train-seed", type=int, help="training seed of the run [any]")
    command.add_argument("--epoch", type=int, help="the epoch of a checkpoint that training kept [the best weights]")
