"""Songs of any length, onset, overlap and number of tracks, drawn at random, through all that handles songs."""

import numpy as np
import pytest
from codings import CODECS, fitted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo import Song, UserError, read_midi, write_midi
from zoo.codecs import AUTO, ChordCodec, EventCodec, ExactChordCodec, MelodyCodec, PerformanceCodec, RollCodec
from zoo.codecs.grid import GRIDS, coarsest_grid, on_grid, onset_shares, to_ticks
from zoo.evaluation import comparison, metrics
from zoo.models import _priming
from zoo.render import roll, sheet, sound

CODECS = CODECS | {
    "event auto": EventCodec(steps_per_beat=AUTO),
    "event split auto": PerformanceCodec(steps_per_beat=AUTO),
    "chord auto": ExactChordCodec(steps_per_beat=AUTO),
    "melody auto": MelodyCodec(steps_per_beat=AUTO, hold=True),
    "roll auto": RollCodec(steps_per_beat=AUTO, low=AUTO, high=AUTO, struck=True),
}
some = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@st.composite
def songs(draw, longest=3000, fewest=1):
    """A song of up to four tracks; notes anywhere, on a grid or off it, and a rest of any length behind them."""
    tracks = draw(st.integers(1, 4))
    step = draw(st.sampled_from([1, 7, 40, 60, 120, 160]))
    note = st.tuples(
        st.integers(0, longest // step).map(lambda at: at * step),
        st.one_of(st.integers(1, 40), st.integers(1, longest)),
        st.one_of(st.integers(0, 127), st.integers(58, 64)),
        st.integers(1, 127),
        st.integers(0, tracks - 1),
    )
    notes = draw(st.lists(note, min_size=fewest, max_size=16))
    end = max((start + duration for start, duration, *_ in notes), default=0)
    length, tempo = end + draw(st.integers(0, 1000)), draw(st.sampled_from([40.0, 121.7]))
    return Song.from_notes(notes, length, programs=(0,) * tracks, tempo=tempo)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@settings(some, max_examples=60)
@given(song=songs(), other=songs())
def test_a_line_says_how_long_it_is_and_everybody_takes_its_word(codec, song, other):
    codec = fitted(codec, other)
    lines = codec.encode(song)
    assert bool(lines) == codec.can_read(song)
    grid = on_grid(song, codec.steps_per_beat)
    for line, heard in zip(lines, codec.express(song), strict=True):
        assert heard.length == to_ticks(line.steps, codec.steps_per_beat)
        if isinstance(codec, MelodyCodec):
            assert line.steps == len(line.codes)
        elif isinstance(codec, ChordCodec):  # a symbol is half a beat
            assert line.steps == 2 * len(line.codes)
        else:
            assert line.steps == grid.steps
        assert line.beats == song.beats and 0 <= line.notes <= len(song)


KEEP_ONSETS = [name for name, codec in CODECS.items() if name.startswith("event") or getattr(codec, "struck", False)]


@pytest.mark.parametrize("name", KEEP_ONSETS)
@settings(some, max_examples=60)
@given(song=songs())
def test_no_note_is_lost_at_the_end_or_anywhere(name, song):
    codec = fitted(CODECS[name], song)
    low, high = (codec.low, codec.high) if isinstance(codec, RollCodec) else (0, 127)

    def onsets(*parts):
        rows = [(grid.start, grid.pitch) for grid in (on_grid(part, codec.steps_per_beat) for part in parts)]
        return {
            pair for row in rows for pair in zip(*map(np.ndarray.tolist, row), strict=True) if low <= pair[1] <= high
        }

    assert onsets(*codec.express(song)) == onsets(song)


@pytest.mark.filterwarnings("ignore:.* leaves out what is not in its vocabulary")
@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@settings(some, max_examples=40)
@given(song=songs(), ticks=st.integers(1, 4000))
def test_new_music_begins_where_the_codes_of_a_primer_end(codec, song, ticks):
    codec = fitted(codec, song)
    try:
        lines, heard = _priming.primers(codec, [song], ticks, 2, "model", "holds nothing.")
    except UserError:
        assert not codec.can_read(song.crop(0, ticks)) or not isinstance(codec, MelodyCodec)
        return
    after = Song.from_notes([(0, 480, 60, 80, 0)])
    for line, before in zip(lines, heard, strict=True):
        piece = _priming.joined(before, after)
        assert piece.primed == before.length == to_ticks(codec.end(line.codes), codec.steps_per_beat)
        assert piece.length == before.length + 480 and piece.start.max() == piece.primed
        assert piece.tempo == song.tempo


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@settings(some, max_examples=2)
@given(pieces=st.lists(songs(), min_size=8, max_size=8))
def test_any_songs_can_be_compared(codec, pieces):
    codec = fitted(codec, *pieces[:4])
    splits = {"train": pieces[:4], "valid": pieces[4:6], "test": pieces[6:]}
    if not all(comparison.express(codec, split) for split in splits.values()):
        return
    found = comparison.compare(codec, splits, pieces[:2], [Song.from_notes([], 960)], beats=4)
    assert all(0 <= value <= 1 for value in found["kept"].values())
    for song in pieces:
        whole = comparison.together(codec.express(song), song)
        assert whole.length >= song.length and metrics.kept(song, whole).onset_f1 <= 1
    assert len(comparison.real_excerpts(codec, pieces, 10, 2.3)) <= 8


@settings(some, max_examples=200)
@given(pieces=st.lists(songs(fewest=0), max_size=3))
def test_the_grid_that_is_chosen_is_the_coarsest_that_keeps_the_onsets(pieces):
    shares = onset_shares(pieces)
    for per_beat in GRIDS:
        kept = total = 0
        for song in pieces:
            onsets = sorted(set(song.start.tolist()))
            steps = [int(np.floor(tick * per_beat / 480 + 0.5)) for tick in onsets]
            total += len(onsets)
            for number, (tick, step) in enumerate(zip(onsets, steps, strict=True)):
                in_place = abs(int(to_ticks(step, per_beat)) - tick) <= 10
                crowded = number and steps[number - 1] == step and tick - onsets[number - 1] > 10
                kept += in_place and not crowded
        assert shares[per_beat] == pytest.approx(kept / total if total else 1)
    chosen = coarsest_grid(pieces)
    assert all(shares[per_beat] < 0.98 for per_beat in GRIDS if per_beat < chosen)
    assert shares[chosen] >= 0.98 or chosen == 12


@settings(some, max_examples=12)
@given(song=songs())
def test_any_song_can_be_written_read_drawn_engraved_and_played(tmp_path_factory, song):
    folder = tmp_path_factory.mktemp("any")
    write_midi(song, folder / "song.mid")
    again = read_midi(folder / "song.mid", pedal=False)
    assert len(again) == len(song) and np.array_equal(np.sort(again.pitch), np.sort(song.pitch))
    roll.piano_roll(song, folder / "song.svg")
    assert sheet.engraved(sheet.written(song, "song")).startswith((b"<", b"<?"))
    sound.audio(song.crop(0, 480), folder / "song.mp3", compact=True)
    assert (folder / "song.mp3").stat().st_size > 100 and (folder / "song.svg").read_bytes().startswith(b"<")
