"""The benchmark's table: each figure stands where it belongs, and only where it belongs."""

import csv

import pytest
from made_runs import write

from zoo._errors import UserError
from zoo.report import write_published
from zoo.report.literature import CORPORA, JSB, NOTTINGHAM, PUBLISHED

FRAMES = 4_725


def add(
    folder, model="rnn_nade", run="best-seed0", nats=5.0, overrides=None, marginal=11.060, frames=FRAMES,
    valid=None, **details,
):  # fmt: skip
    """A finished run whose test music has two frames a beat, so that a figure per beat is twice one per frame."""
    path = folder / "runs" / model / run
    settings = {"model": model, "preset": run.partition("-")[0], "seed": int(run[-1]), "overrides": overrides or {}}
    write(path / "model.json", settings | {"hyperparameters": {}, "corpus": {"digest": "abc"}})
    (path / "history.csv").write_text("epoch,seconds\n1,60\n2,90\n")
    details |= {"nats_per_frame": nats, "accuracy_union": 0.25}
    score = {"kind": "AIS estimate" if "temperatures" in details else "exact", "codes": frames, "beats": frames / 2}
    score |= {"nats_per_beat": 2 * nats, "accuracy": 0.375, "details": details}
    score["standard_error"] = 0.012 if "temperatures" in details else None
    write(
        path / "metrics.json",
        {
            "parameters": 1234,
            "epochs": 2,
            "seconds": 90,
            "best_epoch": 2,
            "scores": {"valid": score | {"details": {"nats_per_frame": valid or nats - 0.5}}, "test": score},
            "order0": {"valid": 1.0, "test": 2 * marginal},
            "ngram": {"valid": 19.0, "test": 20.0, "n": 3, "smoothing": 10.0},
            "environment": {"python": "3.12", "keras": "3.15"},
        },
    )


@pytest.fixture
def folder(tmp_path):
    facts = {"name": "my-jsb", "folder": "/somewhere/my-jsb", "digest": "abc"}
    facts["splits"] = {split: {"pieces": count} for split, count in (("train", 229), ("valid", 76), ("test", 77))}
    write(tmp_path / "corpus.json", facts)
    return tmp_path


