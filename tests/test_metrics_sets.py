"""Measures of sets of songs: distances, the two-sample test, what is copied."""

import numpy as np
import pytest
from power import FAULTS
from scipy import stats
from songs import NOTHING, ONE, SILENCE, piece, quarters, song

from zoo.evaluation import metrics
from zoo.evaluation.metrics import Index, compare, copied_share, is_copy, longest_copy, two_sample, two_sample_test
from zoo.evaluation.metrics.excerpts import views
from zoo.evaluation.metrics.repetition import tokens
from zoo.midi import read_midi

PIECES = [piece(number) for number in range(10)]


def rng(seed=0):
    return np.random.default_rng(seed)


def tunes(count, seed=0, quarters=0.5):
    """Songs of eighths and quarters at random."""
    generator = rng(seed)

    def tune(notes=40):
        lengths = generator.choice([2, 4], notes, p=[1 - quarters, quarters])
        return song(
            *zip(np.cumsum(lengths) - lengths, np.cumsum(lengths), generator.integers(55, 80, notes), strict=True)
        )

    return [tune() for _ in range(count)]


def read_all(folder):
    return [read_midi(path) for path in sorted(folder.glob("*.mid"))]


@pytest.fixture(scope="module")
def chorales(shared_data):
    """76 and 77 real chorales."""
    return [read_all(shared_data / "jsb-chorales" / side) for side in ("valid", "test")]


def test_real_music_is_no_loop(chorales, shared_data):
    shares = [metrics.loop_share(song) for song in chorales[1] + read_all(shared_data / "nottingham" / "train")]
    assert 0 < max(shares) < metrics.repetition.LOOP / 3


def test_identical_sets_are_at_no_distance():
    for found in compare(PIECES, PIECES[::-1], rng(), resamples=50).values():
        assert (found.overlap, found.wasserstein) == (1, 0)
        assert found.overlap_interval[0] < found.overlap_interval[1] == 1
        assert found.wasserstein_interval[1] > found.wasserstein_interval[0] == 0


def test_distances_by_hand():
    one, other = [quarters(60, 60), quarters(62, 64)], [quarters(60, 62, 62, 65)]
    found = compare(one, other, rng())
    assert (found["pitch"].overlap, found["pitch"].wasserstein) == (1 / 2, 3 / 4)
    assert (found["interval"].overlap, found["interval"].wasserstein) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (found["duration"].overlap, found["duration"].wasserstein) == (1, 0)
    eighths = compare([song((0, 4, 60), (4, 6, 60))], [song((0, 4, 60), (6, 8, 60))], rng())
    assert (eighths["inter_onset"].overlap, eighths["inter_onset"].wasserstein) == (0, 0.5)
    assert eighths["inter_onset"].unit == "beats" and found["pitch"].unit == "semitones"
    assert eighths["polyphony"].overlap == 3 / 4  # a quarter of the time is silent


def test_sets_far_apart_do_not_overlap():
    far = compare(PIECES, [piece.transpose(36) for piece in PIECES], rng())
    assert far["pitch"].wasserstein == pytest.approx(36) and far["pitch"].overlap < 0.5
    assert far["pitch_class"].wasserstein == 0 and far["interval"].overlap == 1
    assert compare([quarters(20)], [quarters(120)], rng())["pitch"].overlap == 0


def test_wasserstein_is_that_of_scipy():
    for name, found in compare(PIECES[:5], PIECES[5:], rng(), resamples=10).items():
        values = [np.concatenate([metrics.features(song)[name] for song in side]) for side in (PIECES[:5], PIECES[5:])]
        if name == "pitch_class":  # on a circle: cut open where it is best
            ways = [stats.wasserstein_distance(*((side - cut) % 12 for side in values)) for cut in range(12)]
            assert found.wasserstein == pytest.approx(min(ways)) and min(ways) < ways[0]
        else:
            assert found.wasserstein == pytest.approx(stats.wasserstein_distance(*values))


