"""Corpora on disk: the same music as in memory, read once, dealt into portions that are as well mixed."""

import errno
import itertools

import numpy as np
import pytest

import zoo
from zoo._errors import UserError
from zoo.corpora import corpus as reading
from zoo.corpora import load_corpus
from zoo.corpora.splits import SPLITS
from zoo.corpora.stored import Shape, StoredSongs, within
from zoo.midi import write_midi
from zoo.models import _base
from zoo.song import Song
from zoo.training import loop

SONGS = 30


def piece(seed, notes=64):
    rng = np.random.default_rng(seed)
    rows = [(240 * at, 240, int(rng.integers(50, 80)), 64, at % 2) for at in range(notes)]
    return Song.from_notes(rows, programs=(0, seed % 128), time_signatures=((0, 3, 4),), tempo=90.0 + seed)


@pytest.fixture
def folder(tmp_path):
    for seed in range(SONGS):
        write_midi(piece(seed), tmp_path / "music" / f"{seed:02d}.mid")
    (tmp_path / "music" / "odd.mid").write_bytes(b"MThd")
    return tmp_path / "music"


@pytest.fixture
def stored(folder, tmp_path, monkeypatch):
    """Reads the corpus as a large one."""
    monkeypatch.setattr(reading, "LARGE", 0)
    return lambda: load_corpus(folder, store=tmp_path / "store")


def not_read(*_):
    raise AssertionError("the files are read again")
    yield


def test_a_corpus_on_disk_holds_what_it_holds_in_memory(folder, stored):
    there, here = load_corpus(folder), stored()
    for split in SPLITS:
        songs = getattr(here, split)
        assert isinstance(songs, StoredSongs) and list(songs) == getattr(there, split)
        assert songs.notes.tolist() == [len(song) for song in songs]
        assert list(songs[1:]) == getattr(there, split)[1:] and songs[-1] == getattr(there, split)[-1]
    own = ("digest", "warnings")
    described = [{key: value for key, value in one.describe().items() if key not in own} for one in (there, here)]
    assert described[0] == described[1] and here.skipped


def test_a_small_corpus_stays_in_memory(folder, tmp_path):
    assert isinstance(load_corpus(folder, store=tmp_path / "store").train, list)
    assert not (tmp_path / "store").exists()


def test_it_is_read_once(stored, monkeypatch):
    first = stored()
    monkeypatch.setattr(reading, "parse_all", not_read)
    again = stored()
    assert again.describe() == first.describe() and list(again.train) == list(first.train)


@pytest.mark.parametrize("name", ["notes.bin", "songs.json", "index.npz", "read.json"])
def test_a_damaged_store_is_made_anew(stored, tmp_path, name):
    before = stored()
    (path,) = (tmp_path / "store").glob(f"*/{name}")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert stored().describe() == before.describe()
    assert path.stat().st_size == len(whole)


def test_other_files_are_another_store_and_the_old_one_goes(folder, stored, tmp_path):
    before = stored()
    write_midi(piece(99), folder / "99.mid")
    after = stored()
    assert after.digest != before.digest and len(list((tmp_path / "store").glob("*/"))) == 1
    assert sum(len(getattr(after, split)) for split in SPLITS) == SONGS + 1


def test_what_fails_while_it_is_read_leaves_no_store(stored, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "parse_all", not_read)
    with pytest.raises(AssertionError, match="read again"):
        stored()
    assert not list((tmp_path / "store").glob("*/"))


def test_a_full_disk_is_one_sentence_and_leaves_no_store(stored, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UserError, match=r"cannot write .*store.*No space left on device; free some space"):
        stored()
    assert not list((tmp_path / "store").glob("*/"))


def test_measured_is_what_fits_into_memory(stored, monkeypatch):
    corpus = stored()
    assert corpus.measured().train is corpus.train
    monkeypatch.setattr(reading, "MEASURED", dict.fromkeys(SPLITS, 300))
    some = corpus.measured()
    assert isinstance(some.train, list) and 64 <= sum(map(len, some.train)) <= 300
    assert some.train == corpus.measured().train and set(song.name for song in some.train) < set(
        song.name for song in corpus.train
    )


