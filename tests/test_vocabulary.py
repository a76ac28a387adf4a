"""Vocabularies of the codecs: what is learnt, what an unknown symbol costs, names of notes and chords, JSON."""

import itertools
import json
import math

import numpy as np
import pretty_midi
import pytest
from codings import CODECS, codes_of, fitted, made_up, notes, song, symbols

from zoo._errors import UserError
from zoo.codecs import ChordCodec, EventCodec, ExactChordCodec, MelodyCodec, PerformanceCodec, RollCodec, SymbolCodec
from zoo.codecs.chord import normal_order
from zoo.midi import read_midi

OPEN = {name: codec for name, codec in CODECS.items() if name in ("event", "event fine", "chord", "chord exact")}
every_open_codec = pytest.mark.parametrize("codec", OPEN.values(), ids=OPEN)


# Learning.


def test_a_vocabulary_is_what_the_training_music_holds():
    train = [song((0, 2, 60), (2, 4, 64), (4, 6, 60)), song((0, 2, 62), (2, 4, 60))]
    codec = ChordCodec().fit(iter(train))
    assert codec.symbols == ["C4", "D4", "E4"]
    assert codec.singletons == [1, 2]
    assert codec.epsilon == 2 / (5 + 1)
    assert (codec.size, codec.start) == (3, 4)
    (line,) = codec.encode(song((0, 2, 64), (2, 4, 61), (4, 6, 60)))
    assert line.codes.tolist() == [2, 3, 0]  # 3 is unknown
    # Singletons are read as unknown, so that unknown is learnt; the start symbol is itself.
    assert codec.as_input.tolist() == [0, 3, 3, 3, 4]
    assert codec.as_input[line.codes].tolist() == [3, 3, 0]


def test_epsilon_is_never_nought_in_an_open_vocabulary():
    codec = ChordCodec().fit([song((0, 2, 60), (2, 4, 60), (4, 6, 60))])
    assert (codec.singletons, codec.epsilon) == ([], 1 / (3 + 1))


@pytest.mark.parametrize("codec", [CODECS[name] for name in ("event split", "melody", "melody hold")])
def test_a_closed_vocabulary_holds_every_symbol(codec):
    codec = fitted(codec, song((0, 1, 60)))
    assert (codec.epsilon, codec.singletons) == (0.0, [])
    for piece in map(made_up, range(5)):
        assert all(not line.unknown_nats.any() and line.codes.max() < codec.size for line in codec.encode(piece))


def test_learning_anew_forgets_the_old():
    codec = ChordCodec().fit([song((0, 2, 60), (2, 4, 61))])
    codec.encode(song((0, 2, 60)))
    codec.fit([song((0, 2, 70), (2, 4, 70), (4, 6, 71))])
    assert symbols(codec, song((0, 2, 70), (2, 4, 60))) == ["A#4", None]
    assert codec.as_input.tolist() == [0, 2, 2, 3] and codec.advance.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("codec", "most"),
    [
        (EventCodec(), 12),  # the first off and the first on stand where their delta begins: 2 offs, 5 ons, 5 offs
        (PerformanceCodec(), 16),  # 3 offs, a time shift, a velocity, 5 ons, a shift, 5 offs
        (PerformanceCodec(velocity_bins=1), 15),
        (ChordCodec(), 2),  # each lasts half a beat, wherever it stood
        (ExactChordCodec(), 4),  # silence, its time, a chord, its time
        (MelodyCodec(steps_per_beat=6), 6),
    ],
)
def test_the_most_symbols_in_a_beat_are_counted(codec, most):
    """A symbol counts in the beat in which it begins: of the piece with five short notes it is always the second."""
    five = song(*((0, 4, pitch) for pitch in (60, 64, 67)), *((5, 6, pitch, 9) for pitch in (40, 50, 60, 70, 71)))
    assert fitted(codec, song((0, 1, 60)), five, song((0, 1, 60))).most_per_beat == most


# The fallback q.


def q(codec, symbol):
    return math.exp(-codec.fallback(symbol))


