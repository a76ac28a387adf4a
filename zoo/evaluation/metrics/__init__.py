"""Measures of songs: what they are made of, how far two sets are apart, what is copied, what a representation keeps.

Conventions:

- **Time** goes in as a Song's ticks and comes out in beats (quarter notes). `kept` works on ticks; every other measure
  looks at the music on a grid of twelfths of a beat, to which onsets and ends are rounded (`zoo.codecs.grid.on_grid`).
- **A note** is a pitch that starts at a step of that grid, whatever its track and velocity: real music has many tracks
  and samples often one, and no measure shall tell them apart by that. A pitch sounds once at a time: notes in unison
  are one, the longest, and a note is cut where its pitch is struck again. Drums are in no Song.
- **An onset** is a step at which notes start, however many; a **chord** is all that starts there.
- **The melody** is the notes that start with nothing higher sounding.
- **Silence** is a step in which nothing sounds. It counts as 0 in `polyphony`; rests after the last note count too.
- **Ties**: of keys alike the first of C major … B major, C minor … B minor is best; any largest matching will do.
- **Nothing is NaN.** A song without notes, or too short for a measure, gives what each function says: a share of
  nothing is that of a song without fault (scale consistency 1, loops 0, copies 0). One note has scale consistency 1.
  Leave empty songs (`is_empty`) out of a mean and count them instead.
- **A primed song** is measured whole; `song.crop(song.primed, song.length)` is what is new.
- **No figure is better for being higher.** Compare samples with real music, best as the model's representation
  expresses it, and beside that real music with real music.

Departures from MusPy 0.5.0, which the tests show:

- Unisons: MusPy counts a pitch that two tracks strike together twice, and lets a note sound on after its pitch was
  struck again; our shares and polyphony differ where that happens (C twice and D♭: entropy 1 bit, not 0.918).
- `polyphony` holds 0 for silence; the mean over its other values is MusPy's polyphony.
- `polyphony_rate(song, 3)` is MusPy's rate with its default threshold of 2, which counts *more* than two. Ours is a
  share of the song's length, MusPy's of the time until the last note ends; ours is smaller where a rest follows.
- `empty_beats`: MusPy adds a beat where a song ends on one, and takes the beat at whose start a note ends for full.
  Ours is larger by up to one beat for each rest (0–0.07 on ten pieces).
- `groove_consistency`: MusPy adds an empty bar where a song ends on a bar line. Ours is larger there (two bars of
  quarters: 1, not 0.958), and goes by the song's length, not by the end of its last note.
- Where MusPy gives NaN, see above.

From mgeval: both densities are histograms on one grid, not kernel estimates on two. From mir_eval: `kept` gives 1 for
two songs without notes, not 0; what lies exactly on a tolerance always counts, which rounding denies there at times.
"""

from zoo.evaluation.metrics.distances import Distance, compare, histograms
from zoo.evaluation.metrics.excerpts import views
from zoo.evaluation.metrics.features import UNITS, features
from zoo.evaluation.metrics.kept import Kept, kept
from zoo.evaluation.metrics.novelty import Index, copied_share, is_copy, longest_copy
from zoo.evaluation.metrics.repetition import distinct_ngrams, is_loop, loop_share
from zoo.evaluation.metrics.scalars import (
    best_key,
    describe,
    empty_beats,
    groove_consistency,
    idle_share,
    is_empty,
    key_clarity,
    longest_note,
    notes_at_once,
    notes_per_beat,
    pitch_class_entropy,
    pitch_span,
    polyphony_rate,
    scale_consistency,
)
from zoo.evaluation.metrics.two_sample import BLIND_SPOTS, TwoSampleTest, two_sample_test

__all__ = [
    "BLIND_SPOTS",
    "UNITS",
    "Distance",
    "Index",
    "Kept",
    "TwoSampleTest",
    "best_key",
    "compare",
    "copied_share",
    "describe",
    "distinct_ngrams",
    "empty_beats",
    "features",
    "groove_consistency",
    "histograms",
    "idle_share",
    "is_copy",
    "is_empty",
    "is_loop",
    "kept",
    "key_clarity",
    "longest_copy",
    "longest_note",
    "loop_share",
    "notes_at_once",
    "notes_per_beat",
    "pitch_class_entropy",
    "pitch_span",
    "polyphony_rate",
    "scale_consistency",
    "two_sample_test",
    "views",
]
