"""What `zoo corpus` says will hurt, of corpora of which the answer is known."""

import dataclasses

import numpy as np
import pytest
import symusic

from zoo import Song, load_corpus, write_midi
from zoo.cli import main
from zoo.corpora.diagnosis import diagnose

BEAT = 480


def piece(*rows):
    """(tick, duration, pitch, track) each."""
    return Song.from_notes([(at, lasts, pitch, 80, track) for at, lasts, pitch, track in rows], programs=(0, 0))


def corpus(folder, train, test):
    for split, songs in (("train", train), ("valid", train[:1]), ("test", test)):
        for number, song in enumerate(songs):
            write_midi(song, folder / split / f"{number}.mid")
    return load_corpus(folder)


def test_every_share_is_counted(tmp_path):
    line = [(k * BEAT, BEAT, 60 + k, 0) for k in range(4)]
    triplets = [(k * 160, 160, 60, 0) for k in range(12)]
    chord = [(0, BEAT, pitch, 1) for pitch in (40, 44, 47, 20)]
    train = [piece(*line), piece(*triplets)]
    test = [
        piece(*line, *chord),
        piece(*[(at, lasts, pitch, track) for at, lasts, pitch, _ in line for track in (0, 1)]),
    ]
    found = diagnose(corpus(tmp_path, train, test))
    # Onsets of the training music: 4 on beats, and 12 triplets of which 4 are on beats; on a grid of beats the triplet
    # before a beat falls onto it.
    expected = {1: 5 / 16, 2: 8 / 16, 3: 1, 4: 8 / 16, 6: 1, 8: 8 / 16, 12: 1}
    assert found.grids == pytest.approx(expected) and found.grid == 3
    # Of the chord piece: chord, three pitches and four times; only the chord is new. The other piece is known.
    assert found.unknown_chords == pytest.approx(1 / 16)
    assert found.outside == pytest.approx(1 / 36) and found.doubled == pytest.approx(4 / 36)
    assert (found.tracks, found.with_melody, found.pieces) == (pytest.approx(6 / 7), 5, 5)
    assert ("test/1", "train/0") not in found.across_folders  # notes in two tracks are other music
    assert ("train/0", "valid/0") in found.across_folders


def test_a_pedal_that_never_goes_up_is_noticed(tmp_path, capsys):
    """Of 30 notes, one a beat, each sounds to the end: 15.5 at a time; of 40, 20.5."""
    for split, counts in (("train", [30, 40]), ("valid", [8]), ("test", [8])):
        for count in counts:
            track = symusic.Track("", 0, False)
            track.notes.extend(symusic.Note(k * BEAT, BEAT, 40 + k, 80) for k in range(count))
            track.controls.append(symusic.ControlChange(0, 64, 127))
            score = symusic.Score(BEAT)
            score.tracks.append(track)
            path = tmp_path / "music" / split / f"{count}.mid"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(score.dumps_midi())
    assert diagnose(load_corpus(tmp_path / "music")).crowded == {"train/40": pytest.approx(20.5)}
    assert diagnose(load_corpus(tmp_path / "music", pedal=False)).crowded == {}
    assert main(["corpus", f"{tmp_path}/music"]) == 0
    told = "1 of 4 pieces sound more than 16 notes at once on average (train/40: 20), as when a sustain pedal"
    assert f"{told} never goes up; --no-pedal ends notes with their keys." in capsys.readouterr().out


def test_what_hurts_is_a_sentence_with_the_way_out(tmp_path):
    rng = np.random.default_rng(0)

    def noise():
        at = np.sort(rng.choice(9000, 60, replace=False)).tolist()
        return piece(*[(tick, 300, int(pitch), 0) for tick, pitch in zip(at, rng.integers(0, 128, 60), strict=True)])

    found = diagnose(corpus(tmp_path, [noise(), noise()], [noise()]))
    told = " ".join(found.warnings())
    assert "no grid keeps 98% of the onsets" in told and "`preset=performance`" in told
    assert "`transpose=6`" in told and "`low=auto` `high=auto`" in told and "`voice=skyline`" in told
    fine = dataclasses.replace(found, grids=dict.fromkeys(found.grids, 1.0), unknown_chords=0, outside=0, with_melody=1)
    assert fine.warnings() == []
