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
from zoo.cli import commands
from zoo.cli.corpora import CORPUS, describe_corpus
from zoo.cli.flags import add_hyperparameters, with_flags
from zoo.cli.play import PAGE, play
from zoo.cli.sampling import sample
from zoo.corpora import SPLITS, recipes
from zoo.experiments.engine import INTERRUPTED
from zoo.render import FORMATS

PROGRAM = "python -m zoo"
TAKING_WORDS = ("--corpus", "--preset", "--weights", "--out", "--message")  # options whose word may be a model's name
OUTSIDE = "ZOO_MODELS=./my_model.py before a command makes a model known that lies outside of the zoo."
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
        raise UserError(f"{message}; {self.explained} --help tells what is possible.")


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
        return commands.BUSY if isinstance(error, Busy) else commands.USER_ERROR
    except KeyboardInterrupt:
        print("zoo: interrupted; the same command goes on from the last epoch that was finished.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; not a failure of ours
        return 0


@contextlib.contextmanager
def _at_home(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Take --home out of the arguments, wherever it stands; while the command runs, it is ZOO_HOME.

    Processes that the command starts know it, too.
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

    words = arguments[1:] if arguments[:1] == ["train"] else []
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
    if named:
        _add_hyperparameters(command, [named], arguments)
        command.explained = f"{command.prog} {named}"
    for step in ("--training-of", "--representation-of"):  # what compare-presets says of its runs
        command.add_argument(step, default="", help=argparse.SUPPRESS)
    command.set_defaults(run=commands.train)

    command = adding.add_parser("train-all", help="train every model, side by side")
    _add_training(command)
    _add_jobs(command)
    if arguments[:1] == ["train-all"]:
        _add_hyperparameters(command, zoo.names(), arguments)
    command.set_defaults(run=commands.train_all)

    command = adding.add_parser(
        "compare-presets", help="what representation, network and training contribute between two presets of a model"
    )
    command.add_argument("model", metavar="MODEL", help=", ".join(zoo.names()))
    command.add_argument("--one", default="blog", metavar="PRESET", help="the preset to start from [blog]")
    command.add_argument("--other", default="tuned", metavar="PRESET", help="the preset to end with [tuned]")
    _add_training(command, one_run=False)
    _add_jobs(command)
    command.set_defaults(run=commands.compare_presets)

    command = adding.add_parser("sample", help="new pieces by a trained model")
    _add_choice_of_run(command)
    command.add_argument("--count", type=int, default=10, help="how many pieces [10]")
    command.add_argument("--beats", type=float, default=64, help="length of the new music in quarter notes [64]")
    command.add_argument(
        "--temperature", type=float, help="0 is greedy, above 1 flattens the distribution [the model's own way]"
    )
    command.add_argument(
        "--top-p",
        type=float,
        default=1.0,
        help="nucleus sampling: only the most probable symbols that together have this probability [1]",
    )
    command.add_argument(
        "--beams",
        type=int,
        metavar="N",
        help="search for the most probable pieces with N beams instead of drawing; for models over symbols [draw]",
    )
    around = command.add_mutually_exclusive_group()
    around.add_argument(
        "--prime",
        metavar="FILE.mid|PITCHES|validation",
        help="a primer to continue: a file, pitches as in 'C4 E4:0.5 C4+G4:2', or pieces of the validation split",
    )
    around.add_argument(
        "--melody",
        metavar="FILE.mid|PITCHES",
        help="write other voices around one of this music, which is kept, on the model's grid",
    )
    command.add_argument(
        "--voice", default="highest", help="the voice that is kept: highest, lowest, or a track's number [highest]"
    )
    command.add_argument(
        "--crossing",
        action="store_true",
        help="let other voices go above the one that is kept; below it, if it is the lowest",
    )
    around.add_argument(
        "--fill",
        metavar="FILE.mid|PITCHES",
        help="write a gap of this music anew, from --from to --to, going on from what stands before; the rest is kept",
    )
    command.add_argument("--from", dest="begin", type=float, metavar="BEAT", help="where the gap begins")
    command.add_argument("--to", dest="end", type=float, metavar="BEAT", help="where the music after the gap begins")
    command.add_argument("--prime-beats", type=float, default=16, help="quarter notes of the primer that are used [16]")
    command.add_argument("--without-primer", action="store_true", help="write the new music only")
    command.add_argument(
        "--instrument", help="General MIDI name or number, 0 to 127 [the primer's, else 0, Acoustic Grand Piano]"
    )
    command.add_argument("--tempo", type=float, help="beats per minute [the primer's, else 120]")
    command.add_argument(
        "--seed", type=int, default=0, help="random seed of sampling: the same seed gives the same pieces [0]"
    )
    command.add_argument("--out", type=Path, help="folder to write to [reports/<corpus>/samples/<model>/…]")
    command.add_argument("--format", default="mid", help=f"one or more of {','.join(FORMATS)} [mid]")
    command.set_defaults(run=sample)

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
    command.add_argument("--out", type=Path, metavar="FILE", help=f"the page [reports/<corpus>/{PAGE}]")
    command.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="folders of runs, or names of models [the newest finished run of each model of the corpus]",
    )
    command.set_defaults(run=play)

    command = adding.add_parser("published", help="the polyphonic benchmark: runs of paper and best, beside the papers")
    command.add_argument("--corpus", default=CORPUS, help=f"name, or folder with a slash [{CORPUS}]")
    command.set_defaults(run=commands.published)
    return parser


def _add_jobs(command: Parser) -> None:
    command.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="models that train at once, a core each [as many as cores]",
    )