def test_pitch_classes_lie_on_a_circle():
    assert compare([quarters(59)], [quarters(60)], rng())["pitch_class"].wasserstein == 1
    assert compare([quarters(54)], [quarters(60)], rng())["pitch_class"].wasserstein == 6


def test_songs_are_drawn_not_notes():
    """Of two songs, one high, both, or none of a draw is high, with probabilities ¼, ½, ¼."""
    found = compare([quarters(60), quarters(62)], [quarters(60)], rng(), resamples=4000)["pitch"]
    assert (found.overlap, found.wasserstein) == (1 / 2, 1)
    assert found.overlap_interval == pytest.approx((0, 1), abs=0.05)
    assert found.wasserstein_interval == pytest.approx((0, 2), abs=0.1)
    longer = compare([quarters(*100 * (60,)), quarters(*100 * (62,))], [quarters(*100 * (60,))], rng(), resamples=4000)
    assert longer["pitch"] == found
    one, other = (compare([quarters(60), quarters(62)] * n, [quarters(60)], rng())["pitch"] for n in (16, 64))
    wide, narrow = np.ptp(one.wasserstein_interval), np.ptp(other.wasserstein_interval)
    assert wide / narrow == pytest.approx(2, rel=0.15)


def test_intervals_hold_what_other_sets_of_the_same_source_would_show():
    source = tunes(400)
    found = [compare(source[i : i + 20], source[i + 20 : i + 40], rng(), resamples=200) for i in range(0, 400, 40)]
    for name in ("pitch", "interval", "duration"):
        overlaps, ways = ([getattr(each[name], field) for each in found] for field in ("overlap", "wasserstein"))
        held = [low <= np.mean(overlaps) <= high for low, high in (each[name].overlap_interval for each in found)]
        held += [low <= np.mean(ways) <= high for low, high in (each[name].wasserstein_interval for each in found)]
        assert np.mean(held) >= 0.8


def test_distances_of_nothing():
    nothing, one = compare([NOTHING, NOTHING], [NOTHING], rng()), compare([ONE], [NOTHING, NOTHING], rng())
    for name in metrics.UNITS:
        assert (nothing[name].overlap, nothing[name].wasserstein) == (1, 0)
        assert (nothing[name].overlap_interval, nothing[name].wasserstein_interval) == ((1, 1), (0, 0))
        both = name in ("interval", "inter_onset")  # neither has any
        assert (one[name].overlap, one[name].wasserstein) == ((1, 0) if both else (0, None))
    assert one["pitch"].overlap_interval == (0, 0) and one["pitch"].wasserstein_interval is None
    assert compare([], PIECES, rng())["pitch"].overlap == 0 and compare([], [], rng())["pitch"].overlap == 1
    assert compare([ONE, SILENCE, NOTHING], [ONE, ONE], rng())["pitch"].overlap_interval == (1, 1)


def test_the_same_seed_gives_the_same_figures():
    one, other = tunes(10), tunes(12, seed=1)
    assert compare(one, other, rng(3)) == compare(one, other, rng(3)) != compare(one, other, rng(4))
    assert two_sample_test(one, other, rng(3)) == two_sample_test(one, other, rng(3))


def test_shuffled_chorales_are_told_from_chorales(chorales):
    real, generator = chorales[1], rng()
    shuffled = [song.replace(pitch=generator.permutation(song.pitch)) for song in real]
    for side in (shuffled, shuffled[:20]):
        found = two_sample_test(side, real, generator)
        assert found.accuracy >= 0.7 and found.interval[0] > 0.5


@pytest.mark.parametrize("seed", range(3))
def test_halves_of_the_chorales_are_not_told_apart(chorales, seed):
    mixed = rng(seed).permutation(153)
    songs = [(chorales[0] + chorales[1])[number] for number in mixed]
    found = two_sample_test(songs[:76], songs[76:], rng(seed))
    assert found.interval[0] <= 0.5 <= found.interval[1]


