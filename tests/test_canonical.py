"""One scale: canonical music is what it says, probabilities of all pieces sum to one, and nothing is charged twice."""

import itertools
import math

import keras
import numpy as np
import pytest
from codings import CODECS, fitted, made_up
from kinds import BOLTZMANN, NAMES, SYMBOLS, known
from machines import randomised, ready
from songs import TRAIN, song

import zoo
from zoo import CanonicalMusic, Song, UserError, canonical_score
from zoo.codecs import Line, MelodyCodec, PolyphonyCodec, RollCodec
from zoo.codecs.coding import DURATIONS, END, ONSETS, STRIKES
from zoo.codecs.grid import Grid, on_grid
from zoo.evaluation.canonical import baseline_scores, curve, encode
from zoo.evaluation.likelihood import AIS, BOUND, EXACT
from zoo.evaluation.residual import Lengths, Octaves, without

BEAT = 480
LOW, HIGH, STEPS = 60, 61, 3


def world(*pitches: int, steps: int = STEPS) -> list[Song]:
    """Every piece of so many beats over some pitches, each on a track of its own."""
    columns = map("".join, itertools.product(".x-", repeat=steps))  # "x" starts a note, "-" goes on with it
    columns = [column for column in columns if ".-" not in "." + column]
    songs = []
    for chosen in itertools.product(columns, repeat=len(pitches)):
        notes = []
        for track, (pitch, column) in enumerate(zip(pitches, chosen, strict=True)):
            for at in (at for at, cell in enumerate(column) if cell == "x"):
                length = 1 + len(column[at + 1 :]) - len(column[at + 1 :].lstrip("-"))
                notes.append((at * BEAT, length * BEAT, pitch, 80, track))
        songs.append(Song.from_notes(notes, steps * BEAT, programs=(0,) * len(pitches)))
    return songs


WORLD = world(LOW, HIGH)
MUSIC = CanonicalMusic.fit(WORLD[::3], 1)


def key(grid):
    """What a grid holds, to be compared."""
    return grid.start.tobytes(), grid.end.tobytes(), grid.pitch.tobytes(), grid.steps


def test_the_toy_world_is_whole():
    assert len(WORLD) == 13**2 and len({key(on_grid(piece, 1)) for piece in WORLD}) == 13**2


@pytest.mark.parametrize("seed", range(5))
def test_canonicalising_twice_is_once_and_tracks_change_nothing(seed):
    piece = made_up(seed)
    music = CanonicalMusic.fit([piece], 4)
    once = music.canonical(piece)
    assert music.canonical(once) == once and key(on_grid(once, 4)) == key(on_grid(piece, 4))
    assert music.canonical(music.voiced(piece)).replace(name="") == once.replace(name="")
    assert set(once.velocity) == set(music.voiced(piece).velocity) == {music.velocity}


def test_canonical_music_by_hand():
    """Two tracks in unison, a pitch struck while it sounds, velocities that differ, a rest behind."""
    rows = [(0, 1000, 60, 90, 0), (0, 480, 60, 80, 1), (490, 480, 60, 90, 1), (960, 470, 64, 70, 0)]
    piece = Song.from_notes(rows, 1920, programs=(0, 0))
    music = CanonicalMusic.fit([piece], 1)
    canonical = music.canonical(piece)
    assert music.velocity == 90
    assert [*zip(canonical.start, canonical.duration, canonical.pitch, strict=True)] == [
        (0, 480, 60), (480, 480, 60), (960, 480, 64)
    ]  # fmt: skip
    assert canonical.length == 1920


# What a representation leaves out.


