"""Audio, played with a General MIDI sound font."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np

from zoo._errors import UserError
from zoo._files import write_bytes
from zoo.song import TICKS_PER_BEAT, Song

SAMPLE_RATE = 44100
RELEASE_SECONDS = 2.0
BLOCK = 2**15  # samples that are synthesised at once
LONGEST = 3600  # seconds
PEAK = 0.89  # -1 dB: MP3 may overshoot what it was given
# Without what it asks for: PyAudio, which only its live playback needs, and which pip would have to compile.
INSTALL = "python -m pip install --no-deps tinysoundfont==0.3.7"
COMPRESSION = {False: 0.4, True: 0.9}  # of MP3, by `compact`: 0 is the best quality, 1 the smallest file


def audio(song: Song, path: Path | str, compact: bool = False) -> None:
    """Play the song with pretty_midi's General MIDI sound font into a stereo file, 44.1 kHz, with a tail for release.

    The loudest sample lies at -1 dB, so songs compare by their music and not by their loudness.

    Args:
        song: any song, an empty one gives silence.
        path: `.mp3`, `.wav`, `.flac` or `.ogg`.
        compact: mono at half the sampling rate, for pages: a piano, which in that font has nothing above 10 kHz, takes
            5 kB a second as MP3.

    Raises:
        UserError: when the song lasts longer than an hour, the file cannot be written, or tinysoundfont is missing.
    """
    import soundfile

    seconds = song.beats * 60 / song.tempo
    if seconds > LONGEST:
        raise UserError(
            f"cannot write {path}: the song lasts {seconds / 3600:.1f} hours, and audio is written of up to "
            f"{LONGEST / 3600:g}; take fewer beats or a higher tempo."
        )
    blocks = _compact if compact else synthesise
    # Twice, for the peak and for the file: an hour of sound at once would fill gigabytes.
    peak = max(float(np.abs(block).max()) for block in blocks(song))
    gain = np.float32(PEAK / peak if peak else 1)
    content = io.BytesIO()
    kind = Path(path).suffix[1:].lower()
    quality = {"bitrate_mode": "VARIABLE", "compression_level": COMPRESSION[compact]} if kind == "mp3" else {}
    rate, channels = (SAMPLE_RATE // 2, 1) if compact else (SAMPLE_RATE, 2)
    with soundfile.SoundFile(content, "w", rate, channels, format=kind, **quality) as file:
        for block in blocks(song):
            file.write(block * gain)
    write_bytes(path, content.getvalue())


def _compact(song: Song) -> Iterator[np.ndarray]:
    """Sound of the song in mono, at half the sampling rate, (samples, 1) float32, in one block."""
    from scipy.signal import resample_poly

    yield resample_poly(np.concatenate(list(synthesise(song))).mean(1, keepdims=True), 1, 2)


def library() -> ModuleType:
    """The synthesiser's package, tinysoundfont.

    Raises:
        UserError: saying how it is installed, when it is not.
    """
    try:
        import tinysoundfont
    except ModuleNotFoundError:
        raise UserError(f"audio needs the package tinysoundfont; install it: {INSTALL}") from None
    return tinysoundfont


def synthesise(song: Song) -> Iterator[np.ndarray]:
    """Sound of the song in blocks, each (samples, 2) float32."""
    synthesiser = library().Synth(samplerate=SAMPLE_RATE)
    # Found without importing pretty_midi, which takes longer than the music.
    package = find_spec("pretty_midi")
    assert package is not None and package.origin is not None
    font = synthesiser.sfload(str(Path(package.origin).parent / "TimGM6mb.sf2"))
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
    end = total + round(RELEASE_SECONDS * SAMPLE_RATE)
    now = 0
    for time, begins, track, pitch, velocity in [*events, (end, False, 0, 0, 0)]:
        while now < time:
            samples = min(BLOCK, time - now)
            yield np.frombuffer(synthesiser.generate_simple(samples), np.float32).reshape(-1, 2)
            now += samples
        if begins:
            synthesiser.noteon(track, pitch, velocity)
        else:
            synthesiser.noteoff(track, pitch)