@pytest.mark.parametrize(
    "sizes", [(10, 60), *(pytest.param(sizes, marks=pytest.mark.slow) for sizes in ((60, 10), (30, 30)))]
)
def test_size_alone_tells_nothing(sizes):
    found = [two_sample_test(tunes(sizes[0], 2 * seed), tunes(sizes[1], 2 * seed + 1), rng()) for seed in range(8)]
    assert np.mean([each.accuracy for each in found]) == pytest.approx(0.5, abs=0.08)
    assert sum(each.interval[0] <= 0.5 <= each.interval[1] for each in found) >= 6


def test_a_small_set_weighs_as_much_as_a_large_one():
    """Unweighted, nearly every song is taken for one of the larger set: the mean is 0.61."""
    found = [two_sample_test(tunes(12, seed, quarters=0.35), tunes(72, seed + 10), rng()) for seed in range(4)]
    assert np.mean([each.accuracy for each in found]) > 0.67


def test_copies_are_not_told_from_their_originals_but_from_other_songs():
    real = tunes(20)
    assert two_sample_test(real, real[::-1], rng()).accuracy == pytest.approx(0.5)
    assert two_sample_test(real + real[:4], real, rng()).accuracy < 0.65
    assert two_sample_test([real[0]] * 20, real, rng()).accuracy > 0.9  # a model that makes one song
    assert two_sample_test([NOTHING] * 20, real, rng()).accuracy == 1


def test_the_interval_is_wilsons_for_both_sets():
    up, down = ([quarters(*range(60 + i, 80)[::way]) for i in range(10)] for way in (1, -1))
    found = two_sample_test(up, down, rng())
    low = stats.binomtest(10, 10).proportion_ci(method="wilson").low
    assert found.accuracy == 1 and found.interval == (pytest.approx(1 - (1 - low) / np.sqrt(2)), 1)


def test_too_few_songs_teach_nothing():
    for few in ([], [ONE]):
        assert two_sample_test(few, PIECES, rng()) == two_sample_test(PIECES, few, rng())
        assert two_sample_test(few, PIECES, rng()) == metrics.TwoSampleTest(0.5, (0, 1))
    assert two_sample_test([NOTHING, ONE], [ONE, SILENCE], rng()).accuracy <= 1


def made_up(number):
    """Sixteen bars: a tune that walks over a scale in phrases a a b a of four bars, thirds below it, a bass."""
    generator = rng(number)
    scale = np.array([12 * octave + step for octave in range(3, 8) for step in (0, 2, 4, 5, 7, 9, 11)])
    key, notes = int(generator.integers(-5, 6)), []
    phrases = [np.cumsum(generator.choice([-1, 0, 1], 16)) + 21 for _ in range(2)]
    for place, walk in enumerate(phrases[which] for which in (0, 0, 1, 0)):
        for beat, step in enumerate(walk):
            at = 4 * (16 * place + beat)
            notes += [(at, at + 4, scale[step] + key), (at, at + 4, scale[step - 2] + key)]
            if beat % 4 == 0:
                notes.append((at, at + 16, scale[step % 7] + key))
    return song(*notes)


@pytest.fixture(scope="module")
def corpus():
    """16 songs, 4 others and 30 for reference, of one source."""
    songs = [made_up(number) for number in range(50)]
    return songs[:16], songs[16:20], songs[20:]


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "none"])
def test_planted_faults_are_found_beside_four_songs(corpus, fault):
    songs, others, reference = corpus
    generator = rng()
    faulty = [FAULTS[fault](song, generator) for song in songs]
    assert two_sample_test(faulty, others, generator, reference).accuracy >= 0.9