def test_q_of_an_event_is_the_product_of_its_parts():
    codec = EventCodec().fit([song((0, 2, 60), (2, 4, 60))])  # deltas 0 2 0 2, bins 5 0 5 0
    assert codec.epsilon == 1 / (4 + 1)
    # Deltas: of 4 events and 0, 1, 2, "more" once each; beyond 2 halved at every step.
    delta = {0: 3 / 8, 1: 1 / 8, 2: 3 / 8, 3: 1 / 16, 5: 1 / 64}
    for steps, share in delta.items():
        assert q(codec, [steps, "nf", 61, 1]) == pytest.approx(share * 3 / 6 * 1 / 132 * 1 / 12)
    assert q(codec, [0, "no", 60, 5]) == pytest.approx(3 / 8 * 3 / 6 * 5 / 132 * 3 / 12)
    (line,) = codec.encode(song((0, 2, 60), (5, 7, 60)))
    assert line.codes.tolist()[2] == codec.size
    assert line.unknown_nats == pytest.approx([0, 0, -math.log(1 / 16 * 3 / 6 * 5 / 132 * 3 / 12), 0])


def test_q_of_events_sums_to_one():
    codec = EventCodec(velocity_bins=2).fit(map(made_up, range(3)))
    largest = max(int(key) for key in codec.parts[0])
    total = sum(
        q(codec, [delta, kind, pitch, bin_])
        for delta, kind, pitch, bin_ in itertools.product(range(largest + 30), ("no", "nf"), range(128), range(2))
    )
    assert total == pytest.approx(1, abs=1e-6)


def test_q_of_a_chord_is_the_product_of_its_parts():
    codec = ChordCodec().fit([song((0, 2, 60), (2, 4, 60), (2, 4, 64), (2, 4, 67), (4, 6, 60))])  # C4 0.4.7 C4
    assert codec.singletons == [codec.symbols.index("0.4.7")] and codec.epsilon == 1 / 4
    # The singleton is a chord: two thirds. Lowest class of 1 + 12, interval (or the end) of 3 + 12, note of 2 + 128.
    assert q(codec, "0.3") == pytest.approx(2 / 3 * 2 / 13 * 2 / 15 * 2 / 15)
    assert q(codec, "7.9.0") == pytest.approx(2 / 3 * 2 / 13 * 1 / 15 * 1 / 15 * 2 / 15)  # 0, +7, +2, end
    assert q(codec, "1") == pytest.approx(2 / 3 * 1 / 13 * 2 / 15)
    assert q(codec, "C4") == pytest.approx(1 / 3 * 3 / 130)
    assert q(codec, "C-1") == pytest.approx(1 / 3 * 1 / 130)


def test_q_of_an_exact_chord_is_the_product_of_its_parts():
    codec = ExactChordCodec().fit([song((0, 2, 60), (0, 2, 64), (2, 4, 60), (8, 12, 60))])
    # 60.64 +2 60 +2 "" +4 60 +4; singletons are a chord and silence, none is a time.
    assert [codec.symbols[code] for code in codec.singletons] == ["", "60.64"]
    assert codec.epsilon == 2 / 9
    chord, time = 3 / 4, 1 / 4
    assert q(codec, "60.67") == pytest.approx(chord * 4 / 133 * 1 / 132 * 4 / 132)
    assert q(codec, "") == pytest.approx(chord * 2 / 133)
    assert q(codec, "127") == pytest.approx(chord * 1 / 133 * 4 / 132)
    assert q(codec, "+3") == pytest.approx(time * 1 / 10)
    assert q(codec, "+6") == pytest.approx(time * 1 / 10 * 1 / 4)


def test_q_of_chords_sums_to_no_more_than_one_and_nearly_to_it():
    # Of minor seconds: after few intervals a chord would leave the octave, and what does is lost to q.
    seconds = ((2 * at, 2 * at + 2, pitch) for at in range(4000) for pitch in (60, 61))
    codec = ChordCodec().fit([song(*seconds, (8000, 8002, 9))])
    singles = sum(q(codec, symbol) for symbol in every_name())
    sets = sum(
        q(codec, ".".join(map(str, classes)))
        for size in range(1, 13)
        for classes in itertools.combinations(range(12), size)
    )
    assert singles == pytest.approx(2 / 3)  # the one singleton is a note
    assert 0.95 / 3 < sets <= 1 / 3


def test_q_of_exact_chords_sums_to_no_more_than_one_and_nearly_to_it():
    codec = ExactChordCodec().fit([song(*((at, at + 1, 40 + at % 50) for at in range(8000)), (8009, 8011, 60))])
    times = sum(q(codec, f"+{steps}") for steps in range(1, 80))
    chords = [(), *((pitch,) for pitch in range(128)), *itertools.combinations(range(128), 2)]
    total = sum(q(codec, ".".join(map(str, chord))) for chord in chords)
    kinds = codec.parts["kind"]
    time = (kinds["time"] + 1) / (sum(kinds.values()) + 2)
    assert 0.95 * time < times <= time
    assert 0.95 * (1 - time) < total <= 1 - time


