"""What the page plays and shows of each piece, rendered once: audio, piano roll, sheet music, and files to download.

It lies in `samples/<model>/<run>/` under the corpus's folder of results. `samples/rendered.json` says of each piece
what it was made from and what came of it, so that only what has changed is rendered again, and only what an earlier
report rendered is removed: other files in there, such as samples that a user asked for, are left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import unquote_to_bytes

from zoo import render
from zoo._cores import cores
from zoo._errors import UserError
from zoo._files import printable, read_json, write_bytes, write_json
from zoo.experiments import records
from zoo.experiments.folders import music_folder
from zoo.experiments.progress import counting
from zoo.midi import read_midi
from zoo.render import roll, sheet, sound
from zoo.report.links import url
from zoo.report.runs import Run
from zoo.song import Song

SUFFIXES = ("mid", "mp3", "mxl", "svg", "sheet.svg")
WORTH_A_PROCESS = 4  # pieces; a process takes as long to start as one takes to render
LIBRARIES = ("music21", "verovio", "matplotlib", "tinysoundfont", "soundfile", "pretty_midi")


@dataclass(frozen=True)
class Piece:
    """A piece that the page plays.

    Args:
        kind: "sample" of the model, or "real" music as its representation encodes it.
        title: "Sample 1", or the name that the real piece has in the corpus.
        source: its MIDI file, in the run's folder.
        place: folder and stem of the rendered files, from the corpus's folder of results.
        song: what the MIDI file holds; None when it cannot be read.
        error: why it cannot be read, else empty.
        suffixes: which files of it are rendered.
    """

    kind: str
    title: str
    source: Path
    place: Path
    song: Song | None
    error: str
    suffixes: tuple[str, ...] = SUFFIXES

    @property
    def stem(self) -> str:
        """Name of its files without what follows the dot."""
        return self.place.name

    @property
    def urls(self) -> dict[str, str]:
        """Address of the file of each of its suffixes, seen from the page; empty when the piece cannot be read."""
        return {suffix: url(path) for suffix, path in self.files.items()}

    @property
    def files(self) -> dict[str, Path]:
        """The same as paths from the corpus's folder of results."""
        return {suffix: _file(self.place, suffix) for suffix in self.suffixes} if self.song is not None else {}

    @property
    def seconds(self) -> float:
        """How long the music lasts, without the fading of the last notes; 0 when the piece cannot be read."""
        return self.song.beats * 60 / self.song.tempo if self.song is not None else 0.0


@dataclass(frozen=True)
class Rendered:
    """Of a piece that was rendered: a digest of what it was made from, and by suffix those of its files."""

    made_from: str = ""
    files: dict[str, str | None] = field(default_factory=dict)