def rows(folder):
    with open(folder / "published.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_figures_per_frame_beside_the_published_ones(folder):
    add(folder, nats=5.0)
    once, twice = ({"nats_per_frame": nats, "frames": 2000} for nats in (5.2, 5.2125))
    add(folder, "rnn_rbm", nats=5.25, temperatures=500, chains=20, once=once, twice=twice)
    lines = write_published(folder)
    assert (folder / "published.md").read_text().splitlines() == lines
    assert lines[0].startswith("# JSB chorales")
    nade, rbm, order0, ngram = rows(folder)
    assert [float(row["nats_per_frame"]) for row in (nade, rbm, order0, ngram)] == [5.0, 5.25, 11.06, 10.0]
    assert [row["published"] for row in (nade, rbm, order0, ngram)] == ["5.56", "6.27", "11.06", "10.26"]
    assert (nade["published_accuracy"], nade["source"][:9], nade["kind"]) == ("0.325", "RNN-NADE ", "exact")
    assert (float(rbm["standard_error"]), rbm["environment_keras"]) == (0.006, "3.15")
    (cells,) = [line for line in lines if line.startswith("| rnn_rbm | best | 0 | 5.250")]
    assert cells.split(" | ")[3:10] == [
        "5.250 ± 0.006",
        "5.250",
        "AIS estimate",
        "6.27",
        rbm["source"],
        "37.5%",
        "33.1%",
    ]
    assert cells.split(" | ")[10:] == ["25.0%", "—", "1,234", "2", "1.5 |"]
    assert "| rnn_rbm | best | 0 | 500 × 20 | 2,000 | 5.2000 | 5.2125 | +0.0125 |" in lines
    everything = lines[lines.index("## Everything published for JSB chorales, and ours") :]
    assert len([line for line in everything if line.startswith("|")]) == len(PUBLISHED) + 2 + 2 * 2
    assert "make published CORPUS=path/to/my-jsb/" in lines[-1] and "/somewhere" not in "\n".join(lines)


def test_only_finished_runs_of_the_two_presets_as_they_are(folder):
    add(folder, nats=5.0)
    add(folder, run="paper-seed1", nats=6.0)
    add(folder, run="tuned-seed0", nats=1.0)
    add(folder, run="best-seed2", nats=2.0, overrides={"epochs": 3})
    add(folder, run="best-seed3", nats=3.0)
    (folder / "runs/rnn_nade/best-seed3/error.txt").write_text("the disk is full")
    write_published(folder)
    assert [(row["preset"], row["seed"]) for row in rows(folder) if row["preset"]] == [("best", "0"), ("paper", "1")]


def test_nothing_published_stands_beside_another_corpus(folder):
    for name, known in CORPORA.items():
        add(folder, marginal=known.order0, frames=known.test_frames)
        assert write_published(folder)[0].startswith(f"# {name}") and rows(folder)[0]["published"]
    for frames, marginal in ((FRAMES + 1, 11.060), (FRAMES, 11.070), (44_463, 11.060)):
        add(folder, marginal=marginal, frames=frames)
        lines = write_published(folder)
        assert lines[0].startswith("# my-jsb") and not rows(folder)[0]["published"]
        assert not any("2012" in line for line in lines)


def test_published_figures_are_those_of_the_papers():
    """Against the table of the 2012 paper, for the rows that were beaten or named most."""
    figures = {row.model: row.figures for row in PUBLISHED}
    assert figures["RNN-RBM"] == {JSB: (6.27, 33.1, None), NOTTINGHAM: (2.39, 75.4, None)}
    assert figures["RNN-NADE (Hessian-free)"] == {JSB: (5.56, 32.5, None), NOTTINGHAM: (2.31, 71.5, None)}
    assert figures["DMM-Aug-NADE"] == {JSB: (5.12, None, None), NOTTINGHAM: (2.31, None, None)}
    assert figures["BALSTM"] == {JSB: (5.05, None, 5.86), NOTTINGHAM: (1.55, None, 1.62)}
    assert {row.model for row in PUBLISHED if row.unranked} == {"RNN-DBN", "DBN-LSTM", "NASMC"}
    assert figures["note 1-gram"][NOTTINGHAM].nats == pytest.approx(CORPORA[NOTTINGHAM].order0, abs=0.005)
    assert figures["note 1-gram"][JSB].nats == pytest.approx(CORPORA[JSB].order0, abs=0.005)


def cells_of(lines, start):
    """The cells of the lines of a table that begin so."""
    return [line.strip("| ").split(" | ") for line in lines if line.startswith(f"| {start}")]


def test_best_is_chosen_on_validation_and_a_median_takes_three_seeds(folder):
    """Seed 1 is the best on test, seed 2 on validation."""
    for seed, nats, valid in ((0, 5.3, 5.2), (1, 4.9, 5.1), (2, 5.0, 5.0)):
        add(folder, "biaxial_lstm", f"best-seed{seed}", nats, valid=valid)
    add(folder, "biaxial_lstm", "paper-seed0", 5.9)
    add(folder, "biaxial_lstm", "paper-seed1", 6.1)
    lines = write_published(folder)
    section = lines[
        lines.index("## Best and median") : lines.index("## Everything published for JSB chorales, and ours")
    ]
    assert cells_of(section, "biaxial_lstm best") == []
    assert cells_of(section, "biaxial_lstm") == [
        ["biaxial_lstm", "best", "3", "5.000", "5.05", "5.000", "5.86"],
        ["biaxial_lstm", "paper", "2", "5.900", "5.05", "—", "5.86"],
    ]
    (ours,) = cells_of(lines, "biaxial_lstm best, this zoo")
    assert ours[1:] == ["5.000", "5.000", "5.000", "exact", "37.5%", "3 seeds"]
    ranked = [
        row[0] for row in cells_of(lines[lines.index("## Everything published for JSB chorales, and ours") :], "")
    ]
    assert ranked.index("biaxial_lstm best, this zoo") == ranked.index("BALSTM") - 1, "the lowest first"
    assert ranked.index("NASMC") > ranked.index("note 1-gram") and ranked.index("DBN-LSTM") > ranked.index(
        "note 1-gram"
    )


def test_a_frame_of_nottingham_is_an_eighth_note(folder):
    add(folder, nats=1.7, marginal=10.252, frames=44_463)
    lines = write_published(folder)
    assert "an eighth note" in lines[0] and cells_of(lines, "rnn_nade | best")[0][3:5] == ["1.700", "3.400"]
    assert cells_of(lines, "BALSTM")[0][1:4] == ["1.55", "3.10", "1.62"]
    assert rows(folder)[0]["nats_per_beat"] == "3.4"


def test_pieces_without_a_twin_have_a_row(folder):
    add(folder, nats=5.0, without_twins={"pieces": 49, "frames": 3000, "nats_per_frame": 5.125})
    lines = write_published(folder)
    assert "## The 49 test pieces without a twin" in lines
    assert ["rnn_nade", "best", "0", "5.000", "5.125"] in cells_of(lines, "rnn_nade")
    add(folder, nats=5.0)
    assert not any("twin" in line for line in write_published(folder))


def test_without_runs_the_user_is_told_what_to_do(folder):
    add(folder, run="tuned-seed0")
    with pytest.raises(UserError, match="make published"):
        write_published(folder)
    assert not (folder / "published.md").exists()
