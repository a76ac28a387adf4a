"""Measures of one song, and what a representation keeps: cases worked out by hand, MusPy and mir_eval."""

import mir_eval
import numpy as np
import pytest
from scipy import stats
from songs import BEAT, NOTHING, ONE, SILENCE, piece, quarters, song

from zoo.evaluation import metrics
from zoo.evaluation.metrics import features, kept
from zoo.song import Song

# Krumhansl and Kessler's ratings once more, from the best fitting tone down: semitones above the tonic, ratings.
RATINGS = (
    ((0, 7, 4, 5, 9, 2, 11, 6, 8, 3, 10, 1), (6.35, 5.19, 4.38, 4.09, 3.66, 3.48, 2.88, 2.52, 2.39, 2.33, 2.29, 2.23)),
    ((0, 3, 7, 8, 5, 2, 10, 11, 9, 1, 4, 6), (6.33, 5.38, 4.75, 3.98, 3.53, 3.52, 3.34, 3.17, 2.69, 2.68, 2.60, 2.54)),
)
KEYS = [np.roll(np.array(ratings)[np.argsort(tones)], tonic) for tones, ratings in RATINGS for tonic in range(12)]


def listed(song):
    return {name: column.tolist() for name, column in features(song).items()}


TWO_VOICES = song((0, 4, 72), (4, 6, 74), (8, 10, 71), (0, 8, 48, 1), (9, 12, 50, 1), steps=18)


def test_features_by_hand():
    assert listed(TWO_VOICES) == {
        "pitch": [48, 72, 74, 71, 50],
        "pitch_class": [0, 0, 2, 11, 2],
        "interval": [2, -3],  # the bass starts again below a sounding 71
        "duration": [2.0, 1.0, 0.5, 0.5, 0.75],
        "inter_onset": [1.0, 1.0, 0.25],
        "polyphony": np.repeat([2, 1, 2, 1, 0], [18, 9, 3, 6, 18]).tolist(),  # in twelfths of a beat
        "density": [2, 1, 2, 0, 0],  # the fifth beat is half a beat
    }
    assert list(features(TWO_VOICES)) == list(metrics.UNITS)


def test_a_note_under_another_is_not_melody():
    for start, interval in ((439, []), (479, [-12])):  # in the last step of the other note, and when it has ended
        music = Song.from_notes([(0, 480, 72, 80, 0), (start, 480, 60, 80, 0)])
        assert listed(music)["interval"] == interval


def test_features_do_not_see_tracks_unisons_velocity_or_a_few_ticks():
    assert listed(TWO_VOICES.replace(track=np.zeros(5, int), velocity=np.full(5, 33))) == listed(TWO_VOICES)
    rows = [(0, 480, 72, 80, 0), (0, 240, 72, 80, 1), (7, 969, 48, 80, 1), (470, 245, 74, 80, 0)]
    rows += [(961, 230, 71, 80, 0), (1080, 355, 50, 80, 1)]
    assert listed(Song.from_notes(rows, length=2150, programs=(0, 0))) == listed(TWO_VOICES)


def test_features_of_nothing_and_of_one_note():
    assert listed(NOTHING) == {name: [] for name in metrics.UNITS}
    assert listed(SILENCE) == listed(NOTHING) | {"polyphony": [0] * 96, "density": [0] * 8}
    values = {"pitch": [60], "pitch_class": [0], "duration": [1.0], "polyphony": [1] * 12 + [0] * 36}
    assert listed(ONE) == listed(NOTHING) | values | {"density": [1, 0, 0, 0]}


def test_figures_of_nothing_and_of_one_note():
    nothing = {"scale_consistency": 1, "key_clarity": 0, "pitch_class_entropy": 0, "polyphony_rate": 0}
    nothing |= {"empty_beats": 1, "groove_consistency": 1, "loop_share": 0, "distinct_ngrams": 1}
    nothing |= {"notes_per_beat": 0, "notes_at_once": 0, "pitch_span": 0, "longest_note": 0, "idle_share": 1}
    assert metrics.describe(NOTHING) == metrics.describe(SILENCE) == nothing
    clarity = max(stats.pearsonr(np.eye(12)[0], key).statistic for key in KEYS)
    one = {"empty_beats": 3 / 4, "key_clarity": clarity, "notes_per_beat": 1 / 4, "notes_at_once": 1 / 4}
    assert metrics.describe(ONE) == pytest.approx(nothing | one | {"longest_note": 1})
    assert metrics.is_empty(SILENCE) and not metrics.is_empty(ONE)
    assert not metrics.is_loop(NOTHING) and not metrics.is_loop(ONE)