@every_open_codec
def test_an_unseen_symbol_costs_finitely_many_nats(codec):
    codec, unseen = fitted(codec, song((0, 4, 60))), made_up(3)
    (line,) = codec.encode(unseen)
    unknown = line.codes == codec.size
    assert unknown.sum() > 20
    assert np.isfinite(line.unknown_nats).all()
    assert (line.unknown_nats[unknown] > 0).all() and not line.unknown_nats[~unknown].any()


# Names.


def every_name():
    return [symbols(ChordCodec().fit([piece]), piece)[0] for piece in (song((0, 1, pitch)) for pitch in range(128))]


def test_note_names_are_the_usual_ones_and_come_back():
    names = every_name()
    assert names == [pretty_midi.note_number_to_name(pitch) for pitch in range(128)]
    codec = ChordCodec().fit([song(*((pitch, pitch + 1, pitch) for pitch in range(128)))])
    assert [pitch for _, _, pitch in notes(codec.decode(codes_of(codec, names)))] == list(range(128))


def test_normal_order_is_that_of_music21_for_every_set_of_pitch_classes():
    from music21 import chord

    letters = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "A-", "A", "B-", "B")
    for size in range(1, 13):
        for classes in itertools.combinations(range(12), size):
            truth = chord.Chord([letters[pc] for pc in classes]).normalOrder
            assert normal_order([60 + 12 * (pc % 3) + pc for pc in classes]) == truth, classes


# JSON.


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_codec_goes_through_json(codec):
    unfitted, codec, unseen = codec, fitted(codec, made_up(0), made_up(1)), made_up(2)
    read = unfitted.restored(json.loads(json.dumps(codec.to_json(), allow_nan=False)))
    assert type(read) is type(codec) and read == codec
    for mine, other in zip(codec.encode(unseen), read.encode(unseen), strict=True):
        np.testing.assert_array_equal(mine.codes, other.codes)
        np.testing.assert_array_equal(mine.unknown_nats, other.unknown_nats)
        assert codec.decode(mine.codes) == read.decode(mine.codes)
    if isinstance(codec, SymbolCodec):
        np.testing.assert_array_equal(codec.as_input, read.as_input)
        np.testing.assert_array_equal(codec.advance, read.advance)


def test_the_vocabularies_of_real_music_come_back(tunes):
    pieces = [read_midi(path) for path in sorted(tunes.iterdir())]
    for codec in CODECS.values():
        known = fitted(codec, *pieces)
        assert codec.restored(known.to_json()) == known


@pytest.mark.parametrize("value", [None, "roll", [1], {"codec": "RollCodec", "keys": 88}, {"nosuch": 1}])
def test_json_of_no_codec_is_a_user_error(value):
    with pytest.raises(UserError, match=r"^model\.json describes no representation this version knows; train"):
        RollCodec().restored(value)


STRANGE_EVENTS = [None, 5, "no", {}, [], ["no"], [0, "no", 60], [0, "no", 128, 0], [0, "no", 60, 8], [0, "on", 60, 0]]
STRANGE_EVENTS += [[-1, "no", 60, 0], [2**31, "no", 60, 0], ["0", "no", 60, 0], [0.0, "no", 60, 0], [0, "no", [60], 0]]
STRANGE_CHORDS = [None, 60, [], "+4", "H4", "C99", "G#9", "C-2", "12", "0.4.12", "0..", "c4", "C4\n", "٣"]
STRANGE_EXACT = ["C4", "128", "60.128", "+9999999999", "+-1", "+", "60.", "60,64"]
NO_PARTS = {part: {} for part in ("kind", "first", "interval", "note", "time")}