def test_shares_of_lengths_by_hand():
    lengths = Lengths.fit(np.array([1, 1, 3]), np.array([0, 0, 1]), 2)
    one, three = (2 + 1 / 2) / 4, (1 + 1 / 12) / 4  # in any context
    p = {0: ((2 + one) / 3, three / 3), 1: (one / 2, (1 + three) / 2)}
    for context, (of_one, of_three) in p.items():
        for value, share in ((1, of_one), (3, of_three)):
            assert lengths.nats(np.array([value]), np.array([context])) == pytest.approx(-math.log(share))
    of_two = (1 / 6) / 4 / 3
    at_most = -math.log(p[0][1] / (p[0][0] + of_two + p[0][1]))
    assert lengths.nats(np.array([3]), np.array([0]), np.array([3])) == pytest.approx(at_most)
    assert lengths.nats_beyond(2, 0) == pytest.approx(-math.log(1 - p[0][0] - of_two))
    far = np.arange(1, 200_000)
    total = sum(math.exp(-lengths.nats(far[n : n + 1], np.array([1]))) for n in range(1000))
    assert total + math.exp(-lengths.nats_beyond(1000, 1)) == pytest.approx(1)


def sums(pieces, *parts):
    """Σ p(part | all else) over the pieces that are the same without it."""
    by_rest = {}
    for piece in pieces:
        grid = on_grid(piece, 1)
        by_rest.setdefault(key(without(grid, parts)), []).append(math.exp(-MUSIC.residual.nats([grid], parts)))
    return [sum(shares) for shares in by_rest.values()]


@pytest.mark.parametrize("part", [STRIKES, DURATIONS])
def test_a_part_is_a_distribution_given_the_rest(part):
    assert sums(WORLD, part) == pytest.approx([1.0] * len(sums(WORLD, part)))


def test_onsets_and_the_end_are_distributions_given_the_length():
    clicks = [piece for piece in world(LOW, steps=6) if (piece.duration == BEAT).all()]
    grids = [on_grid(piece, 1) for piece in clicks]
    assert len(grids) == 2**6
    assert sum(math.exp(-MUSIC.residual.nats([grid], (ONSETS,))) for grid in grids) == pytest.approx(1)
    rests = [on_grid(song((0, 4 * notes, 60), steps=20) if notes else song(steps=20), 1) for notes in range(6)]
    assert sum(math.exp(-MUSIC.residual.nats([grid], (END,))) for grid in rests) == pytest.approx(1)


def test_octaves_are_a_distribution_given_the_pitch_classes():
    """The voicings of one pitch class, and of two, that two octaves hold."""
    known_chords = [on_grid(song(*((0, 4, pitch) for pitch in chord)), 1) for chord in ((48, 52), (48, 60, 64))]
    octaves = Octaves.fit(known_chords, 1)
    assert octaves.share[[48, 60, 52, 64, 72]] == pytest.approx([2.5 / 3, 1.5 / 3, 1.5 / 3, 1.5 / 3, 0.5 / 3])
    everywhere = np.arange(0, 128, 12)
    voicings = [pitches for size in range(2, 12) for pitches in itertools.combinations(everywhere, size)]
    grids = [Grid(np.zeros(len(one), int), np.ones(len(one), int), np.array(one), None, 1) for one in voicings]
    p = sum(math.exp(-octaves.nats(grid)) for grid in grids)
    silent = np.prod(1 - octaves.share[everywhere])
    alone = sum(octaves.share[pitch] * silent / (1 - octaves.share[pitch]) for pitch in everywhere)
    assert p == pytest.approx(1 - alone / (1 - silent)), "all but those that are no chord"


# Every representation.


@pytest.mark.parametrize("name", CODECS)
def test_codes_and_residual_together_are_the_piece(name):
    """Pieces of the same codes differ in what is left out alone, and the residual tells them apart."""
    small = world(60, 72, steps=2)
    codec = fitted(CODECS[name], *small)
    if codec.coding.lost:
        return
    by_codes = {}
    for one in filter(None, encode(codec, small, MUSIC)):
        codes = tuple(sorted(line.codes.tobytes() for line in one.lines))
        by_codes.setdefault(codes, []).append(math.exp(-one.residual(MUSIC, codec)))
    assert sum(map(len, by_codes.values())) == len(small) - (not isinstance(codec, RollCodec)), "but for silence"
    assert max(map(sum, by_codes.values())) < 1 + 1e-6
    assert codec.coding.left_out or max(map(len, by_codes.values())) == 1