class Pieces:
    """The folder `samples/` of a report: gives each piece its files, renders them, drops those of earlier reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wanted: list[Piece] = []

    def of(self, run: Run, samples: int, real: int) -> list[Piece]:
        """The first samples of a run and the first pieces of real music beside them, for `make` to render.

        Args:
            run: whose music it is.
            samples: how many samples at most.
            real: how many pieces of real music at most.
        """
        pieces = [
            _piece("sample", f"Sample {number}", path, run) for number, path in enumerate(run.samples[:samples], 1)
        ]
        pieces += [_piece("real", title, path, run) for title, path in _real(run)[:real]]
        self.wanted += pieces
        return pieces

    def shared_out(self, runs: Sequence[Run], skipped: int) -> list[list[Piece]]:
        """For each run some of its real music after the first `skipped` pieces, no piece for two of them.

        Of these pieces `make` renders the audio only.
        """
        sharing = [run for run in runs if run.real]
        shares: list[list[Piece]] = [[] for _ in runs]
        for place, run in enumerate(sharing):
            due = _real(run)[skipped + place :: len(sharing)]
            shares[runs.index(run)] = [_piece("real", title, path, run, suffixes=("mp3",)) for title, path in due]
        self.wanted += [piece for pieces in shares for piece in pieces]
        return shares

    def make(self) -> None:
        """Render what is missing, damaged, or was made from something else; remove what no piece needs any more.

        Raises:
            UserError: when a file cannot be written.
        """
        tools, before, after, missing = _tools(), self._rendered_before(), {}, []
        for piece in self.wanted:
            if piece.song is not None:
                made_from = _digest(tools, piece.title.encode("utf-8", "replace"), piece.source.read_bytes())
                after[url(piece.place)] = made_from
                entry = before.get(url(piece.place))
                if entry != Rendered(made_from, self._files(piece)):
                    missing.append((piece.source, self.folder / piece.place, printable(piece.title), piece.suffixes))
        _render_all(missing)
        pieces = {url(piece.place): piece for piece in self.wanted}
        for place in before:
            for suffix in set(SUFFIXES).difference(pieces[place].suffixes if place in after else ()):
                _file(self.folder / os.fsdecode(unquote_to_bytes(place)), suffix).unlink(missing_ok=True)
        rendered = {name: Rendered(made_from, self._files(pieces[name])) for name, made_from in after.items()}
        write_json(music_folder(self.folder) / "rendered.json", records.to_json(rendered))

    def _rendered_before(self) -> dict[str, Rendered]:
        try:
            content = read_json(music_folder(self.folder) / "rendered.json")
        except UserError:
            return {}
        before = content if isinstance(content, dict) else {}
        inside = [name for name in before if name.startswith("samples/") and ".." not in name]
        return {name: records.read(Rendered, before[name]) for name in inside}

    def _files(self, piece: Piece) -> dict[str, str | None]:
        """What lies at a piece's place: digests of its files."""
        files = {suffix: _file(self.folder / piece.place, suffix) for suffix in piece.suffixes}
        return {suffix: _digest(path.read_bytes()) if path.is_file() else None for suffix, path in files.items()}


def _real(run: Run) -> list[tuple[str, Path]]:
    """Name and MIDI file of the real music beside a run's samples."""
    names = [name.removesuffix(".mid") for name in run.results.real]
    return [*zip(names + [path.stem for path in run.real[len(names) :]], run.real, strict=False)]


def _piece(kind: str, title: str, source: Path, run: Run, suffixes: tuple[str, ...] = SUFFIXES) -> Piece:
    place, song, error = music_folder(Path()) / run.model / run.name / source.stem, None, ""
    try:
        song = read_midi(source)
    except UserError as problem:
        error = str(problem).replace(f"{source.parent}{os.sep}", "")
    return Piece(kind, title, source, place, song, error, suffixes)


def _file(place: Path, suffix: str) -> Path:
    return place.with_name(f"{place.name}.{suffix}")


def _render_all(pieces: Sequence[tuple[Path, Path, str, tuple[str, ...]]]) -> None:
    if not pieces:
        return
    processes = min(cores(), len(pieces) // WORTH_A_PROCESS)
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(counting("pieces rendered"))
        rendered: Iterator[None] = map(_render, pieces)
        if processes > 1:
            rendered = stack.enter_context(ProcessPoolExecutor(processes, get_context("spawn"))).map(_render, pieces)
        progress(0, len(pieces))
        for done, _ in enumerate(rendered, start=1):
            progress(done, len(pieces))


def _render(piece: tuple[Path, Path, str, tuple[str, ...]]) -> None:
    source, place, title, suffixes = piece
    song = read_midi(source)
    sound.audio(song, _file(place, "mp3"), compact=True)
    if suffixes != SUFFIXES:
        return
    score = sheet.written(song, title)
    write_bytes(_file(place, "mid"), source.read_bytes())
    write_bytes(_file(place, "mxl"), sheet.zipped(score))
    write_bytes(_file(place, "sheet.svg"), sheet.engraved(score))
    roll.piano_roll(song, _file(place, "svg"))


def _tools() -> bytes:
    """What else rendering depends on: our own code and the libraries behind it."""
    sound.library()  # or it says how to install it
    code = [path.read_bytes() for path in sorted(Path(render.__file__).parent.glob("*.py"))]
    return _digest(*code, *(version(library).encode() for library in LIBRARIES)).encode()


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]