def test_four_songs_of_the_same_source_are_not_told_apart_and_the_interval_is_wide(corpus):
    songs = [song for side in corpus for song in side]
    found = []
    for seed in range(6):
        order = rng(seed).permutation(50)
        sets = [[songs[number] for number in part] for part in np.split(order, (16, 20))]
        found.append(two_sample_test(sets[0], sets[1], rng(seed), sets[2]))
    assert np.mean([each.accuracy for each in found]) == pytest.approx(0.5, abs=0.12)
    assert sum(each.interval[0] <= 0.5 <= each.interval[1] for each in found) >= 5
    assert min(np.ptp(each.interval) for each in found) > 0.3


def test_reference_is_learnt_from(corpus):
    """Four songs alone say too little of how bars follow one another."""
    songs, others, reference = corpus
    shuffled = [FAULTS["shuffled"](song, rng(number)) for number, song in enumerate(songs)]
    alone = [two_sample_test(shuffled, others, rng(seed)).accuracy for seed in range(3)]
    more = [two_sample_test(shuffled, others, rng(seed), reference).accuracy for seed in range(3)]
    assert np.mean(more) > np.mean(alone) + 0.05 and np.mean(more) > 0.9


def test_reference_is_never_judged():
    """Ten songs on either side say as much as ten can, whatever was learnt from."""
    up, down = ([quarters(*range(60 + i, 80)[::way]) for i in range(10)] for way in (1, -1))
    more = [quarters(*range(90, 60 + i, -1)) for i in range(30)]
    assert two_sample_test(up, down, rng(), more) == two_sample_test(up, down, rng())


def test_songs_may_be_given_as_their_views(corpus):
    songs, others, reference = ([views(song) for song in side] for side in corpus)
    assert two_sample_test(songs, others, rng(), reference) == two_sample_test(*corpus[:2], rng(), corpus[2])


def test_copies_of_the_reference_are_no_less_real_for_it():
    songs = [made_up(number) for number in range(30)]
    found = two_sample_test(songs[10:], songs[:10], rng(), songs[10:])
    assert found.accuracy == pytest.approx(0.5, abs=0.1)


def test_only_so_much_of_the_reference_is_drawn(monkeypatch):
    seen = []
    monkeypatch.setattr(two_sample, "MOST_REFERENCE", 5)
    monkeypatch.setattr(two_sample, "views", lambda song: seen.append(song) or views(song))
    reference = tunes(20, 2)
    two_sample_test(tunes(3), tunes(4, 1), rng(), reference)
    drawn = [number for number, song in enumerate(reference) if any(song is other for other in seen[7:])]
    assert len(seen) == 12 and len(drawn) == 5 and drawn != list(range(5))


def test_no_song_is_judged_by_what_was_learnt_from_it(monkeypatch, corpus):
    """Nor by a copy in another set; all excerpts of a song stand on one side."""
    songs, others, reference = corpus
    judge, decide, judged = two_sample._by_view, two_sample._stacked, []

    def watched(pieces, fit, held):
        copies = np.isin(pieces.same, pieces.same[held])
        assert not (fit & copies).any()
        assert (pieces.role[fit] == 2).any() and not (fit & held).any()
        return judge(pieces, fit, held)

    def decided(pieces, fit, held, generator):
        judged.append(np.flatnonzero(held))
        return decide(pieces, fit, held, generator)

    monkeypatch.setattr(two_sample, "_by_view", watched)
    monkeypatch.setattr(two_sample, "_stacked", decided)
    two_sample_test(songs + others[:2], others, rng(), reference + songs[:8])
    assert sorted(np.concatenate(judged)) == sorted([*range(22)] * two_sample.REPEATS)  # none of the reference


def test_a_view_has_a_row_for_each_excerpt_or_for_the_piece():
    tables = views(made_up(0))
    assert {name: len(table) for name, table in tables.items()} == {
        **dict.fromkeys(("notes", "onsets", "melody"), 7),  # of 4 bars, every 2 bars of 16
        **dict.fromkeys(("voices", "bars", "phrases", "lines", "splices"), 1),
    }
    cut = views(made_up(0).crop(8 * 480, 24 * 480))
    assert cut["onsets"] == pytest.approx(tables["onsets"][1:2], abs=0.05)