# MusPy 0.5.0 of `piece(0)` … `piece(9)` at resolution 12: scale consistency, pitch class entropy, polyphony, polyphony
# rate with thresholds 1 and 2, groove consistency with 48 steps to a measure, empty beat rate.
MUSPY = """
1.0      1.954434 1.0      0.0      0.0      0.822917 0.181818
0.764706 2.708992 1.442857 0.413333 0.0      0.828125 0.0
0.925926 2.915321 1.708861 0.556962 0.151899 0.817708 0.0
0.789474 3.132604 2.317073 0.633333 0.444444 0.85     0.043478
0.6      3.321928 1.0      0.0      0.0      0.854167 0.214286
0.880952 3.060981 1.436782 0.391753 0.0      0.850694 0.04
0.772727 3.215403 1.71875  0.50495  0.178218 0.833333 0.0
0.673913 3.307926 2.395833 0.692308 0.423077 0.857639 0.037037
0.75     2.729574 1.0      0.0      0.0      0.833333 0.1875
0.68     3.376691 1.423077 0.396396 0.0      0.836806 0.0
""".strip().split("\n")


@pytest.mark.parametrize(("number", "row"), list(enumerate(MUSPY)))
def test_muspy_says_the_same(number, row):
    *same, empty_beats = map(float, row.split())
    music = piece(number)
    sounding = features(music)["polyphony"]
    assert [
        metrics.scale_consistency(music),
        metrics.pitch_class_entropy(music),
        sounding[sounding > 0].mean(),
        metrics.polyphony_rate(music, 2),
        metrics.polyphony_rate(music, 3),
        metrics.groove_consistency(music),
    ] == pytest.approx(same, abs=1e-6)
    assert empty_beats - 1e-6 < metrics.empty_beats(music) < empty_beats + 0.08


def mean_polyphony(song):
    return features(song)["polyphony"].mean()


@pytest.mark.parametrize(
    ("measure", "music", "ours", "muspy"),
    [
        (metrics.groove_consistency, quarters(*range(60, 68)), 1, 0.958333),  # two bars
        (metrics.empty_beats, song((0, 4, 60), (16, 20, 60)), 3 / 5, 0.333333),
        (metrics.pitch_class_entropy, song((0, 4, 60), (0, 4, 60, 1), (4, 8, 61)), 1, 0.918296),
        (mean_polyphony, song((0, 8, 60), (2, 4, 60), (0, 8, 64)), 1.5, 2),
        (metrics.polyphony_rate, song((0, 4, 60), (0, 4, 64), (4, 8, 60)), 1 / 2, 0),  # MusPy's default threshold
        (metrics.polyphony_rate, song((0, 4, 60), (0, 4, 64), steps=16), 1 / 4, 0),
    ],
)
def test_departures_from_muspy(measure, music, ours, muspy):
    """The last column is what MusPy 0.5.0 gives."""
    assert measure(music) == pytest.approx(ours) and abs(ours - muspy) > 0.04


def test_bars_and_beats_cut_short_count():
    assert metrics.groove_consistency(quarters(60, 60, 60)) == 1  # fewer than two bars
    assert metrics.groove_consistency(quarters(60, 60, 60, 60, 60)) == 1 - 3 / 48
    assert metrics.groove_consistency(quarters(60, 60, 60, 60), beats=3) == 1 - 2 / 36
    assert metrics.empty_beats(song((0, 4, 60), steps=5)) == 1 / 2
    assert metrics.empty_beats(song((3, 5, 60), steps=8)) == 0


