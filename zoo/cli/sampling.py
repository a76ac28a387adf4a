"""The command `sample`: new pieces, voices around a given one, a gap filled."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import sys
import warnings
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo._errors import UserError
from zoo._files import printable
from zoo.cli.corpora import corpus_of
from zoo.cli.flags import flag
from zoo.cli.runs import loaded_run, name_of, results_of
from zoo.codecs.given import HIGHEST
from zoo.experiments.folders import music_folder, run_name
from zoo.midi import is_notation, parse_notation, program_of, read_midi
from zoo.models import Request
from zoo.render import FORMATS, render
from zoo.song import TICKS_PER_BEAT, Song

if TYPE_CHECKING:
    from zoo.models._base import MusicModel

DEFAULTS = {  # of what makes one request another
    "beats": 64,
    "temperature": None,
    "top_p": 1.0,
    "beams": None,
    "prime": None,
    "prime_beats": 16,
    "without_primer": False,
    "melody": None,
    "voice": HIGHEST,
    "crossing": False,
    "fill": None,
    "begin": None,
    "end": None,
    "epoch": None,
    "instrument": None,
    "tempo": None,
}
MUSIC = ("prime", "melody", "fill")  # name a file or pitches
BESIDE = {"voice": "melody", "crossing": "melody", "begin": "fill", "end": "fill"}
WITHOUT = {
    "melody": ("beats", "top_p", "beams", "prime_beats", "without_primer"),
    "fill": ("beats", "beams", "prime_beats", "without_primer"),
}
VALIDATION = "validation"


def add_options(command: argparse.ArgumentParser) -> None:
    """Give the command its options, but for those that choose the run."""
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
        help="keep one voice of this music, moved to the model's grid, and write others around it",
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


def sample(options: argparse.Namespace) -> None:
    """The command `sample`."""
    formats = [word.strip().lstrip(".") for word in options.format.split(",") if word.strip()]
    for word in formats or [""]:
        if word not in FORMATS:
            raise UserError(f"--format takes {', '.join(FORMATS)}, joined by commas, not {word!r}.")
    program = None if options.instrument is None else program_of(options.instrument)
    if options.tempo is not None and not 10 <= options.tempo <= 1000:
        raise UserError(f"--tempo must be 10 to 1000 beats per minute, not {options.tempo:g}.")
    given = _given(options)
    run, model = loaded_run(options)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", UserWarning)
        songs = _made(run, model, options)
    for warning in notes:
        print(f"zoo: note: {printable(str(warning.message))}", file=sys.stderr)
    if options.fill:
        print("zoo: note: written from the left; the music after the gap is not known to the model.", file=sys.stderr)
    out = options.out or _samples_folder(run, model.model_name(), options.seed, given)
    for song in songs:
        if options.without_primer:
            song = song.crop(song.primed, song.length)
        if program is not None:
            song = song.replace(programs=(program,) * len(song.programs))
        song = song.replace(tempo=options.tempo or song.tempo)
        for word in formats:
            path = out / f"{song.name}.{word}"
            render(song, path)
            print(printable(path))


def _given(options: argparse.Namespace) -> dict[str, object]:
    """What is asked for otherwise than by default; a UserError where it does not go together."""
    given = {name: value for name, default in DEFAULTS.items() if (value := getattr(options, name)) != default}
    for name, other in BESIDE.items():
        if name in given and other not in given:
            raise UserError(f"{flag(name)} belongs to {flag(other)} FILE.mid, which is missing.")
    for name, others in WITHOUT.items():
        if name in given and (wrong := [flag(other) for other in others if other in given]):
            raise UserError(f"{flag(name)} does not go together with {', '.join(wrong)}; leave it out.")
    if options.fill and (options.begin is None or options.end is None):
        raise UserError("--fill needs --from BEAT and --to BEAT, the gap that is written anew.")
    return given


def _made(run: Path, model: MusicModel, options: argparse.Namespace) -> list[Song]:
    drawn = {"count": options.count, "temperature": options.temperature, "seed": options.seed}
    if options.melody:
        return model.harmonize(_music(options.melody), **drawn, voice=options.voice, crossing=options.crossing)
    if options.fill:
        return model.fill(_music(options.fill), options.begin, options.end, **drawn, top_p=options.top_p)
    request = Request(**{each.name: getattr(options, each.name) for each in fields(Request)})
    model.check_request(request)  # before primers are drawn by it
    return model.sample(**asdict(request), prime=_primers(run, options) if options.prime else None)


def _samples_folder(run: Path, model: str, seed: int, given: dict[str, object]) -> Path:
    """A folder of its own for every request, so that nothing is overwritten by something else."""
    named = {name: music_name(str(value)) if name in MUSIC and value else value for name, value in given.items()}
    label = run_name("samples", seed, named)
    base = results_of(run)
    with contextlib.suppress(ValueError):
        base = base.relative_to(Path.cwd())
    return music_folder(base) / model / name_of(run) / label


def music_name(word: str) -> str:
    """`validation`, or a file's name, or `pitches`, and four hexadecimal digits of its content."""
    if word == VALIDATION:
        return word
    if _is_written(word):
        return f"pitches-{hashlib.sha256(' '.join(word.split()).encode()).hexdigest()[:4]}"
    return f"{printable(Path(word).stem)[:64]}-{hashlib.sha256(Path(word).read_bytes()).hexdigest()[:4]}"


def _is_written(word: str) -> bool:
    return is_notation(word) and not Path(word).exists()


def _music(word: str) -> Song:
    return parse_notation(word) if _is_written(word) else read_midi(word)


def _primers(run: Path, options: argparse.Namespace) -> list[Song]:
    if options.prime != VALIDATION:
        return [_music(options.prime)]
    songs, rng = corpus_of(run, options).valid, np.random.default_rng(options.seed)
    primers = []
    for index in rng.integers(0, len(songs), options.count).tolist():
        first = int(rng.integers(0, max(1, songs[index].beats - options.prime_beats)))
        primers.append(songs[index].crop(first * TICKS_PER_BEAT, songs[index].length))
    return primers