def test_within_takes_a_list_as_it_is():
    songs = [piece(0), piece(1)]
    assert within(songs, 1) is songs


def made_up(count, notes=3000):
    """Songs of a store that is not there: enough to draw some."""
    rng = np.random.default_rng(0)
    shape = Shape(rng.poisson(notes, count), np.full(count, 480 * notes), np.zeros(count + 1, np.int64))
    return StoredSongs("", np.arange(count), shape)


def test_every_song_has_its_turn_in_every_round():
    songs = made_up(1000)
    portions = songs.portions(100_000)
    assert portions == -(-songs.notes.sum() // 100_000)
    rounds = [[songs.portion(turn * portions + part, 100_000, 7).places for part in range(portions)] for turn in (0, 1)]
    for parts in rounds:
        assert sorted(np.concatenate(parts)) == list(range(1000))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    # Two portions of one size share songs by chance alone, 1000 / portions² of them.
    shared = [len(np.intersect1d(one, other)) for one in rounds[0] for other in rounds[1]]
    assert abs(np.mean(shared) - 1000 / portions**2) < 1e-9 and max(shared) < 12
    assert not np.array_equal(songs.portion(0, 100_000, 7).places, songs.portion(0, 100_000, 8).places)


def test_batches_of_a_portion_are_as_well_mixed_as_of_the_whole():
    songs, batch, pieces = made_up(33_000), 32, 16  # of each song
    rng = np.random.default_rng(1)

    def statistics(places):
        """Different songs in a batch; songs that a batch shares with the next."""
        row = rng.permutation(np.repeat(places, pieces))
        batches = row[: len(row) // batch * batch].reshape(-1, batch)[:300]
        distinct = np.mean([len(np.unique(one)) for one in batches])
        shared = np.mean([len(np.intersect1d(one, other)) for one, other in itertools.pairwise(batches)])
        return distinct, shared

    whole, portion = statistics(songs.places), statistics(songs.portion(0, _base.NOTES_AT_ONCE, 0).places)
    assert portion[0] > 0.97 * whole[0]
    assert portion[1] < whole[1] + 0.05 * batch


@pytest.fixture
def fitted(monkeypatch):
    def fit(corpus, notes=2**20, **options):
        monkeypatch.setattr(_base, "NOTES_AT_ONCE", notes)
        model = zoo.create("note_lstm", "smoke", epochs=4, updates=0, keep="last", **options.pop("settings", {}))
        history = model.fit(corpus.train, corpus.valid, **options)
        return model.network.get_weights(), history

    return fit


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_in_one_portion_it_is_trained_as_in_memory(folder, stored, fitted):
    here, of_disk = fitted(load_corpus(folder)), fitted(stored())
    assert equal(here[0], of_disk[0])
    assert here[1]["val_nats_per_beat"] == of_disk[1]["val_nats_per_beat"]


def test_in_portions_it_is_trained_the_same_after_an_interruption(stored, fitted, tmp_path):
    class Interrupt(loop.Callback):
        def batch(self, epoch, done, total, seconds):
            if epoch == 2:
                raise KeyboardInterrupt

    corpus, moved = stored(), {"transpose": 2}
    whole, history = fitted(corpus, notes=500, settings=moved)
    assert len(set(history["loss"])) == 4
    with pytest.raises(KeyboardInterrupt):
        fitted(corpus, notes=500, settings=moved, callback=Interrupt(), state_path=tmp_path / "state.npz")
    resumed, _ = fitted(corpus, notes=500, settings=moved, state_path=tmp_path / "state.npz")
    assert equal(whole, resumed)


def test_an_epoch_has_no_more_music_than_its_portion(stored, fitted):
    class Totals(loop.Callback):
        """Batches of each epoch."""

        def __init__(self):
            self.found = set()

        def batch(self, epoch, done, total, seconds):
            self.found.add(total)

    corpus = stored()
    fitted(corpus, settings={"batch": 1}, callback=(whole := Totals()))
    fitted(corpus, notes=300, settings={"batch": 1}, callback=(parts := Totals()))
    assert max(parts.found) < max(whole.found) / 3
