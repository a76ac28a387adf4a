"""A Song for the eye and the ear: piano roll, sheet music, audio.

The same song gives the same bytes, whatever the day; only Ogg files carry a serial number drawn by their encoder.
Libraries are imported where they draw, engrave or play: most take longer than a MIDI file does.
"""

from __future__ import annotations

import io
import itertools
import re
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import UserError
from zoo.files import replacing
from zoo.midi import write_midi
from zoo.song import TICKS_PER_BEAT, Song

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.path import Path as Outline

# Okabe and Ito, "Color Universal Design" (2008), without black and yellow, which vanish on one background or the other.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
INK, PAPER, GRID = "#222222", "#ffffff", "#dddddd"
_NIGHT = {INK: "#e4e4e4", PAPER: "#17191e", GRID: "#3b3e46"}
STYLE = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "text.parse_math": False,  # a "$" in somebody's name is a dollar
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "grid.color": GRID,
    "legend.frameon": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # text stays text: small files that can be searched and read aloud
    "svg.hashsalt": "zoo",
}
SAMPLE_RATE = 44100
RELEASE_SECONDS = 2.0
PEAK = 0.89  # -1 dB: MP3 may overshoot what it was given


def save_figure(figure: Figure, path: Path | str) -> None:
    """Write a figure as PNG or SVG, by suffix, without dates; an SVG follows its reader's light or dark colour scheme.

    Raises:
        UserError: when the file cannot be written.
    """
    import matplotlib

    suffix = Path(path).suffix[1:].lower()
    metadata = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
    image = io.BytesIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # an SVG's reader has other fonts
        figure.savefig(image, format=suffix, dpi=120, metadata=metadata)
    content = image.getvalue()
    if suffix == "svg":
        rules = "".join(
            f'[style*="{role}: {day}"]{{{role}: {night} !important}}'
            for day, night in _NIGHT.items()
            for role in ("fill", "stroke")
        )
        night = f"@media (prefers-color-scheme: dark) {{{rules}}}"
        content = content.replace(b"</style>", night.encode() + b"</style>", 1)
    _write(content, path)


