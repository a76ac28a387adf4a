"""Folders as people bring them, from files to the report: made-up ones always, real ones where they are at hand."""

import contextlib

import numpy as np
import pytest
import symusic
from kinds import unreadable

import zoo
from zoo.cli import main
from zoo.report import load_runs

FOLDERS = ("bach-cesern", "ff-piano", "jazz-piano", "lakh-midirnn", "performances", "pop-rbm")


def write(path, notes, pedal=(), tempo=120.0, signatures=()):
    """A MIDI file of tracks of (tick, duration, pitch, velocity), 480 ticks a beat, with pedal (tick, duration)."""
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, tempo))
    for signature in signatures:
        score.time_signatures.append(symusic.TimeSignature(*signature))
    for number, rows in enumerate(notes):
        track = symusic.Track("", 4 * number, False)
        for row in sorted(rows):
            track.notes.append(symusic.Note(*map(int, row)))
        for at, lasts in pedal:
            track.pedals.append(symusic.Pedal(int(at), int(lasts)))
        score.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(score.dumps_midi())


def swing(rng, beats=24):
    """Chords on the beat below a swung line: no length is a whole number of sixteenths."""
    line = [(480 * k + off, 150, 72 + rng.integers(-5, 6), 70) for k in range(beats) for off in (0, 320)]
    chords = [(480 * k, 441, pitch, 60) for k in range(0, beats, 2) for pitch in (48, 55, 64 + k % 3)]
    return [[*line, (480 * beats - 60, 55, 79, 90)], chords]


def performance(rng, notes=150):
    """Playing without a beat, single notes and spread chords."""
    at = np.cumsum(rng.exponential(170, notes)).astype(int)
    return [[(tick, rng.integers(60, 700), rng.integers(40, 90), rng.integers(20, 120)) for tick in at]]


def band(rng, beats=16):
    """A melody, doubled in unison by a second track, over a bass."""
    tune = [(480 * k, 480 - 7 * (k % 2), int(rng.choice([60, 62, 64, 67, 69])), 90) for k in range(beats)]
    bass = [(960 * k, 955, int(rng.choice([36, 41, 43])), 80) for k in range(beats // 2)]
    return [tune, tune, bass]


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    """A folder of swing, performances with pedal, a band's songs and short excerpts, with things that are no music."""
    folder = tmp_path_factory.mktemp("brought") / "my music"
    for seed in range(6):
        rng = np.random.default_rng(seed)
        if seed < 3:
            write(folder / "swing" / f"{seed}.mid", swing(rng), tempo=150 + seed, signatures=[(0, 4, 4)])
            write(folder / "played" / f"{seed}.MIDI", performance(rng), [(k * 900, 700) for k in range(20)])
        write(folder / f"band {seed}.mid", band(rng), signatures=[(0, 3, 4)])
        write(folder / f"short-{seed}.kar", [[(k * 160, 161, 60 + (seed * k) % 12, 80) for k in range(9 + seed)]])
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0")
    (folder / "notes.txt").write_text("from a friend")
    return folder


def run_to_the_end(folder, corpus, presets, models):
    """Train, measure and report in `folder`, as the commands do; gives exit codes and the runs."""
    with contextlib.chdir(folder):
        codes = {name: main(["train", name, "--corpus", corpus, "--preset", presets]) for name in models}
        code = main(["report", "--corpus", corpus])
        return codes, code, load_runs(next((folder / "reports").iterdir()))


def test_a_folder_as_people_bring_it_ends_in_a_report_of_every_model(brought, capsys):
    with contextlib.chdir(brought.parent):
        assert main(["corpus", f"./{brought.name}"]) == 0
    said = capsys.readouterr().out
    assert "3 of 18 pieces have no beat: they are read in seconds" in said and "skipped broken.mid" in said
    assert "cover.jpg" not in said and "notes.txt" not in said
    codes, code, runs = run_to_the_end(brought.parent, f"./{brought.name}", "smoke", zoo.names())
    assert set(codes.values()) == {0} and code == 0
    assert {run.model: run.status for run in runs} == dict.fromkeys(zoo.names(), "finished")
    for run in runs:
        results = run.results
        assert results.skill() is not None and results.comparison.kept.onset_f1 is not None
        assert results.comparison.sets.samples.classifier.accuracy is not None
    page = (brought.parent / "reports" / brought.name / "index.html").read_text()
    assert "have no beat" in page and all(name in page for name in zoo.names())


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_real_folders_end_in_a_report_of_every_model_that_can_read_them(shared_data, tmp_path, name):
    corpus = str(shared_data / "folders" / name)
    codes, code, runs = run_to_the_end(tmp_path, corpus, "smoke", zoo.names())
    assert code == 0
    statuses = {run.model: run.status for run in runs}
    left_out = unreadable(zoo.load_corpus(corpus).train)
    assert ("melody_lstm" in left_out) == (name in ("jazz-piano", "performances")), "piano, one track of chords"
    assert statuses == {model: "left out" if model in left_out else "finished" for model in zoo.names()}
    assert codes == {model: 2 if model in left_out else 0 for model in zoo.names()}
    for run in runs:
        if run.model not in left_out:
            assert run.results.scores.test.nats_per_beat > 0 and run.results.ngram.test > 0