def letters(text):
    """A song of quarters on pitches told by letters."""
    return quarters(*(60 + ord(letter) - ord("a") for letter in text))


def test_tokens_by_hand():
    chord = song((0, 4, 60), (2, 8, 64), (2, 4, 55, 1), (8, 12, 64))
    assert tokens(chord) == [(6, -5, (0, 9)), (18, 9, (0,))]
    assert tokens(chord.transpose(-7)) == tokens(chord) and tokens(ONE) == tokens(NOTHING) == []


# Nine letters of which all steps differ, and others that share none with them.
MOTIF, OTHER = "aczbxdvft", "gggggggg"


@pytest.mark.parametrize(
    ("music", "longest", "share"),
    [
        (letters(MOTIF), 8, 1),
        (letters(MOTIF).transpose(9), 8, 1),
        (letters(MOTIF[1:]), 7, 0),
        (letters("w" + MOTIF), 8, 1 / 2),
        (letters(OTHER + MOTIF + OTHER), 8, 1 / 17),
        (letters(OTHER + MOTIF[:-1] + OTHER), 7, 0),
        (letters(MOTIF).replace(duration=np.full(9, 120)), 8, 1),  # rhythm is onsets
        (letters(MOTIF).replace(start=letters(MOTIF).start * 2, length=9000), 0, 0),
        (letters(OTHER), 0, 0),
        (ONE, 0, 0),
        (NOTHING, 0, 0),
    ],
)
def test_copies_by_hand(music, longest, share):
    index = Index([letters("kbr"), letters(MOTIF), letters("bkbi")])
    assert longest_copy(music, index) == longest
    assert copied_share(music, index) == pytest.approx(share)
    assert is_copy(music, index) == (share >= 1 / 2)


def test_no_copy_leads_from_one_song_into_the_next():
    index = Index([letters("acz"), letters("zbx")])
    assert longest_copy(letters("aczbx"), index) == 2 and longest_copy(letters("acz"), Index([])) == 0
    assert copied_share(letters("aczbxdvft"), Index([])) == 0


@pytest.mark.parametrize("seed", range(10))
def test_copies_by_enumeration(seed):
    generator = rng(seed)
    songs = [quarters(*generator.integers(60, 63, generator.integers(1, 90))) for _ in range(12)]
    index, lines = Index(songs[:9]), [tokens(song) for song in songs]

    def ngrams(line, n):
        return [tuple(line[start : start + n]) for start in range(len(line) - n + 1)]

    for music, line in zip(songs, lines, strict=True):
        known = {n: {ngram for line in lines[:9] for ngram in ngrams(line, n)} for n in range(len(line) + 1)}
        found = {n for n in known for ngram in ngrams(line, n) if ngram in known[n]}
        assert longest_copy(music, index) == max(found, default=0)
        asked = ngrams(line, 4)
        assert copied_share(music, index, 4) == pytest.approx(np.mean([n in known[4] for n in asked]) if asked else 0)


def test_the_known_copies_of_nottingham_are_found(shared_data):
    """train/0201 is valid/0003, train/0267 is test/0099, up to transposition."""
    songs = {path: read_midi(shared_data / "nottingham" / f"{path}.mid") for path in ("valid/0003", "test/0099")}
    train = [read_midi(shared_data / "nottingham" / "train" / f"{number:04}.mid") for number in range(200, 270)]
    index, others = Index(train), Index([train[number] for number in range(70) if number not in (1, 67)])
    for copy in songs.values():
        assert is_copy(copy, index) and longest_copy(copy, index) == len(tokens(copy)) > 50
        assert not is_copy(copy, others)
