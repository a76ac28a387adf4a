"""Named corpora: recipes that fill a folder with MIDI files, once, from the scores that music21 ships.

Nothing is downloaded. music21's own cache of pickled scores is neither read nor written.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from zoo._cores import cores
from zoo._errors import UserError
from zoo._files import locked, remove_leftovers, temporary_for, write_json
from zoo.midi import write_midi
from zoo.song import TICKS_PER_BEAT, Song

if TYPE_CHECKING:
    from fractions import Fraction

    from music21.stream import Part, Stream

VELOCITY = 80  # the scores say nothing of loudness
Progress = Callable[[int, int], None]


class UnusablePiece(Exception):
    """A score that cannot become a piece of the corpus; the text is the reason."""


@dataclass(frozen=True)
class Recipe:
    """How a named corpus is made.

    Args:
        description: one line for people.
        pieces: returns the scores' files by the name of the piece.
        rights: whose the music and its encoding are, and what may be done with them.
        monophonic: leave out the pieces in which notes sound together.
    """

    description: str
    pieces: Callable[[], dict[str, Path]]
    rights: str
    monophonic: bool = False


def _bach_chorales() -> dict[str, Path]:
    from music21.corpus.chorales import Iterator as Chorales
    from music21.corpus.corpora import CoreCorpus

    names = Chorales(numberingSystem="bwv", returnType="filename")
    corpus = CoreCorpus()
    # A name may fit several files; music21 itself takes the first.
    return {name.rpartition("/")[2]: corpus.getWorkList(name)[0] for name in names}


def _ryans_mammoth() -> dict[str, Path]:
    from music21.corpus.corpora import CoreCorpus

    return {path.stem: path for path in CoreCorpus().getWorkList("ryansMammoth", fileExtensions=(".abc",))}


RECIPES = {
    "bach-chorales": Recipe(
        "chorales by J. S. Bach in four and more parts, repeats played",
        _bach_chorales,
        "the music is out of copyright; its encodings are distributed by music21 with the permission of the encoders, "
        "some not for commercial use",
    ),
    "ryans-mammoth": Recipe(
        "Ryan's Mammoth Collection (1883): reels, jigs and other fiddle tunes, one voice",
        _ryans_mammoth,
        "the music is out of copyright; volunteers have typed it, mostly without a licence, and music21 distributes it",
        monophonic=True,
    ),
}
NAMES = tuple(RECIPES)


def build(name: str, folder: Path | str, progress: Progress | None = None) -> None:
    """Fill `folder` with the MIDI files of a named corpus and `recipe.json`, all of it or nothing.

    When another process builds beside it, wait; when that has built the same, it is done.
    `recipe.json` holds name, music21's version, number of pieces, and skipped: [[piece, reason]].

    Args:
        name: one of `NAMES`.
        folder: is made; must not exist, or be empty.
        progress: called with (pieces done, pieces in all) after each piece.

    Raises:
        UserError: when the name is unknown, the folder is in use, or it cannot be written to.
    """
    if name not in RECIPES:
        raise UserError(f"{name} is no named corpus; the names are {', '.join(RECIPES)}.")
    folder = Path(folder)
    with locked(folder.parent, "building in", wait=True):
        if not (folder / "recipe.json").exists():
            _build(name, folder, progress)


def _build(name: str, folder: Path, progress: Progress | None) -> None:
    recipe = RECIPES[name]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is in the way of building {name}; move it away or build elsewhere.")
    temporary = temporary_for(folder)
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        pieces = recipe.pieces()
        jobs = [
            {"source": str(path), "target": str(temporary / f"{piece}.mid"), "monophonic": recipe.monophonic}
            for piece, path in pieces.items()
        ]
        reasons = dict(zip(pieces, _convert_all(jobs, progress), strict=True))
        skipped = [[piece, reason] for piece, reason in reasons.items() if reason]
        contents = {"name": name, "music21": _version(), "pieces": len(pieces) - len(skipped), "skipped": skipped}
        write_json(temporary / "recipe.json", contents)
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()
        os.rename(temporary, folder)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot build {folder}: {reason}; free some space or choose another folder.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        remove_leftovers(folder.parent)  # last: the worker of a killed process may have written a little longer


def read_score(path: Path | str) -> Song:
    """Read a score (MusicXML, ABC, …) with music21, as it sounds: repeats played, ties joined, one track per part.

    Grace notes and chord symbols are left out. A pickup is a short first bar, nothing is put before it.

    Raises:
        UnusablePiece: when the repeats make no sense or there are no notes.
    """
    from music21.converter import Converter
    from music21.tempo import MetronomeMark

    converter = Converter()
    converter.parseFileNoPickle(path)  # `converter.parse` reads and writes a cache of pickles
    score = converter.stream
    marks = [mark.getQuarterBPM() for mark in score.recurse().getElementsByClass(MetronomeMark)]
    notes: list[tuple[int, int, int, int, int]] = []
    programs: list[int] = []
    signatures: tuple[tuple[int, int, int], ...] = ()
    for part in score.parts:
        program, rows, part_signatures = _read_part(part)
        if rows:
            notes += [(start, end - start, pitch, VELOCITY, len(programs)) for start, end, pitch in rows]
            programs.append(program)
            signatures = signatures or part_signatures
    if not notes:
        raise UnusablePiece("it holds no notes")
    return Song.from_notes(
        notes, programs=tuple(programs), time_signatures=signatures, tempo=next(filter(None, marks), 120.0)
    )


def _read_part(part: Part) -> tuple[int, list[tuple[int, int, int]], tuple[tuple[int, int, int], ...]]:
    """A music21 part → its program, (start, end, pitch) rows, and time signatures, all in ticks."""
    from music21.instrument import Instrument

    instrument = part.recurse().getElementsByClass(Instrument).first()
    program = (instrument and instrument.midiProgram) or 0
    measures = list(part.getElementsByClass("Measure"))
    begins = [part.elementOffset(measure) for measure in measures]
    if not measures:  # a single bar may come without bar lines
        measures, begins = [part], [0.0]
    begins.append(part.highestTime)
    contents = [list(_notes(measure)) for measure in measures]
    signature, meters = None, []
    for measure in measures:
        signature = measure.timeSignature or signature
        meters.append(signature and (signature.numerator, signature.denominator))

    rows, signatures, meter, begin = [], [], None, 0.0
    sounding: dict[int, list[int]] = {}  # pitch → its last row
    for index in _playing_order(part, measures):
        if (now := meters[index]) and now != meter:
            meter = now
            signatures.append((_ticks(begin), *now))
        for offset, quarters, pitch, tie in contents[index]:
            start, end = _ticks(begin + offset), _ticks(begin + offset + quarters)
            if tie in ("stop", "continue") and pitch in sounding and sounding[pitch][1] == start:
                sounding[pitch][1] = end
            elif end > start:  # a grace note has no length
                sounding[pitch] = [start, end, pitch]
                rows.append(sounding[pitch])
        begin += begins[index + 1] - begins[index]
    return program, [(start, end, pitch) for start, end, pitch in rows], tuple(signatures)


def _notes(measure: Stream) -> Iterator[tuple[float, float, int, str | None]]:
    """(offset in the measure, quarter notes, MIDI pitch, kind of tie) of each note, in order of offset."""
    from music21.harmony import Harmony

    for element in measure.recurse().notes:
        if isinstance(element, Harmony):
            continue
        for note in element.notes if element.isChord else [element]:
            if note.isNote:  # unpitched percussion is not
                tie = note.tie and note.tie.type
                yield element.getOffsetInHierarchy(measure), element.quarterLength, note.pitch.midi, tie


def _playing_order(part: Part, measures: list[Stream]) -> list[int]:
    """Indices of the measures in the order in which they are played. Empties the measures.

    music21 copies every note for each repeat; with a rest in place of the notes it is three times as fast.
    """
    from music21.bar import Barline
    from music21.note import Rest
    from music21.repeat import Expander, ExpanderException, RepeatExpression

    if measures == [part]:
        return [0]
    for index, measure in enumerate(measures):
        measure.remove([element for element in measure if not isinstance(element, (Barline, RepeatExpression))])
        measure.insert(0, Rest())  # without any length, measures would be sorted anew
        measure.editorial["index"] = index  # a measure's number may change on the way
    try:
        played = Expander(part).process()
    except ExpanderException:
        raise UnusablePiece("its repeat marks contradict each other") from None
    return [measure.editorial["index"] for measure in played.getElementsByClass("Measure")]


def _ticks(quarters: float | Fraction) -> int:
    return round(quarters * TICKS_PER_BEAT)


def _convert_all(jobs: list[dict], progress: Progress | None) -> list[str | None]:
    """Do the jobs on all cores; the reason why a piece was left out, or None, for each.

    The workers are plain child processes that end when this one does. A pool of `multiprocessing` would need a guard
    in the user's main program, or fork a process that may run TensorFlow, and outlive a parent that is killed.
    """
    workers = [_start_worker() for _ in range(max(1, min(cores(), len(jobs) // 4)))]
    idle: SimpleQueue = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def convert(job: dict) -> str | None:
        worker, answer = idle.get(), ""
        try:
            with contextlib.suppress(BrokenPipeError):
                worker.stdin.write(json.dumps(job) + "\n")
                worker.stdin.flush()
                answer = worker.stdout.readline()
        finally:
            idle.put(worker)
        if not answer:
            raise UserError(f"converting {job['source']} ended unexpectedly; free some memory and try again.")
        outcome = json.loads(answer)
        if "failed" in outcome:
            raise UserError(outcome["failed"])
        return outcome["reason"]

    threads = ThreadPoolExecutor(len(workers))
    try:
        reasons = []
        for reason in threads.map(convert, jobs):
            reasons.append(reason)
            if progress:
                progress(len(reasons), len(jobs))
        return reasons
    finally:  # also after Ctrl-C: the threads end when their workers do
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.kill()
        threads.shutdown()
        for worker in workers:
            with contextlib.suppress(BrokenPipeError), worker:  # closes its pipes
                worker.wait()


def _start_worker() -> subprocess.Popen:
    package = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", "from zoo.corpora.recipes import _work; _work()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    )


def _work() -> None:
    """A worker: read a job a line, answer each with a line, until there are no more."""
    answers = sys.stdout
    # Whatever music21 may print is no answer; when the parent stops it speaks for itself.
    with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        for line in sys.stdin:
            try:
                answer = {"reason": _convert(**json.loads(line))}
            except UserError as error:  # it cannot be written
                answer = {"failed": str(error)}
            print(json.dumps(answer), file=answers, flush=True)


def _convert(source: str, target: str, monophonic: bool) -> str | None:
    """Score → MIDI file; the reason if it cannot be."""
    try:
        song = read_score(source)
        if monophonic and (song.start[1:] < song.end[:-1]).any():
            raise UnusablePiece("notes sound together")
    except UnusablePiece as error:
        return str(error)
    except Exception as error:  # music21 raises whatever it stumbles upon
        return f"music21 cannot read it ({type(error).__name__}: {error})"
    write_midi(song, target)
    return None


def _version() -> str:
    import music21

    return music21.__version__