def _add_training(command: Parser, one_run: bool = True) -> None:
    command.add_argument("--corpus", default=CORPUS, help=f"name, or folder with a slash [{CORPUS}]")
    command.add_argument("--seed", type=int, default=0, help="random seed of training [0]")
    if one_run:
        command.add_argument("--preset", default="tuned", help="see python -m zoo list [tuned]")
        command.add_argument(
            "--weights",
            type=Path,
            metavar="RUN",
            help="a run folder of the same model whose weights training starts from",
        )
        command.add_argument("--message", default="", metavar="TEXT", help="a note kept with the run")
    command.add_argument(
        "--checkpoint-every",
        type=int,
        default=0,
        metavar="N",
        help="save a checkpoint of the weights every N epochs; 0 disables [0]",
    )
    command.add_argument(
        "--out",
        type=Path,
        default=_home.reports(),
        metavar="DIR",
        help=f"where results go, a folder per corpus [{_home.reports()}]",
    )
    command.add_argument(
        "--tensorboard", action="store_true", help="write events for TensorBoard into the run's folder"
    )
    _add_pedal(command)


def _add_pedal(command: Parser) -> None:
    command.add_argument(
        "--no-pedal",
        dest="pedal",
        action="store_false",
        help="ignore the sustain pedal: notes end where their keys go up [notes sound on while it is down]",
    )


def _add_hyperparameters(command: Parser, models: Sequence[str], arguments: Sequence[str]) -> None:
    from zoo.training import hyperparameters

    chosen = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    chosen.add_argument("--preset", nargs="?", default="tuned")
    preset = chosen.parse_known_args(list(arguments))[0].preset
    classes = {name: zoo.find(name) for name in models}
    add_hyperparameters(command, classes, preset)
    command.set_defaults(hyperparameters=sorted(set().union(*map(hyperparameters.options, classes.values()))))


def _add_choice_of_run(command: Parser) -> None:
    command.add_argument(
        "model", metavar="MODEL|RUN_FOLDER", help="a model's name (its newest finished run), or a run's folder"
    )
    command.add_argument("--corpus", help=f"corpus of the run [{CORPUS}, or that of the run's folder]")
    command.add_argument("--preset", help="preset of the run [any]")
    command.add_argument("--train-seed", type=int, help="training seed of the run [any]")
    command.add_argument("--epoch", type=int, help="the epoch of a checkpoint that training kept [the best weights]")
