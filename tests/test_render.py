import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import soundfile

from zoo import render
from zoo._errors import UserError
from zoo.midi import read_midi
from zoo.render.roll import piano_roll
from zoo.render.sheet import musicxml
from zoo.render.sound import RELEASE_SECONDS, audio, synthesise
from zoo.render.style import PALETTE
from zoo.song import Song

BEAT = 480
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
TWO_TRACKS = Song.from_notes(
    [(0, 480, 60, 80, 0), (480, 480, 62, 80, 0), (960, 960, 64, 80, 0), (0, 1920, 48, 60, 1)], programs=(0, 40)
)
EMPTY = Song.from_notes([])


def svg(song, folder):
    piano_roll(song, folder / "roll.svg")
    return (folder / "roll.svg").read_text()


def rectangles(drawing, colour):
    """(left, right, bottom, top) of every note of that colour, in the drawing's own unit, bottom up."""
    outlines = re.findall(
        r'<path d="([^"]*)" clip-path[^>]*style="fill: ' + colour, drawing
    )  # the legend is not clipped
    notes = re.findall(r"M([\d.]+) ([\d.]+)H([\d.]+)V([\d.]+)", " ".join(outlines))
    return [(float(left), float(right), -float(bottom), -float(top)) for left, bottom, right, top in notes]


def wave(song, folder, suffix="wav"):
    audio(song, folder / f"sound.{suffix}")
    sound, rate = soundfile.read(folder / f"sound.{suffix}")
    return sound, rate


def loudness(sound, rate, begin, end):
    return np.sqrt((sound[round(begin * rate) : round(end * rate)] ** 2).mean())


def sheet(song, folder):
    """What the sheet music says, read without music21: notes (tick, ticks, pitch, part), length of each part, root."""
    musicxml(song, folder / "sheet.musicxml")
    root = ElementTree.parse(folder / "sheet.musicxml").getroot()
    notes, lengths = [], []
    for number, part in enumerate(root.findall("part")):
        now, held = 0.0, {}
        divisions = int(part.find("measure/attributes/divisions").text)
        for measure in part.findall("measure"):
            farthest = now
            for element in measure:
                ticks = float(element.findtext("duration", "0")) * BEAT / divisions
                if element.tag == "backup":
                    now -= ticks
                if element.tag != "note":
                    continue
                onset = onset if element.find("chord") is not None else now  # noqa: F821
                now = onset + ticks
                farthest = max(farthest, now)
                if (pitch := element.find("pitch")) is None:
                    continue
                semitones = STEPS[pitch.findtext("step")] + int(float(pitch.findtext("alter", "0")))
                midi = 12 * (int(pitch.findtext("octave")) + 1) + semitones
                ties = {tie.get("type") for tie in element.findall("tie")}
                key = (midi, element.findtext("staff"))
                if "stop" in ties:
                    note = held[(*key, round(onset))].pop()
                else:
                    notes.append(note := [round(onset), 0.0, midi, number])
                note[1] += ticks
                if "start" in ties:
                    held.setdefault((*key, round(now)), []).append(note)
            now = farthest
        assert not any(held.values()), "a tie that leads nowhere"
        lengths.append(round(now))
    return sorted((onset, round(ticks), pitch, part) for onset, ticks, pitch, part in notes), lengths, root


def test_piano_roll_draws_every_note_where_it_sounds(tmp_path):
    drawing = svg(TWO_TRACKS, tmp_path)
    upper = rectangles(drawing, PALETTE[0])
    lower = rectangles(drawing, PALETTE[1])
    assert (len(upper), len(lower)) == (3, 1)
    (first, second, third), beat = upper, upper[0][1] - upper[0][0]
    assert second[0] == pytest.approx(first[1])
    assert third[1] - third[0] == pytest.approx(2 * beat, rel=1e-3)
    assert lower[0][1] - lower[0][0] == pytest.approx(4 * beat, rel=1e-3)
    semitone = (second[2] - first[2]) / 2
    assert semitone > 0
    assert first[2] - lower[0][2] == pytest.approx(12 * semitone, rel=1e-3)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
    assert {"C3", "C4", "beats", "track 1", "track 2"} <= set(texts)
    assert "primer" not in texts


def test_piano_roll_marks_bars_of_the_time_signature(tmp_path):
    waltz = Song.from_notes([(0, 12 * BEAT, 60, 80, 0)], time_signatures=((0, 3, 4), (6 * BEAT, 2, 4)))
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg(waltz, tmp_path))
    assert [text for text in texts if text.isdecimal()] == ["0", "3", "6", "8", "10", "12"]


def test_piano_roll_tells_the_primer_from_the_music(tmp_path):
    drawing = svg(TWO_TRACKS.replace(primed=BEAT), tmp_path)
    assert ">primer<" in drawing
    assert "the model's music" in drawing