def piano_roll(song: Song, path: Path | str) -> None:
    """Draw the notes as bars, pitch over beats, one colour a track, bar lines behind; a primer is shaded and labelled.

    Args:
        song: any song, an empty one too.
        path: `.png` or `.svg`.

    Raises:
        UserError: when the file cannot be written.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _roll(song)
    save_figure(figure, path)


def _roll(song: Song) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, PathPatch

    beats = max(song.beats, 1.0)
    low, high = (song.pitch.min() - 2, song.pitch.max() + 3) if len(song) else (54, 66)
    low, high = min(low, high - 14), max(high, low + 14)
    bars = _bars(song) / TICKS_PER_BEAT
    bars = bars[bars <= beats]
    width, height = np.clip(beats * 0.15, 8, 48), np.clip((high - low) * 0.06, 1.4, 4)
    margin_left, margin_right, margin_bottom, margin_top = 0.45, 0.1, 0.45, 0.3  # inches
    size = (width + margin_left + margin_right, height + margin_bottom + margin_top)
    figure = Figure(figsize=size)
    axes = figure.add_axes((margin_left / size[0], margin_bottom / size[1], width / size[0], height / size[1]))

    octaves = np.arange(-(-low // 12) * 12, high + 1, 12)
    axes.set(xlim=(0, beats), ylim=(low - 0.5, high - 0.5), xlabel="beats")
    labelled = bars[:: -(-len(bars) // 24)]
    axes.set_xticks(labelled, [f"{beat:.4g}" for beat in labelled])
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.vlines(bars, low - 0.5, high - 0.5, colors=GRID, linewidth=0.8, zorder=0)
    axes.hlines(octaves, 0, beats, colors=GRID, linewidth=0.8, zorder=0)
    tracks = np.unique(song.track)
    for track in tracks:
        notes = song.select(song.track == track)
        axes.add_patch(PathPatch(_outline(notes), facecolor=_colour(track), edgecolor=PAPER, linewidth=0.4))
    if song.primed:
        primer = min(song.primed / TICKS_PER_BEAT, beats)
        axes.axvspan(0, primer, color="#888888", alpha=0.18, linewidth=0)
        axes.axvline(primer, color=INK, linewidth=1, linestyle="--")
        above = {"transform": axes.get_xaxis_transform(), "va": "bottom"}
        axes.text(primer - 0.3, 1.02, "primer", ha="right", **above)
        axes.text(primer + 0.3, 1.02, "the model's music", ha="left", **above)
    if 1 < len(tracks) <= 8:
        handles = [Patch(color=_colour(track), label=f"track {track + 1}") for track in tracks]
        place = {"loc": "lower right", "bbox_to_anchor": (1, 0.97), "borderaxespad": 0}
        axes.legend(handles=handles, ncols=len(handles), handlelength=0.8, columnspacing=1, fontsize=8, **place)
    return figure


def audio(song: Song, path: Path | str) -> None:
    """Play the song with pretty_midi's General MIDI sound font into a stereo file, 44.1 kHz, with a tail for release.

    The loudest sample lies at -1 dB, so songs compare by their music and not by their loudness.

    Args:
        song: any song, an empty one gives silence.
        path: `.mp3`, `.wav`, `.flac` or `.ogg`.

    Raises:
        UserError: when the file cannot be written.
    """
    import soundfile

    sound = _synthesise(song)
    peak = np.abs(sound).max()
    if peak > 0:
        sound = sound * (PEAK / peak)
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", SAMPLE_RATE, 2, format=Path(path).suffix[1:]) as file:
        for start in range(0, len(sound), SAMPLE_RATE):  # the Ogg encoder keeps a whole block on its stack
            file.write(sound[start : start + SAMPLE_RATE])
    _write(content.getvalue(), path)


def musicxml(song: Song, path: Path | str) -> None:
    """Write the song as sheet music, one part a track, every beat in sixteenths or in eighth triplets, whichever fits.

    Onsets and ends are moved to that grid; notes with common onset and end form a chord, others that overlap go to
    further voices; a note has at least one step of the grid.

    Raises:
        UserError: when the file cannot be written.
    """
    from music21 import instrument, metadata, meter, stream, tempo
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    end = int(_bars(song)[-1])
    score = stream.Score()
    score.metadata = metadata.Metadata(title=song.name or Path(path).stem, composer="")
    for track, program in enumerate(song.programs):
        part = stream.Part(id=f"track {track + 1}")
        player = instrument.instrumentFromMidiProgram(program)
        player.partId, player.instrumentId = f"P{track + 1}", f"I{track + 1}"  # they would be random otherwise
        part.insert(0, player)
        for tick, numerator, denominator in _time_signatures(song):
            part.insert(tick / TICKS_PER_BEAT, meter.TimeSignature(f"{numerator}/{denominator}"))
        if track == 0:
            part.insert(0, tempo.MetronomeMark(number=round(song.tempo, 2)))
        for voice in _voices(song.select(song.track == track), end):
            part.insert(0, voice)
        score.insert(0, part)
    content = GeneralObjectExporter(score).parse()
    _write(re.sub(rb"\s*<encoding-date>.*?</encoding-date>", b"", content), path)


FORMATS = {
    "mid": write_midi,
    "png": piano_roll,
    "svg": piano_roll,
    "mp3": audio,
    "wav": audio,
    "flac": audio,
    "ogg": audio,
    "musicxml": musicxml,
}


def render(song: Song, path: Path | str) -> None:
    """Write the song in the format that the suffix of `path` names, one of `FORMATS`.

    Raises:
        UserError: when there is no such format or the file cannot be written.
    """
    suffix = Path(path).suffix[1:].lower()
    if suffix not in FORMATS:
        raise UserError(f"cannot write {path}: its format must be one of {', '.join(FORMATS)}.")
    FORMATS[suffix](song, path)


def _write(content: bytes, path: Path | str) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _colour(track: int) -> str:
    return PALETTE[track % len(PALETTE)]


def _outline(song: Song) -> Outline:
    """All notes as one path of closed rectangles: a tenth of the file that single patches make."""
    from matplotlib.path import Path as Outline

    left, right = song.start / TICKS_PER_BEAT, song.end / TICKS_PER_BEAT
    bottom, top = song.pitch - 0.45, song.pitch + 0.45
    corners = np.stack([left, bottom, right, bottom, right, top, left, top, left, bottom], -1)  # (notes, 5 * 2)
    codes = np.tile([Outline.MOVETO, Outline.LINETO, Outline.LINETO, Outline.LINETO, Outline.CLOSEPOLY], len(song))
    return Outline(corners.reshape(-1, 2), codes)


def _time_signatures(song: Song) -> tuple[tuple[int, int, int], ...]:
    """The song's time signatures, with 4/4 from the start when it says nothing else."""
    starts = song.time_signatures and song.time_signatures[0][0] == 0
    return song.time_signatures if starts else ((0, 4, 4), *song.time_signatures)


def _bars(song: Song) -> np.ndarray:
    """Ticks where bars begin, and last the tick where the last bar ends: (bars + 1,), at least one bar."""
    signatures = _time_signatures(song)
    ends = [tick for tick, _, _ in signatures[1:]] + [max(song.length, signatures[-1][0] + 1)]
    bars = [0]
    for (tick, numerator, denominator), end in zip(signatures, ends, strict=True):
        step = 4 * TICKS_PER_BEAT * numerator // denominator
        bars += range(tick, end, step)
    return np.unique([*bars, bars[-1] + step])