def test_a_representation_that_loses_more_than_it_says_is_found_out():
    narrow = RollCodec(steps_per_beat=1, low=LOW, high=LOW).fit(WORLD)
    expressed = [one is not None for one in encode(narrow, WORLD[:40], MUSIC)]
    assert expressed == [HIGH not in piece.pitch for piece in WORLD[:40]]
    coarse = RollCodec(steps_per_beat=1).fit(WORLD)
    fine = CanonicalMusic.fit([song((0, 2, 60)), song((0, 4, 60))], 4)
    assert [one is None for one in encode(coarse, [song((0, 2, 60)), song((0, 4, 60))], fine)] == [True, False]


def test_what_cannot_be_made_up_for_is_one_sentence():
    model = zoo.create("melody_lstm", "smoke", voice="skyline")
    model.codec = model.make_codec().fit(TRAIN)
    with pytest.raises(UserError, match=r"^MelodyCodec keeps only the highest voice, so .*\.$"):
        canonical_score(model, TRAIN, MUSIC)
    other = zoo.create("rnn_nade", "smoke", low=0, high=10)
    other.codec = other.make_codec().fit(TRAIN)
    with pytest.raises(UserError, match="none of the 8 pieces"):
        canonical_score(other, TRAIN, MUSIC)


# Every model.


def confined(name: str, **options):
    """An untrained model with weights that matter, all of whose probability lies on the toy world's two pitches."""
    extra = known(name, low=LOW, high=HIGH, struck=False, anneal_steps=200)
    model = zoo.create(name, "smoke", seed=1, steps_per_beat=1, **extra | options)
    ready(model, WORLD)
    randomised(model.network, scale=0.5)
    if name in SYMBOLS:
        bias = [layer for layer in model.network.layers if isinstance(layer, keras.layers.Dense)][-1].bias
        codes = np.concatenate([line.codes for piece in WORLD for line in model.codec.encode(piece)])
        others = np.setdiff1d(np.arange(model.codec.size), codes)
        values = np.array(bias)
        values[others] = -1e9
        bias.assign(values)
    return model


CONFINED = [pytest.param(name, {}, marks=[pytest.mark.slow] * (name in BOLTZMANN)) for name in NAMES]
CONFINED.append(pytest.param("event_lstm", {"split": True, "masked": True, "velocity_bins": 2}))


@pytest.mark.parametrize(("name", "options"), CONFINED)
def test_the_probabilities_of_all_pieces_sum_to_one_at_most(name, options):
    model = confined(name, **options)
    score = canonical_score(model, WORLD, MUSIC)
    total = np.exp(-(score.codes + score.residual)).sum()
    if len(score.pieces) < len(WORLD) and isinstance(model.codec, PolyphonyCodec):  # silence, which no song is
        total += math.exp(-model.evaluate([Line(np.zeros(STEPS, np.int32), STEPS, STEPS, 0)]).nats)
    if score.kind == EXACT:
        assert total == pytest.approx(1, abs=1e-4)
    else:
        assert total < (1.1 if score.kind == AIS else 1 + 1e-4)


@pytest.mark.parametrize("context", ["song", "window"])
def test_nats_are_those_of_each_line(context):
    """As of lines that are scored alone: of other lengths, more than are read at once, and with unknown symbols."""
    model = confined("note_lstm", context=context)
    lines = [model.codec.encode(piece)[0] for piece in [*world(LOW)[3:], *WORLD[20::4], song((0, 4, 90), (4, 12, 60))]]
    found = model.evaluate(lines)
    assert found.by_line == pytest.approx([model.evaluate([line]).nats for line in lines], rel=1e-4)
    assert found.nats == pytest.approx(found.by_line.sum()) and len(lines) > 32


def test_what_is_exact():
    kinds = {
        ("polyphony_lstm", "song"): EXACT,
        ("polyphony_lstm", "window"): BOUND,  # knows no state, so it cannot follow the rules
        ("melody_lstm", "song"): BOUND,
    }
    for (name, context), kind in kinds.items():
        assert canonical_score(confined(name, context=context), WORLD[50:53], MUSIC).kind == kind