@pytest.mark.parametrize("suffix", ["png", "svg", "wav", "mp3", "flac", "musicxml", "mxl", "sheet.svg", "mid"])
@pytest.mark.parametrize("song", [TWO_TRACKS, EMPTY], ids=["two tracks", "empty"])
def test_same_song_same_bytes(song, suffix, tmp_path):
    written = []
    for name in ("a", "b"):
        path = tmp_path / name / f"song.{suffix}"
        render.render(song, path)
        written.append(path.read_bytes())
        assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert written[0] == written[1]
    assert len(written[0]) > 20
    assert not re.search(rb"\b20\d\d-\d\d-\d\d", written[0])


def test_every_format_replaces_what_was_there(tmp_path):
    for suffix in render.FORMATS:
        path = tmp_path / f"song.{suffix.upper()}"
        path.write_text("old")
        render.render(TWO_TRACKS, path)
        assert path.read_bytes() != b"old"
    assert len(list(tmp_path.iterdir())) == len(render.FORMATS)
    assert read_midi(tmp_path / "song.MID").replace(name="") == TWO_TRACKS


@pytest.mark.parametrize("name", ["song.xyz", "song"])
def test_unknown_format_names_the_known(name, tmp_path):
    with pytest.raises(UserError, match=r"song.*mid, png, svg, mp3, wav, flac, ogg, musicxml, mxl, sheet.svg"):
        render.render(TWO_TRACKS, tmp_path / name)


@pytest.mark.parametrize("suffix", render.FORMATS)
def test_a_file_that_cannot_be_written_is_the_users_mistake(suffix, tmp_path):
    taken = tmp_path / f"song.{suffix}"
    taken.mkdir()
    with pytest.raises(UserError, match="cannot write"):
        render.render(TWO_TRACKS, taken)
    assert list(tmp_path.iterdir()) == [taken]


@pytest.mark.parametrize("tempo", [60, 240])
def test_audio_keeps_pitch_and_tempo(tempo, tmp_path):
    song = Song.from_notes([(BEAT, 2 * BEAT, 69, 100, 0)], length=4 * BEAT, programs=(73,), tempo=tempo)
    sound, rate = wave(song, tmp_path)
    beat = 60 / tempo
    assert len(sound) == round((4 * beat + RELEASE_SECONDS) * rate)
    assert loudness(sound, rate, 0, beat - 0.01) == 0
    assert loudness(sound, rate, 1.2 * beat, 2.9 * beat) > 0.1
    assert loudness(sound, rate, 4 * beat + 1.5, 4 * beat + 2) < 0.001
    playing = sound[round(1.2 * beat * rate) : round(2.9 * beat * rate), 0]
    spectrum = np.abs(np.fft.rfft(playing * np.hanning(len(playing)), 1 << 18))
    assert spectrum.argmax() * rate / (1 << 18) == pytest.approx(440, rel=0.01)


def test_audio_keeps_programs(tmp_path):
    notes = [(0, BEAT, 60, 80, 0)]
    piano, flute = (wave(Song.from_notes(notes, programs=(program,)), tmp_path)[0] for program in (0, 73))
    assert not np.allclose(piano, flute, atol=0.05)


def test_every_program_and_more_tracks_than_midi_channels_sound(tmp_path):
    for program in range(128):
        song = Song.from_notes([(0, BEAT, 60, 100, 19)], programs=(0,) * 19 + (program,))
        assert max(np.abs(block).max() for block in synthesise(song)) > 0.001, program


def test_a_repeated_note_is_struck_again(tmp_path):
    song = Song.from_notes([(0, BEAT, 60, 100, 0), (BEAT, BEAT, 60, 100, 0)], programs=(0,), tempo=60)
    sound, rate = wave(song, tmp_path)
    assert loudness(sound, rate, 1.0, 1.1) > 1.3 * loudness(sound, rate, 0.9, 1.0)


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "ogg"])
def test_audio_never_clips(suffix, tmp_path):
    crowd = Song.from_notes([(0, 4 * BEAT, pitch, 127, 0) for pitch in range(40, 100)], programs=(19,))
    sound, _ = wave(crowd, tmp_path, suffix)
    assert 0.7 < np.abs(sound).max() < 1


def test_sheet_music_says_the_song(tmp_path):
    song = Song.from_notes(
        [
            (0, 470, 60, 80, 0),
            (5, 480, 64, 80, 0),
            (0, 4 * BEAT, 48, 80, 1),
            (600, 120, 61, 80, 0),
            (1440, 960, 70, 80, 0),
        ],
        programs=(0, 40),
        time_signatures=((0, 3, 4),),
        tempo=90,
        length=7 * BEAT,
        name="a <song> & more",
    )
    notes, lengths, root = sheet(song, tmp_path)
    assert notes == [(0, 480, 60, 0), (0, 480, 64, 0), (0, 1920, 48, 1), (600, 120, 61, 0), (1440, 960, 70, 0)]
    assert lengths == [9 * BEAT, 9 * BEAT]
    assert [len(part.findall("measure")) for part in root.findall("part")] == [3, 3]
    assert [time.findtext("beats") for time in root.iter("time")] == ["3", "3"]
    assert [program.text for program in root.iter("midi-program")] == ["1", "41"]
    assert root.find(".//sound").get("tempo") == "90"
    assert root.findtext("movement-title") == "a <song> & more"


