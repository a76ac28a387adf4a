"""Folder → Corpus: what is read, what is skipped, where each piece goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo._errors import UserError
from zoo._files import write_json
from zoo.corpora import SPLITS, load_corpus, recipes
from zoo.midi import write_midi
from zoo.song import Song

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = ROOT.parent / "shared" / "data"


def piece(seed, beats=20):
    pitches = np.random.default_rng(seed).integers(50, 80, beats)
    return Song.from_notes([(480 * k, 480, int(pitch), 64, 0) for k, pitch in enumerate(pitches)])


@pytest.fixture
def folder(tmp_path):
    for seed in range(30):
        write_midi(piece(seed), tmp_path / "music" / f"{seed:02d}.mid")
    return tmp_path / "music"


def names(corpus):
    return {side: [song.name for song in getattr(corpus, side)] for side in SPLITS}


def side_of(corpus):
    return {name: side for side, members in names(corpus).items() for name in members}


def test_every_piece_is_on_one_side(folder):
    corpus = load_corpus(folder)
    sides = names(corpus)
    assert sorted(side_of(corpus)) == [f"{seed:02d}" for seed in range(30)]
    assert all(members == sorted(members) and members for members in sides.values())
    assert len(sides["train"]) > 18
    assert (corpus.name, corpus.folder) == ("music", folder)
    assert corpus.skipped == corpus.duplicates == corpus.warnings == [] and corpus.drum_notes == 0


def test_copies_and_transpositions_fall_together(folder):
    for seed in range(0, 30, 3):
        song = piece(seed).transpose(4)
        write_midi(song.replace(velocity=song.velocity + 9, programs=(40,)), folder / "more" / f"{seed:02d}.MIDI")
    corpus = load_corpus(folder)
    after = side_of(corpus)
    assert corpus.duplicates == [(f"{seed:02d}", f"more/{seed:02d}") for seed in range(0, 30, 3)]
    assert all(after[first] == after[second] for first, second in corpus.duplicates)


def test_a_unison_is_the_same_whichever_track_holds_its_longer_note(folder):
    long, short = (960, 960, 60, 64), (960, 480, 60, 64)
    for name, tracks in (("one", (0, 1)), ("other", (1, 0))):
        notes = [(0, 480, 70, 64, 0), (*long, tracks[0]), (*short, tracks[1])]
        write_midi(Song.from_notes(notes, programs=(0, 40)), folder / f"{name}.mid")
    assert load_corpus(folder).duplicates == [("one", "other")]


def test_no_side_is_ever_empty_and_copies_stay_together(tmp_path):
    for seeds in (range(5), range(5, 10), range(10, 16), range(16, 23)):
        place = tmp_path / f"m{seeds[0]}"
        for seed in seeds:
            write_midi(piece(seed), place / f"{seed}.mid")
            write_midi(piece(seed).transpose(1), place / f"{seed}-up.mid")
        corpus = load_corpus(place)
        assert all(names(corpus).values()) and corpus.warnings == []
        assert all(side_of(corpus)[first] == side_of(corpus)[second] for first, second in corpus.duplicates)
        assert len(corpus.duplicates) == len(seeds)
        assert names(load_corpus(place)) == names(corpus)


def test_few_pieces_are_split_by_time_at_whole_beats(tmp_path):
    write_midi(piece(0, beats=20), tmp_path / "a.mid")
    write_midi(piece(1, beats=10), tmp_path / "b.mid")
    corpus = load_corpus(tmp_path)
    assert names(corpus) == {side: ["a", "b"] for side in SPLITS}
    assert [[song.beats for song in getattr(corpus, side)] for side in SPLITS] == [[16, 8], [2, 1], [2, 1]]
    for column in ("pitch", "duration"):
        parts = [getattr(getattr(corpus, side)[0], column) for side in SPLITS]
        assert np.array_equal(np.concatenate(parts), getattr(piece(0), column))
    assert "split by time" in corpus.warnings[0]


def test_music_too_short_to_split_is_a_user_error(tmp_path):
    write_midi(piece(0, beats=2), tmp_path / "a.mid")
    with pytest.raises(UserError, match="too short"):
        load_corpus(tmp_path)
    write_midi(piece(0, beats=3), tmp_path / "a.mid")
    assert all(names(load_corpus(tmp_path)).values())


def test_an_official_split_is_kept_and_copies_across_it_are_listed(tmp_path):
    for side, seeds in zip(SPLITS, ((0, 1, 2), (3,), (4, 5)), strict=True):
        for seed in seeds:
            write_midi(piece(seed), tmp_path / side / f"{seed}.mid")
    write_midi(piece(1).transpose(2), tmp_path / "test" / "sub" / "copy.mid")
    write_midi(piece(9), tmp_path / "stray.mid")
    corpus = load_corpus(tmp_path)
    assert names(corpus) == {
        "train": ["train/0", "train/1", "train/2"],
        "valid": ["valid/3"],
        "test": ["test/4", "test/5", "test/sub/copy"],
    }
    assert corpus.duplicates == [("test/sub/copy", "train/1")]
    assert corpus.skipped == [("stray.mid", "it lies outside of train/, valid/ and test/")]
    assert len(corpus.warnings) == 1
    (tmp_path / "valid" / "3.mid").unlink()
    with pytest.raises(UserError, match="valid"):
        load_corpus(tmp_path)
    (tmp_path / "valid").rmdir()
    assert "split anew" in load_corpus(tmp_path).warnings[0]


def test_unusable_files_are_skipped_with_a_reason(folder):
    (folder / "empty.mid").write_bytes(b"")
    (folder / "page.mid").write_text("<html>not found</html>")
    (folder / "._00.mid").write_bytes(b"\0\5\26\7")
    (folder / "notes.txt").write_text("no music")
    (folder / ".hidden").mkdir()
    write_midi(piece(99), folder / ".hidden" / "99.mid")
    (folder / "folder.mid").mkdir()
    os.symlink(folder, folder / "loop")
    os.symlink(folder / "nowhere.mid", folder / "broken.mid")
    corpus = load_corpus(folder)
    assert corpus.skipped == [("empty.mid", "it is empty"), ("page.mid", "it is not a MIDI file")]
    assert len(side_of(corpus)) == 30


def test_drums_are_counted(tmp_path):
    import symusic

    for seed in range(5):
        score = symusic.Score(480)
        for drums in (False, True):
            track = symusic.Track("", 0, drums)
            for k in range(4 + seed):
                track.notes.append(symusic.Note(480 * k, 480, 40 + k * seed, 64))
            score.tracks.append(track)
        score.dump_midi(str(tmp_path / f"{seed}.mid"))
    assert load_corpus(tmp_path).drum_notes == 4 + 5 + 6 + 7 + 8


def test_the_digest_is_of_content_not_of_place(folder):
    digest = load_corpus(folder).digest
    moved = folder.rename(folder.with_name("elsewhere"))
    assert load_corpus(moved).digest == digest and len(digest) == 64
    os.utime(moved / "00.mid", (0, 0))
    (moved / "empty.mid").write_bytes(b"")
    assert load_corpus(moved).digest == digest
    (moved / "00.mid").rename(moved / "000.mid")
    renamed = load_corpus(moved).digest
    write_midi(piece(0).replace(tempo=90.0), moved / "000.mid")
    assert len({digest, renamed, load_corpus(moved).digest}) == 3


def test_describe_is_json_and_adds_up(folder):
    (folder / "empty.mid").write_bytes(b"")
    corpus = load_corpus(folder)
    facts = json.loads(json.dumps(corpus.describe()))
    assert sum(side["pieces"] for side in facts["splits"].values()) == 30
    assert sum(side["notes"] for side in facts["splits"].values()) == 600
    assert sum(side["beats"] for side in facts["splits"].values()) == 600.0
    assert facts["skipped"] == [["empty.mid", "it is empty"]]
    assert facts["digest"] == corpus.digest and facts["name"] == "music"


def test_progress_ends_complete(folder):
    calls = []
    load_corpus(folder, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(30, 30)]


def test_folders_without_music_say_so(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        load_corpus(tmp_path / "none")
    with pytest.raises(UserError, match="no MIDI file"):
        load_corpus(tmp_path)
    for k in range(3):
        (tmp_path / f"{k}.mid").write_bytes(b"")
    (tmp_path / "3.mid").write_bytes(b"RIFF")
    with pytest.raises(UserError, match=r"none of the 4 MIDI files.*most often \(3\) because it is empty"):
        load_corpus(tmp_path)
    with pytest.raises(UserError, match="not a folder"):
        load_corpus(tmp_path / "3.mid")


def test_a_name_is_a_recipe_and_a_slash_makes_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"did you mean bach-chorales\?.*ryans-mammoth.*slash"):
        load_corpus("bach-choral")
    for seed in range(6):
        write_midi(piece(seed), tmp_path / "mine" / f"{seed}.mid")
    with pytest.raises(UserError, match=r"written with a slash: \./mine\.$"):
        load_corpus("mine")
    assert [load_corpus(place).name for place in ("./mine", "mine/", Path("mine"))] == ["mine"] * 3
    monkeypatch.chdir(tmp_path / "mine")
    assert load_corpus(".").name == "mine"


def test_a_named_corpus_is_built_once_and_tells_what_was_skipped(tmp_path, monkeypatch):
    built = []

    def build(name, folder, progress):
        built.append(name)
        for seed in range(6):
            write_midi(piece(seed), folder / f"{seed}.mid")
        write_json(folder / "recipe.json", {"name": name, "skipped": [["bad", "it rhymes"]]})

    monkeypatch.setattr(recipes, "build", build)
    first, second = (load_corpus("bach-chorales", datasets=tmp_path) for _ in range(2))
    assert built == ["bach-chorales"]
    assert first.skipped == second.skipped == [("bad", "it rhymes")]
    assert (first.name, first.folder) == ("bach-chorales", tmp_path / "bach-chorales")
    assert first.digest == load_corpus(tmp_path / "bach-chorales").digest


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published benchmark data are not here")
def test_published_splits_have_their_published_sizes():
    jsb, nottingham = load_corpus(PUBLISHED / "jsb-chorales"), load_corpus(PUBLISHED / "nottingham")
    assert [len(getattr(jsb, side)) for side in SPLITS] == [229, 76, 77]
    assert [len(getattr(nottingham, side)) for side in SPLITS] == [694, 173, 170]
    assert sum(song.beats for song in jsb.test) == 4725 and sum(song.beats for song in nottingham.test) == 44463
    across = [pair for pair in nottingham.duplicates if pair[0].split("/")[0] != pair[1].split("/")[0]]
    assert across == [("test/0099", "train/0267"), ("train/0201", "valid/0003")]


def test_importing_is_light():
    code = "import sys, zoo.corpora.corpus; assert not {'music21', 'keras', 'pretty_midi'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