def _synthesise(song: Song) -> np.ndarray:
    """Sound of the song, (samples, 2) float32."""
    import tinysoundfont

    synthesiser = tinysoundfont.Synth(samplerate=SAMPLE_RATE)
    # Found without importing pretty_midi, which takes longer than the music.
    font = synthesiser.sfload(str(Path(find_spec("pretty_midi").origin).parent / "TimGM6mb.sf2"))
    for track, program in enumerate(song.programs):  # a channel each: the synthesiser, unlike MIDI, has more than 16
        synthesiser.program_select(track, font, 0, program)
    samples_per_tick = SAMPLE_RATE * 60 / song.tempo / TICKS_PER_BEAT
    onset = np.rint(song.start * samples_per_tick).astype(int)
    offset = np.maximum(np.rint(song.end * samples_per_tick).astype(int), onset + 1)
    # At the same sample a note ends before the next begins: False sorts before True.
    notes = list(zip(onset, offset, song.track, song.pitch, song.velocity, strict=True))
    events = sorted(
        [(begin, True, int(track), int(pitch), int(velocity)) for begin, _, track, pitch, velocity in notes]
        + [(end, False, int(track), int(pitch), 0) for _, end, track, pitch, _ in notes]
    )
    total = max(round(song.length * samples_per_tick), events[-1][0] if events else 0)
    sound = np.zeros((total + round(RELEASE_SECONDS * SAMPLE_RATE), 2), np.float32)
    now = 0
    for time, begins, track, pitch, velocity in [*events, (len(sound), False, 0, 0, 0)]:
        if time > now:
            sound[now:time] = np.frombuffer(synthesiser.generate_simple(time - now), np.float32).reshape(-1, 2)
            now = time
        if begins:
            synthesiser.noteon(track, pitch, velocity)
        else:
            synthesiser.noteoff(track, pitch)
    return sound


def _quantise(song: Song) -> tuple[np.ndarray, np.ndarray]:
    """Onsets and ends, each (notes,) ticks, on sixteenths or eighth triplets: whichever lies nearer in that beat."""
    ticks = np.concatenate([song.start, song.end])
    beat, within = np.divmod(ticks, TICKS_PER_BEAT)
    grids = [(within + step // 2) // step * step for step in (TICKS_PER_BEAT // 4, TICKS_PER_BEAT // 3)]
    errors = [np.bincount(beat, np.abs(grid - within)) for grid in grids]
    triplet = np.append(errors[1] < errors[0], False)
    onset, end = np.split(beat * TICKS_PER_BEAT + np.where(triplet[beat], grids[1], grids[0]), 2)
    step = np.where(triplet[onset // TICKS_PER_BEAT], TICKS_PER_BEAT // 3, TICKS_PER_BEAT // 4)
    return onset, np.maximum(end, onset + step)


def _voices(song: Song, end: int) -> list:
    """The track's notes and chords as music21 voices without overlap; the first reaches to tick `end`."""
    from music21 import note, stream

    chords = {}
    for onset, stop, pitch in sorted(zip(*_quantise(song), song.pitch, strict=True)):
        chords.setdefault((int(onset), int(stop)), set()).add(int(pitch))
    voices, ends = [stream.Voice(id="1")], [0]
    for (onset, stop), pitches in chords.items():
        free = next((number for number, busy in enumerate(ends) if busy <= onset), len(ends))
        if free == len(ends):
            voices.append(stream.Voice(id=str(free + 1)))
            ends.append(0)
        for element, tick in _tied(onset, stop, sorted(pitches)):
            voices[free].insert(tick / TICKS_PER_BEAT, element)
        ends[free] = stop
    for begin, stop in _cut(ends[0], max(end, ends[0])):
        voices[0].insert(begin / TICKS_PER_BEAT, note.Rest(quarterLength=(stop - begin) / TICKS_PER_BEAT))
    return voices


def _tied(onset: int, end: int, pitches: list[int]) -> list:
    """(note or chord, tick) pairs that together last from `onset` to `end`."""
    from music21 import chord, note, tie

    spans = _cut(onset, end)
    pieces = []
    for number, (begin, stop) in enumerate(spans):
        length = (stop - begin) / TICKS_PER_BEAT
        kind = note.Note if len(pitches) == 1 else chord.Chord
        piece = kind(pitches[0] if len(pitches) == 1 else pitches, quarterLength=length)
        if len(spans) > 1:
            piece.tie = tie.Tie("start" if number == 0 else "stop" if number == len(spans) - 1 else "continue")
        pieces.append((piece, begin))
    return pieces


def _cut(begin: int, end: int) -> list[tuple[int, int]]:
    """The span, cut at the first and last beat inside it when it has a triplet's end: no note value spans both."""
    sixteenth = TICKS_PER_BEAT // 4
    cuts = {begin, end}
    if begin % sixteenth or end % sixteenth:
        first, last = -(-begin // TICKS_PER_BEAT) * TICKS_PER_BEAT, end // TICKS_PER_BEAT * TICKS_PER_BEAT
        cuts |= {tick for tick in (first, last) if begin < tick < end}
    ticks = sorted(cuts)
    return list(itertools.pairwise(ticks))