def test_every_key_is_found_and_a_profile_is_its_own_best_likeness():
    for number, key in enumerate(KEYS):
        weights = np.round(100 * key).astype(int)  # twelfths of a beat
        notes = zip(np.cumsum(weights) - weights, weights, range(60, 72), strict=True)
        found, clarity = metrics.best_key(Song.from_notes([(40 * a, 40 * d, pitch, 80, 0) for a, d, pitch in notes]))
        assert found == number and clarity == pytest.approx(1)
    assert metrics.best_key(quarters(*range(60, 72))) == (0, 0.0)  # all alike


def test_scale_consistency_takes_the_best_scale():
    assert metrics.scale_consistency(quarters(62, 64, 66, 67, 69, 71, 73)) == 1  # D major
    assert metrics.scale_consistency(quarters(57, 59, 60, 62, 64, 65, 68)) == 6 / 7  # A harmonic minor
    assert metrics.scale_consistency(quarters(*range(60, 72))) == 7 / 12


PAIR = (60, 62)


@pytest.mark.parametrize(
    ("music", "share"),
    [
        (quarters(*4 * PAIR, 65, 67), 0),
        (quarters(*5 * PAIR, 65, 67), 10 / 12),
        (quarters(*5 * PAIR, 60, 67), 11 / 12),
        (quarters(65, *5 * PAIR), 10 / 11),
        (quarters(*5 * PAIR, 65, *7 * (60,)), 10 / 18),  # the longest, not the sum
        (quarters(*5 * tuple(range(60, 68))), 1),  # eight beats
        (quarters(*5 * tuple(range(60, 69))), 0),  # nine
        (quarters(*4 * (60,)), 0),
        (quarters(*5 * (60,)), 1),
        (quarters(*5 * (60,)).replace(length=6 * BEAT), 0),  # the last lasts longer
        (song(*((i, i + 1, 60) for i in (0, 1, 3, 4, 6, 7, 9, 10, 12, 13)), steps=15), 1),  # a rhythm
        (song(*((i, i + 1, 60) for i in (0, 1, 3, 6, 10, 15, 21)), steps=28), 0),
        (song((0, 256, 60)), 0),
    ],
)
def test_loops(music, share):
    assert metrics.loop_share(music) == pytest.approx(share)
    assert metrics.is_loop(music) == (share > 0)


def test_a_loop_is_a_quarter_of_the_song():
    for rest, loop in ((15, True), (16, False)):
        assert metrics.is_loop(quarters(*5 * (60,), *range(61, 61 + rest))) == loop


def test_distinct_ngrams():
    assert metrics.distinct_ngrams(quarters(*12 * (60,))) == 1 / 4  # eleven tokens
    assert metrics.distinct_ngrams(quarters(*range(60, 72))) == 1 / 4  # the same, transposed
    assert metrics.distinct_ngrams(quarters(*9 * (60,))) == metrics.distinct_ngrams(quarters(60)) == 1
    assert metrics.distinct_ngrams(quarters(60, 60, 60, 61), n=1) == 2 / 3
    assert metrics.distinct_ngrams(song((0, 4, 60), (4, 8, 60), (8, 12, 60), (10, 12, 60)), n=1) == 2 / 3
    assert metrics.distinct_ngrams(song((0, 4, 60), (4, 8, 60), (8, 12, 60), (8, 12, 64)), n=1) == 1


NOTE = (1000, 500, 60, 80, 0)


@pytest.mark.parametrize(
    ("decoded", "onset", "note", "pitch_class"),
    [
        ([NOTE], 1, 1, 1),
        ([(1048, 452, 60, 80, 0)], 1, 1, 1),  # a tenth of a beat
        ([(1049, 451, 60, 80, 0)], 0, 0, 0),
        ([(952, 648, 60, 1, 0)], 1, 1, 1),  # a fifth of the duration
        ([(952, 649, 60, 80, 0)], 1, 0, 1),
        ([(1000, 399, 60, 80, 0)], 1, 0, 1),
        ([(1000, 500, 72, 80, 0)], 0, 0, 1),
        ([(1000, 500, 61, 80, 0)], 0, 0, 0),
        ([NOTE, NOTE], 1, 1, 1),  # in unison they are one
        ([NOTE, (1001, 499, 60, 80, 0)], 2 / 3, 2 / 3, 2 / 3),  # matched once
        ([NOTE, (2000, 1, 61, 80, 0), (3000, 1, 62, 80, 0)], 1 / 2, 1 / 2, 1 / 2),
        ([], 0, 0, 0),
    ],
)
def test_kept_by_hand(decoded, onset, note, pitch_class):
    one, other = Song.from_notes([NOTE]), Song.from_notes(decoded)
    assert kept(one, other) == metrics.Kept(*map(pytest.approx, (onset, note, pitch_class)))
    assert kept(other, one).onset_f1 == kept(one, other).onset_f1