def test_sheet_music_knows_triplets_and_voices(tmp_path):
    triplets = [(160 * step, 160, 60 + step, 80, 0) for step in range(3)]
    across = [(480 + 320, 3 * BEAT, 72, 80, 0)]  # from the last third of beat 1 to the last third of beat 4
    song = Song.from_notes([*triplets, *across, (2 * BEAT, 120, 50, 80, 0)])
    notes, _, root = sheet(song, tmp_path)
    assert notes == sorted([(*note[:3], 0) for note in [*triplets, *across, (2 * BEAT, 120, 50)]])
    assert len({voice.text for voice in root.iter("voice")}) == 2
    assert root.find(".//time-modification/actual-notes").text == "3"


def test_sheet_music_of_any_song_has_every_note_on_the_grid(tmp_path):
    random = np.random.default_rng(0)
    for signatures in [(), ((0, 6, 8), (1440, 5, 4)), ((700, 7, 16),)]:
        count = 40
        columns = random.integers((0, 1, 30, 1, 0), (9000, 2000, 90, 128, 3), (count, 5))
        song = Song.from_notes(map(tuple, columns), programs=(0, 1, 2), time_signatures=signatures)
        notes, lengths, _ = sheet(song, tmp_path)
        assert len(set(lengths)) == 1
        assert len(notes) <= count
        for onset, ticks, _, _ in notes:
            assert ticks > 0
            assert onset % 120 == 0 or onset % 160 == 0
            assert (onset + ticks) % 120 == 0 or (onset + ticks) % 160 == 0
        for onset, pitch, track in zip(song.start, song.pitch, song.track, strict=True):
            assert any(abs(onset - tick) <= 80 for tick, _, other, part in notes if (other, part) == (pitch, track))


def test_a_track_that_spans_both_clefs_gets_two_staves(tmp_path):
    notes = [(0, BEAT, 36, 80, 0), (0, BEAT, 72, 80, 0), (BEAT, BEAT, 60, 80, 0), (BEAT, BEAT, 59, 80, 0)]
    found, lengths, root = sheet(Song.from_notes(notes), tmp_path)
    assert [note[:3] for note in found] == sorted(note[:3] for note in notes) and lengths == [4 * BEAT]
    staves = {element.findtext("pitch/octave"): element.findtext("staff") for element in root.iter("note")}
    assert (staves["2"], staves["5"]) == ("2", "1")
    voices = {(element.findtext("staff"), element.findtext("voice")) for element in root.iter("note")}
    assert len({voice for _, voice in voices}) == len(voices)


@pytest.mark.parametrize(("tonic", "sharps"), [(60, 0), (62, 2), (65, -1), (56, -4), (54, 6)])
def test_sheet_music_is_written_in_its_key(tonic, sharps, tmp_path):
    scale = [(step * BEAT, BEAT, tonic + up, 80, 0) for step, up in enumerate((0, 2, 4, 5, 7, 9, 11, 12))]
    _, _, root = sheet(Song.from_notes(scale), tmp_path)
    assert root.findtext(".//key/fifths") == str(sharps)
    assert not list(root.iter("accidental"))


def test_every_pitch_can_be_written(tmp_path):
    notes = [(pitch * BEAT, BEAT, pitch, 80, 0) for pitch in range(128)]
    assert [note[2] for note in sheet(Song.from_notes(notes), tmp_path)[0]] == list(range(128))


def test_engraved_music_has_a_head_for_every_note(tmp_path):
    notes = [(0, BEAT, 60, 80, 0), (BEAT, BEAT, 64, 80, 0), (2 * BEAT, BEAT, 67, 80, 0), (3 * BEAT, BEAT, 72, 80, 0)]
    render.render(Song.from_notes(notes, name="<script>"), tmp_path / "song.sheet.svg")
    root = ElementTree.parse(tmp_path / "song.sheet.svg").getroot()
    uses = [element.get("href") for element in root.iter("{http://www.w3.org/2000/svg}use")]
    assert max(map(uses.count, uses)) == 4
    assert {use[1:] for use in uses} <= {element.get("id") for element in root.iter()}
    assert "prefers-color-scheme: dark" in (tmp_path / "song.sheet.svg").read_text()


def test_compact_audio_is_the_same_music_in_mono(tmp_path):
    audio(TWO_TRACKS, tmp_path / "small.wav", compact=True)
    small, rate = soundfile.read(tmp_path / "small.wav")
    large, full = wave(TWO_TRACKS, tmp_path)
    assert small.ndim == 1 and full == 2 * rate
    spectra = [np.abs(np.fft.rfft(sound, 1 << 18))[:20000] for sound in (small, large[::2].mean(1))]
    assert np.corrcoef(*spectra)[0, 1] > 0.99


def test_sheet_music_of_silence_is_a_bar_of_rest(tmp_path):
    notes, lengths, _ = sheet(EMPTY, tmp_path)
    assert (notes, lengths) == ([], [4 * BEAT])
