"""Audio, played with a General MIDI sound font."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from zoo.files import write_bytes
from zoo.song import TICKS_PER_BEAT, Song

SAMPLE_RATE = 44100
RELEASE_SECONDS = 2.0
PEAK = 0.89  # -1 dB: MP3 may overshoot what it was given
MP3 = {"bitrate_mode": "VARIABLE", "compression_level": 0.7}


def audio(song: Song, path: Path | str, compact: bool = False) -> None:
    """Play the song with pretty_midi's General MIDI sound font into a stereo file, 44.1 kHz, with a tail for release.

    The loudest sample lies at -1 dB, so songs compare by their music and not by their loudness.

    Args:
        song: any song, an empty one gives silence.
        path: `.mp3`, `.wav`, `.flac` or `.ogg`.
        compact: mono at half the sampling rate, for pages: a piano, which in that font has nothing above 10 kHz, takes
            5 kB a second as MP3.

    Raises:
        UserError: when the file cannot be written.
    """
    import soundfile
    from scipy.signal import resample_poly

    sound = synthesise(song)
    if compact:
        sound = resample_poly(sound.mean(1, keepdims=True), 1, 2)
    peak = np.abs(sound).max()
    if peak > 0:
        sound = sound * (PEAK / peak)
    content = io.BytesIO()
    kind = Path(path).suffix[1:].lower()
    quality = MP3 if kind == "mp3" else {}
    rate, channels = SAMPLE_RATE // (1 + compact), sound.shape[1]
    with soundfile.SoundFile(content, "w", rate, channels, format=kind, **quality) as file:
        for start in range(0, len(sound), SAMPLE_RATE):  # the Ogg encoder keeps a whole block on its stack
            file.write(sound[start : start + SAMPLE_RATE])
    write_bytes(path, content.getvalue())


def synthesise(song: Song) -> np.ndarray:
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
