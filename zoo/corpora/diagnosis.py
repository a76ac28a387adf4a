"""What of a corpus the representations will lose or not know: to be read before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from zoo.codecs import ChordCodec, EventCodec, ExactChordCodec, MelodyCodec, SymbolCodec
from zoo.codecs.grid import AUTO, ENOUGH, coarsest_grid, onset_shares
from zoo.codecs.roll import HIGH, LOW
from zoo.corpora.corpus import Corpus
from zoo.song import Song

MANY_UNKNOWN = 0.1  # share of the symbols: worth a sentence
MANY_OUTSIDE = 0.01  # share of the notes, likewise
MANY_AT_ONCE = 16  # notes that sound at a time, on average over a piece: more than ten fingers and a pedal ever hold


@dataclass(frozen=True)
class Diagnosis:
    """Shares are 0–1.

    Attributes:
        grids: by steps per beat, the share of the training music's onsets kept apart and in place.
        grid: the one that `auto` takes.
        unknown_chords: share of the test symbols that the training music does not hold, as exact chords with their time
            (note_lstm).
        unknown_classes: the same as pitch classes in normal order (note_lstm as published).
        unknown_events: the same as joint event tokens (event_lstm as published).
        outside: share of all notes outside of the frame models' pitches.
        doubled: share of all notes that begin together with another of the same pitch; no representation keeps both.
        tracks: share of the tracks that never sound two notes at once (melody_lstm).
        with_melody: pieces with such a track.
        pieces: all pieces.
        crowded: pieces in which more notes sound at once than anybody plays; by name the average number.
        across_folders: pairs of copies that lie in different folders.
    """

    grids: dict[int, float]
    grid: int
    unknown_chords: float
    unknown_classes: float
    unknown_events: float
    outside: float
    doubled: float
    tracks: float
    with_melody: int
    pieces: int
    crowded: dict[str, float]
    across_folders: list[tuple[str, str]]

    def lines(self) -> list[str]:
        """Sentences and figures for a terminal."""
        kept = ", ".join(f"{per_beat}: {share:.0%}" for per_beat, share in self.grids.items())
        return [
            f"onsets kept apart and in place by a grid of so many steps a beat: {kept}; auto takes {self.grid}",
            f"test symbols that the training music does not hold: {self.unknown_chords:.1%} of exact chords and times, "
            f"{self.unknown_classes:.1%} of pitch-class chords (note_lstm), {self.unknown_events:.1%} of joint event "
            "tokens (event_lstm as published)",
            f"notes outside of pitches {LOW} to {HIGH} (rnn_rbm as published): {self.outside:.1%}; "
            f"notes that double another: {self.doubled:.1%}",
            f"monophonic tracks (melody_lstm): {self.tracks:.0%}, in {self.with_melody:,} of {self.pieces:,} pieces",
            *(f"copies in different folders: {one} and {other}" for one, other in self.across_folders),
        ]

    def warnings(self) -> list[str]:
        """What will hurt, and what to do: sentences with arguments in backticks, as those of UserError."""
        warnings = []
        if self.grids[self.grid] < ENOUGH:
            warnings.append(
                f"no grid keeps {ENOUGH:.0%} of the onsets; auto takes {self.grid} steps a beat. For human playing, "
                "event_lstm has `preset=performance`."
            )
        if self.unknown_chords > MANY_UNKNOWN:
            warnings.append(
                f"{self.unknown_chords:.0%} of the test chords are unknown to note_lstm; more music, or "
                "`transpose=6`, makes them fewer."
            )
        if self.outside > MANY_OUTSIDE:
            warnings.append(
                f"{self.outside:.0%} of the notes are out of the range of the published rolls; `low=auto` `high=auto` "
                "takes the music's own, as tuned does."
            )
        if self.crowded:
            name, notes = max(self.crowded.items(), key=itemgetter(1))
            warnings.append(
                f"{len(self.crowded):,} of {self.pieces:,} pieces sound more than {MANY_AT_ONCE} notes at once on "
                f"average ({name}: {notes:.0f}), as when a sustain pedal never goes up; `pedal=False` ends notes with "
                "their keys."
            )
        if not self.with_melody:
            warnings.append("no piece has a monophonic track; melody_lstm needs `voice=skyline`.")
        return warnings


def diagnose(corpus: Corpus) -> Diagnosis:
    """Look at `corpus` as the representations will."""
    corpus = corpus.measured()
    songs = [*corpus.train, *corpus.valid, *corpus.test]
    grid = coarsest_grid(corpus.train)
    melody = MelodyCodec(steps_per_beat=grid)
    lines = [(len(melody.encode(song)), melody.lines_of(song)) for song in songs]
    pitch = np.concatenate([song.pitch for song in songs])
    return Diagnosis(
        grids=onset_shares(corpus.train),
        grid=grid,
        unknown_chords=_unknown(ExactChordCodec(steps_per_beat=AUTO), corpus.train, corpus.test),
        unknown_classes=_unknown(ChordCodec(), corpus.train, corpus.test),
        unknown_events=_unknown(EventCodec(), corpus.train, corpus.test),
        outside=float(np.mean((pitch < LOW) | (pitch > HIGH))),
        doubled=sum(len(song) - len(np.unique(song.start.astype(np.int64) << 8 | song.pitch)) for song in songs)
        / len(pitch),
        tracks=sum(encoded for encoded, _ in lines) / sum(offered for _, offered in lines),
        with_melody=sum(encoded > 0 for encoded, _ in lines),
        pieces=len(songs),
        crowded={song.name: at_once for song in songs if (at_once := _at_once(song)) > MANY_AT_ONCE},
        across_folders=[pair for pair in corpus.duplicates if len({name.rpartition("/")[0] for name in pair}) > 1],
    )


def _at_once(song: Song) -> float:
    """Notes that sound at a time, averaged from the first onset to the last end."""
    return float(song.duration.sum(dtype=np.int64) / ((song.start + song.duration).max() - song.start.min()))


def _unknown(codec: SymbolCodec, train: Sequence[Song], test: Sequence[Song]) -> float:
    """Share of the symbols of `test` that are not in the vocabulary of `train`."""
    codec.fit(train)
    codes = [line.codes for song in test for line in codec.encode(song)]
    return codec.unknown_share(np.concatenate(codes)) if codes else 0.0