# Fields, and what they cannot hold.
DAMAGED = {
    "event": {
        "symbols": [None, 5, "no", [[0, "no", 60, 0]] * 2, *([symbol] for symbol in STRANGE_EVENTS)],
        "singletons": [None, 3, ["0"], [-1], [10**9], [0.0], [True]],
        "epsilon": [None, 0, 1, 0.0, 1.0, -0.5, 7.5, "0.1", float("nan"), float("inf"), True],
        "most_per_beat": [None, 0, -1, 10**12, "4", 4.0, [4]],
        "longest_note": [None, -1, 2**31, "4", 1.5],
        "parts": [None, {}, [], [{}] * 3, [{}] * 5, [5] * 4, *([part, {}, {}, {}] for part in ({"0": 0}, {"x": 1}))],
    },
    "event split": {"most_per_beat": [0, 2**40], "longest_note": [-1], "symbols": [[]], "epsilon": [0.5], "split": [0]},
    "chord": {
        "symbols": [None, "C4", ["C4", "C4"], *([symbol] for symbol in STRANGE_CHORDS)],
        "parts": [None, [], {}, {"kind": {}}, dict.fromkeys(NO_PARTS, 1), NO_PARTS | {"time": {"9" * 99: 1}}],
        "steps_per_beat": [8, "4", None],
        "exact": [True, None],
    },
    "chord exact": {"symbols": [[symbol] for symbol in STRANGE_EXACT], "parts": [NO_PARTS | {"time": {"x": 1}}]},
    "melody": {"symbols": [[], [0]], "singletons": [[5]], "most_per_beat": [10**9], "voice": ["skyline"], "hold": [1]},
    "roll": {"low": [0, -(10**9), "21"], "high": [10**9, 127, None], "steps_per_frame": [10**9], "struck": [True]},
}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [(name, field, value) for name, fields in DAMAGED.items() for field, values in fields.items() for value in values],
)
def test_a_codec_that_was_tampered_with_is_a_user_error(name, field, value):
    known = fitted(CODECS[name], made_up(0), made_up(1)).to_json()
    assert field in known
    with pytest.raises(
        UserError, match=r"^(the vocabulary in model\.json is damaged|model\.json describes another)"
    ) as told:
        CODECS[name].restored(known | {field: value})
    assert "\n" not in str(told.value)


def test_a_note_that_the_model_forgot_to_end_lasts_no_longer_than_any_in_training():
    codec = PerformanceCodec(velocity_bins=1).fit([song((0, 8, 60), (8, 12, 62))])
    on, shift = codec.symbols.index(["no", 60]), codec.symbols.index(["s", 16])
    decoded = codec.decode(np.array([on, shift, shift, shift]))
    assert decoded.duration.tolist() == [2 * 480]
    assert codec.longest_note == 8


# What stands in model.json.

OPEN = {"steps_per_beat": 4, "singletons": [1], "epsilon": 0.25, "most_per_beat": 3}
OF_CHORDS = {"kind": {}, "first": {}, "interval": {}, "note": {}, "time": {}}
WRITTEN = {
    "events": (
        EventCodec(velocity_bins=2),
        {"codec": "EventCodec", **OPEN, "symbols": [[0, "no", 60, 1], [4, "nf", 60, 0]], "split": False}
        | {"velocity_bins": 2, "longest_shift": 7, "longest_note": 4, "parts": [{"0": 1}, {"no": 1}, {"60": 1}, {}]},
    ),
    "chords": (
        ChordCodec(),
        {"codec": "ChordCodec", **OPEN, "symbols": ["0.4", "C4"], "exact": False, "parts": OF_CHORDS},
    ),
    "exact chords": (
        ExactChordCodec(),
        {"codec": "ChordCodec", **OPEN, "symbols": ["+2", "60.64"], "exact": True, "parts": OF_CHORDS},
    ),
    "performance": (
        PerformanceCodec(velocity_bins=1, longest_shift=1),
        {"codec": "EventCodec", **OPEN, "singletons": [], "epsilon": 0.0, "split": True, "velocity_bins": 1}
        | {"symbols": [*(["s", n] for n in range(1, 5)), *([k, p] for k in ("no", "nf") for p in range(128))]}
        | {"longest_shift": 1, "longest_note": 4, "parts": []},
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_was_written_when_two_representations_were_one_class_with_a_flag_is_read(name):
    codec, written = WRITTEN[name]
    restored = codec.restored(written)
    assert type(restored) is type(codec) and restored.symbols == written["symbols"] and restored.most_per_beat == 3
    assert restored.to_json() == written | ({"longest_shift": 4} if name == "events" else {}), "and written so again"
    for other, _ in WRITTEN.values():
        if type(other) is not type(codec):
            with pytest.raises(UserError, match=r"model\.json describes"):
                other.restored(written)