def test_an_end_may_differ_by_a_tenth_of_a_beat_or_a_fifth_of_the_original():
    short, longer = Song.from_notes([(0, 100, 60, 80, 0)]), Song.from_notes([(0, 148, 60, 80, 0)])
    assert kept(short, longer).note_f1 == 1 and kept(short, Song.from_notes([(0, 149, 60, 80, 0)])).note_f1 == 0
    assert kept(Song.from_notes([(0, 500, 60, 80, 0)]), Song.from_notes([(0, 610, 60, 80, 0)])).note_f1 == 0
    assert kept(Song.from_notes([(0, 610, 60, 80, 0)]), Song.from_notes([(0, 500, 60, 80, 0)])).note_f1 == 1


def test_another_pitch_is_not_kept_at_either_end_of_the_song():
    assert kept(Song.from_notes([(999, 1, 60, 80, 0)]), Song.from_notes([(0, 1, 61, 80, 0)])).onset_f1 == 0


def test_nothing_is_kept_of_nothing():
    assert kept(NOTHING, SILENCE) == metrics.Kept(1, 1, 1)
    assert kept(piece(3), piece(3)) == metrics.Kept(1, 1, 1)


@pytest.mark.parametrize("seed", range(10))
def test_mir_eval_matches_the_same_notes(seed):
    """Crowded songs, where a greedy matching loses notes. No duration is a multiple of five ticks, for there mir_eval
    rounds what lies exactly on the tolerance."""
    rng = np.random.default_rng(seed)

    def crowd(notes):
        durations = 5 * rng.integers(40, 100, notes) + rng.integers(1, 5, notes)
        rows = zip(rng.integers(0, 600, notes), durations, rng.integers(60, 73, notes), strict=True)
        return Song.from_notes([(*row, 80, 0) for row in {(row[0], row[2]): row for row in rows}.values()])  # no unison

    def as_seconds(song, pitch):
        return np.stack([song.start, song.end], 1) / BEAT / 2, 440 * 2 ** ((pitch - 69) / 12)  # 120 beats per minute

    one, other = crowd(150), crowd(120)
    for figure, classes, ratio in (("onset_f1", 128, None), ("note_f1", 128, 0.2), ("pitch_class_f1", 12, None)):
        sides = (part for song in (one, other) for part in as_seconds(song, song.pitch % classes))
        theirs = mir_eval.transcription.precision_recall_f1_overlap(*sides, offset_ratio=ratio)[2]
        assert getattr(kept(one, other), figure) == pytest.approx(theirs) and theirs > 0.2


def test_notes_in_unison_are_one_note_the_longest():
    doubled = song((0, 2, 60, 0), (0, 4, 60, 1), (4, 8, 62, 0))
    assert kept(doubled, song((0, 4, 60), (4, 8, 62))) == metrics.Kept(1, 1, 1)
    assert kept(doubled, song((0, 2, 60), (4, 8, 62))).note_f1 == 0.5
    assert kept(song((0, 4, 60), (4, 8, 62)), doubled) == metrics.Kept(1, 1, 1)


def test_density_range_and_idleness_are_those_of_a_song_counted_by_hand():
    music = song((0, 4, 60), (0, 8, 67), (24, 32, 48))  # sixteenths: an onset at 0 and one at 24 of 32
    assert metrics.notes_per_beat(music) == 3 / 8
    assert metrics.notes_at_once(music) == (4 + 8 + 8) / 32
    assert (metrics.pitch_span(music), metrics.longest_note(music)) == (19, 2)
    assert metrics.idle_share(music) == 24 / 32  # six beats of eight
    assert metrics.idle_share(song((0, 4, 60), (12, 16, 60))) == 0