def test_velocities_are_charged_apart():
    """The share of a code among all that say the same music, and what is given to a second velocity, by hand."""
    for options in ({"split": True, "masked": True, "velocity_bins": 3}, {"velocity_bins": 3}):
        model = zoo.create("event_lstm", "smoke", steps_per_beat=1, **options)
        louder = [piece.replace(velocity=np.full(len(piece), 30)) for piece in WORLD]
        ready(model, [*WORLD, *louder])
        randomised(model.network)
        piece = WORLD[-1]
        score = canonical_score(model, [piece], MUSIC)
        codes = model.codec.encode(MUSIC.voiced(piece))[0].codes
        log_p = model.log_probabilities(codes).astype(float)
        music = [
            str(symbol[:3] if len(symbol) == 4 else "v" if symbol[0] == "v" else symbol)
            for symbol in model.codec.symbols
        ]
        apart, told = 0.0, False
        for step, code in enumerate(codes):
            alike = [index for index, said in enumerate(music) if said == music[code]]
            apart += np.logaddexp.reduce(log_p[step, alike]) - log_p[step, code]
            if told and music[code] != "v":  # no other velocity is to come, so nothing is left for one
                apart -= np.logaddexp.reduce(log_p[step, [said != "v" for said in music]])
            told |= music[code] == "v"
        own = model.evaluate([model.codec.encode(MUSIC.voiced(piece))[0]]).nats
        assert apart > 0.1 and score.apart[0] == pytest.approx(apart, rel=1e-4)
        assert score.codes[0] + score.apart[0] == pytest.approx(own, rel=1e-5)


def test_the_order_of_lines_is_charged_apart():
    model = confined("melody_lstm")
    two, alike = song((0, 4, 60, 0), (4, 8, 61, 1)), song((0, 4, 60, 0), (0, 4, 60, 1), (4, 8, 61, 2))
    score = canonical_score(model, [two, alike], MUSIC)
    assert score.apart == pytest.approx([math.log(2), math.log(3)])  # of three lines two are alike


def test_the_number_of_lines_is_charged_once_for_a_piece():
    one, two = song((0, 4, 60, 0)), song((0, 4, 60, 0), (4, 8, 61, 1))
    music = CanonicalMusic.fit([one, two, two, two], 1)
    score = canonical_score(confined("melody_lstm", hold=True), [two], music)
    p = (3 + (3 + 1 / 6) / 5) / 5  # of two: three of four pieces, and what is shared by all numbers
    assert score.residual == pytest.approx([-math.log(p)])


def test_figures_of_codes_are_put_on_the_scale_or_not_at_all():
    codec = MelodyCodec(steps_per_beat=1).fit(WORLD)
    assert curve(codec, WORLD[60:], MUSIC) is not None
    chord = song((0, 4, 60), (0, 4, 61))
    assert curve(codec, [*WORLD[60:], chord], MUSIC) is not None, "it reads nothing of that piece"
    assert curve(codec, [song((0, 4, 60), (0, 4, 61), (0, 4, 62, 1))], MUSIC) is None, "nor all of that one"
    assert curve(MelodyCodec(voice="skyline").fit(WORLD), WORLD[60:], MUSIC) is None
    assert curve(RollCodec().fit(WORLD), [song((0, 3, 60), steps=4)], MUSIC) is None, "other codes than the song's"


def test_the_simplest_models_on_the_same_scale():
    """By hand: a time or a pitch, then a duration, then a time or a higher pitch; times and durations up to four."""
    scores = baseline_scores([song((0, 8, 60), steps=8), song()], CanonicalMusic.fit(WORLD, 1), WORLD, WORLD)
    uniform = math.log(4 + 128) + math.log(4) + math.log(4 + 67)  # pitch 60, duration 2, time 2
    assert scores["uniform"] == pytest.approx([uniform, 0])
    assert scores["ngram"][0] < scores["order0"][0] < 10 * STEPS and scores["ngram"][1] == 0
