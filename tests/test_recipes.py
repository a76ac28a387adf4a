"""Recipes: scores as they sound, whole folders or none, no trace outside them."""

import os
from pathlib import Path

import pytest

from zoo._errors import UserError
from zoo._files import read_json
from zoo.corpora import load_corpus, recipes
from zoo.corpora.recipes import UnusablePiece, build, read_score
from zoo.midi import read_midi

ABC = "X:1\nT:test\nM:{meter}\nL:1/4\nQ:1/4=90\nK:C\n{music}\n"


@pytest.fixture(autouse=True)
def no_traces(tmp_path, monkeypatch):
    """music21 must leave nothing in the home folder nor in the temporary one."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    for name in ("home", "scratch"):
        (tmp_path / name).mkdir()
    yield
    assert [*(tmp_path / "home").iterdir(), *(tmp_path / "scratch").iterdir()] == []


@pytest.fixture
def score(tmp_path):
    def write(music, meter="4/4", name="score"):
        path = tmp_path / f"{name}.abc"
        path.write_text(ABC.format(music=music, meter=meter))
        return path

    return write


@pytest.fixture
def few(score, monkeypatch):
    """A recipe of eight pieces, two of which cannot be used."""
    music = {"good": "CDEF|GABc|", "bad": "|:C4|D4|:E4|F4|:G4|A4:|", "chord": "[CE]4|"}
    pieces = {name: score(text, name=name) for name, text in music.items()}
    pieces |= {f"p{k}": score("CDEF|GABc|" + "d4|" * k, name=f"p{k}") for k in range(1, 6)}
    monkeypatch.setitem(recipes.RECIPES, "few", recipes.Recipe("a few", lambda: pieces, "of nobody", monophonic=True))


def notes(song):
    return list(zip(song.start.tolist(), song.duration.tolist(), song.pitch.tolist(), strict=True))


def quarters(pitches):
    return [(480 * k, 480, pitch) for k, pitch in enumerate(pitches)]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("CDEF|", quarters([60, 62, 64, 65])),
        ("|:CDEF|GGGG:|c4|", [*quarters([60, 62, 64, 65, 67, 67, 67, 67] * 2), (7680, 1920, 72)]),
        ("|:CDEF|1GGGG:|2AAAA|", quarters([60, 62, 64, 65, 67, 67, 67, 67, 60, 62, 64, 65, 69, 69, 69, 69])),
        ("C3D-|D2z2|", [(0, 1440, 60), (1440, 1440, 62)]),
        ("CCCC|", quarters([60] * 4)),
        ("G|CDEF|", quarters([67, 60, 62, 64, 65])),
        ('"Am"{B}CDEF|', quarters([60, 62, 64, 65])),
        ("(3C/D/E/z3|", [(0, 160, 60), (160, 160, 62), (320, 160, 64)]),
    ],
    ids=["plain", "repeat", "endings", "tie", "struck again", "pickup", "grace note and chord symbol", "triplet"],
)
def test_scores_are_read_as_they_sound(score, music, expected):
    song = read_score(score(music))
    assert notes(song) == expected
    assert song.tempo == 90.0 and song.time_signatures == ((0, 4, 4),) and song.programs == (0,)


def test_meter_changes_are_kept_and_chord_symbols_and_grace_notes_are_no_notes(tmp_path):
    import music21

    converter = music21.converter.Converter()
    converter.parseData("3/4 c2. 2/4 d4 e", format="tinyNotation")
    part = converter.stream
    part.measure(1).insert(0, music21.harmony.ChordSymbol("Am"))
    part.measure(2).insert(0, music21.note.Note("B4").getGrace())
    part.measure(2).rightBarline = music21.bar.Repeat(direction="end")
    part.write("musicxml", fp=tmp_path / "score.musicxml")
    song = read_score(tmp_path / "score.musicxml")
    once = [(0, 1440, 60), (1440, 480, 62), (1920, 480, 64)]
    assert notes(song) == once + [(start + 2400, duration, pitch) for start, duration, pitch in once]
    assert song.time_signatures == ((0, 3, 4), (1440, 2, 4), (2400, 3, 4), (3840, 2, 4))


def test_double_stops_sound_together(score):
    assert notes(read_score(score("[CE]2C2|"))) == [(0, 960, 60), (0, 960, 64), (960, 960, 60)]


def test_scores_that_cannot_be_used_say_why(score):
    with pytest.raises(UnusablePiece, match="no notes"):
        read_score(score("z4|"))
    with pytest.raises(UnusablePiece, match="repeat marks"):
        read_score(score("|:C4|D4|:E4|F4|:G4|A4:|"))


def test_parts_become_tracks():
    import music21.corpus

    path = Path(music21.corpus.__file__).parent / "bach" / "bwv66.6.mxl"
    song = read_score(path)  # 165 note heads, two of them tied to the one before
    assert song.programs == (0, 0, 0, 0) and song.beats == 36.0
    assert [song.pitch[song.track == track][0] for track in range(4)] == [73, 64, 57, 57]
    assert len(song) == 165 - 2 and song.time_signatures == ((0, 4, 4),)


def test_a_repeat_is_the_same_music_again():
    import music21.corpus

    song = read_score(Path(music21.corpus.__file__).parent / "bach" / "bwv366.krn")  # |: 8 bars of 3/4 :| 8 bars
    assert song.beats == 72 and song.crop(0, 24 * 480) == song.crop(24 * 480, 48 * 480)
    assert song.crop(0, 24 * 480) != song.crop(48 * 480, 72 * 480)


def test_a_build_fills_the_folder_and_tells_progress(few, tmp_path):
    calls = []
    build("few", tmp_path / "datasets" / "few", lambda done, total: calls.append((done, total)))
    folder = tmp_path / "datasets" / "few"
    assert sorted(path.name for path in folder.iterdir()) == [
        "good.mid", "p1.mid", "p2.mid", "p3.mid", "p4.mid", "p5.mid", "recipe.json",
    ]  # fmt: skip
    recipe = read_json(folder / "recipe.json")
    assert recipe["name"] == "few" and recipe["pieces"] == 6 and recipe["music21"]
    assert recipe["skipped"] == [
        ["bad", "its repeat marks contradict each other"],
        ["chord", "notes sound together"],
    ]
    assert calls == [(k, 8) for k in range(1, 9)]
    assert notes(read_midi(folder / "good.mid")) == quarters([60, 62, 64, 65, 67, 69, 71, 72])
    assert set(os.listdir(tmp_path / "datasets")) == {"few", ".lock"}


def test_a_build_that_fails_leaves_nothing(few, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        raise Stop

    with pytest.raises(Stop):
        build("few", tmp_path / "datasets" / "few", stop)
    assert os.listdir(tmp_path / "datasets") == [".lock"]


def test_a_worker_that_dies_is_a_user_error(few, tmp_path, monkeypatch):
    monkeypatch.setattr(recipes.sys, "executable", "/bin/false")
    with pytest.raises(UserError, match=r"good\.abc ended unexpectedly"):
        build("few", tmp_path / "datasets" / "few")
    assert os.listdir(tmp_path / "datasets") == [".lock"]


def test_names_and_folders_in_the_way(few, tmp_path):
    with pytest.raises(UserError, match="no named corpus"):
        build("many", tmp_path / "many")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.mid").write_text("music")
    with pytest.raises(UserError, match="in the way"):
        build("few", tmp_path / "mine")
    assert (tmp_path / "mine" / "precious.mid").read_text() == "music"


@pytest.mark.slow
def test_all_chorales(chorales):
    assert chorales.skipped == [("bwv277", "its repeat marks contradict each other")]
    songs = chorales.train + chorales.valid + chorales.test
    assert len(songs) == 352
    assert sum(song.beats for song in songs) == pytest.approx(22_400, rel=0.01)
    assert sum(len(song) for song in songs) == pytest.approx(100_600, rel=0.01)
    assert len(chorales.duplicates) == 1


@pytest.mark.slow
def test_all_fiddle_tunes_have_one_voice(tmp_path):
    corpus = load_corpus("ryans-mammoth", datasets=tmp_path)
    songs = corpus.train + corpus.valid + corpus.test
    assert len(songs) == 974 and len(corpus.skipped) == 85
    assert all(song.programs == (0,) and (song.start[1:] >= song.end[:-1]).all() for song in songs)
