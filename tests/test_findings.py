"""Seeds taken together, and the sentences that the numbers say: other numbers, other sentences."""

import dataclasses
import itertools
import math
import re

import pytest
from made_runs import run
from scipy import stats

from zoo.experiments.description import ComparisonStep
from zoo.experiments.run_folder import RunFolder
from zoo.report.findings import findings
from zoo.report.groups import Group, grouped, ways
from zoo.report.ratings import wilson
from zoo.report.runs import Run
from zoo.report.standing import difference, marks, may_be_equal, welch

MODELS = ("event_lstm", "note_lstm", "rnn_nade")


def texts(*runs):
    return [finding.text for finding in findings(grouped(list(runs)))]


def failures(*runs):
    return [finding.text for finding in findings(grouped(list(runs))) if finding.bad]


def test_seeds_are_one_group_and_unfinished_runs_are_in_none():
    runs = [run("note_lstm", nats, seed=seed) for seed, nats in enumerate((4.0, 5.0, 6.0))]
    (group,) = grouped([*runs, run("note_lstm", 1.0, seed=9, status="failed"), run("event_lstm", 1.0, status="stale")])
    mean, spread = (results.scores.test.nats_per_beat for results in (group.mean, group.spread))
    assert (group.name, mean, spread) == ("note_lstm tuned", 5.0, 1.0)
    assert group.skills("order0") == [0.8, 0.75, 0.7] and group.skill("ngram") == pytest.approx(0.5)
    assert group.spread.peak_memory_mb is None and group.mean.peak_memory_mb is None
    assert grouped(runs[:1])[0].spread.scores.test.nats_per_beat is None
    assert group.mean.comparison.sets.samples.classifier.interval == pytest.approx((0.75, 0.85))
    assert group.mean.comparison.sets.samples.overlap == pytest.approx(0.7)


@pytest.mark.parametrize("order", list(itertools.permutations(MODELS)))
def test_permuted_results_give_permuted_sentences(order):
    figures = [(3.0, 0.55, 0.9, 10.0), (6.0, 0.75, 0.8, 20.0), (12.0, 0.95, 0.7, 30.0)]
    runs = [
        run(model, nats, accuracy=accuracy, overlap=overlap, seconds=seconds)
        for model, (nats, accuracy, overlap, seconds) in zip(order, figures, strict=True)
    ]
    text = "\n".join(texts(*runs))
    best, _, worst = order
    assert f"{best} tuned removes the largest share of the surprise of its representation: a skill of 85.0%" in text
    assert f"Hardest to tell from real music are the samples of {best} tuned" in text
    assert f"together {best} tuned is nearest to real music" in text and "90.0% of the distributions' area" in text
    assert f"10 seconds ({best} tuned) to 30 ({worst} tuned)" in text
    beaten = f"{worst} tuned does not beat the n-gram of its own representation: 12.000 against 10.000 nats"
    assert failures(*runs) == [next(text for text in texts(*runs) if text.startswith(beaten))]
    canonical = [re.sub("|".join(MODELS), lambda name: str(order.index(name[0])), text) for text in texts(*runs)]
    runs = [
        run(model, nats, accuracy=accuracy, overlap=overlap, seconds=seconds)
        for model, (nats, accuracy, overlap, seconds) in zip(MODELS, figures, strict=True)
    ]
    assert canonical == [
        re.sub("|".join(MODELS), lambda name: str(MODELS.index(name[0])), text) for text in texts(*runs)
    ]


def test_a_difference_inside_the_spread_of_the_seeds_is_not_called_one():
    near = [run("note_lstm", 5 + 0.3 * seed, seed=seed, codec="same") for seed in (0, 1, 2)]
    far = [run("rnn_nade", 5.2 + 0.3 * seed, seed=seed, codec="same") for seed in (0, 1, 2)]
    text = "\n".join(texts(*near, *far))
    assert "Not clearly less, by Welch's t test over seeds: rnn_nade tuned." in text
    assert "not clearly better, by Welch's t test over seeds, than rnn_nade tuned 5.500 ± 0.300." in text
    far = [run("rnn_nade", 7 + 0.3 * seed, seed=seed, codec="same") for seed in (0, 1, 2)]
    text = "\n".join(texts(*near, *far))
    assert "Not clearly less" not in text and "not clearly better" not in text
    assert (
        "note_lstm tuned predicts the test music best, 5.300 ± 0.300 nats per beat, against rnn_nade tuned 7.300"
        in text
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([5.0, 5.3, 5.6], [5.2, 5.5, 5.8]),
        ([1.0, 1.1, 1.05], [2.0, 9.0]),
        ([3.0, 3.01, 3.0], [4.0, 4.5]),
        ([1e-3, 2e-3], [1.0, 1.5, 0.9, 1.2]),
    ],
)
def test_welch_is_that_of_scipy(one, other):
    expected = stats.ttest_ind(one, other, equal_var=False).pvalue
    assert welch(one, other) == welch(other, one) == pytest.approx(expected, rel=1e-9)


def test_welch_by_hand_and_where_nothing_is_known():
    assert welch([0.0, 2.0], [2.0, 4.0]) == pytest.approx(1 - math.sqrt(0.5))  # t = √2 at 2 degrees of freedom
    assert welch([1.0], [2.0, 3.0]) is None is welch([], [1.0, 2.0])
    assert welch([1.0, 1.0], [2.0, 2.0]) == 0 and welch([1.0, 1.0], [1.0, 1.0]) == 1


def test_the_interval_of_a_difference_of_shares_is_the_published_one():
    """Newcombe 1998, table II, method 10."""
    for (one, of), (other, out_of), expected in (
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ):
        shares = ((one / of, *wilson(one, of)), (other / out_of, *wilson(other, out_of)))
        assert difference(*shares) == pytest.approx(expected, abs=5e-5)
    assert may_be_equal((0.5, 0.4, 0.6), (0.63, 0.53, 0.73)) and not may_be_equal((0.5, 0.4, 0.6), (0.65, 0.55, 0.75))


def test_with_one_seed_chance_is_not_ruled_out():
    text = "\n".join(texts(run("note_lstm", 5.0), run("rnn_nade", 9.0)))
    assert "With one seed nobody knows how much of the distance to the next is chance." in text


def test_nats_are_compared_only_where_music_is_written_down_alike():
    apart = texts(run("note_lstm", 5.0), run("rnn_nade", 9.0))
    assert not any("write music down alike" in text for text in apart)
    alike = texts(run("note_lstm", 5.0, codec="x"), run("rnn_nade", 9.0, codec="x", kind="bound"))
    assert any("against rnn_nade tuned ≤9.000" in text for text in alike)


def test_samples_whose_intervals_meet_are_not_told_apart():
    text = "\n".join(texts(run("note_lstm", 5.0, accuracy=0.6), run("rnn_nade", 5.0, accuracy=0.66)))
    assert "Not clearly worse: rnn_nade tuned." in text
    text = "\n".join(texts(run("note_lstm", 5.0, accuracy=0.6), run("rnn_nade", 5.0, accuracy=0.72)))
    assert "Not clearly worse" not in text


def test_samples_that_deceive_nobody_are_not_praised():
    text = "\n".join(texts(run("note_lstm", 5.0, accuracy=0.95), run("rnn_nade", 5.0, accuracy=1.0)))
    assert "No model passes for real: a classifier is right about its samples in 95.0% of cases or more." in text
    assert "Hardest to tell" not in text and "Not clearly worse" not in text


def test_what_fails_is_said():
    bad = failures(
        run("note_lstm", 5.0, loops=0.4, copies=0.3, empty=0.02, blind=True), run("rnn_nade", 5.0, loops=0.05)
    )
    assert [text for text in bad if text.startswith("40.0% of the samples of note_lstm tuned fall into a loop")]
    assert [text for text in bad if text.startswith("30.0% of the samples of note_lstm tuned copy")]
    assert [text for text in bad if text.startswith("2.0% of the samples of note_lstm tuned are empty")]
    assert [text for text in bad if "blind to the music of note_lstm tuned:" in text]
    assert len(bad) == 4
    assert failures(run("note_lstm", 5.0)) == []


def test_a_model_with_a_fault_is_called_faulty():
    made = {"longest_note": 60.0, "scalars": {"notes_per_beat": 1.0, "notes_at_once": 15.0, "idle_share": 0.3}}
    made["scalars"]["scale_consistency"] = 0.8
    real = {"longest_note": 3.0, "scalars": {"notes_per_beat": 4.0, "notes_at_once": 3.5, "idle_share": 0.01}}
    real["scalars"]["scale_consistency"] = 0.9
    (text,) = failures(run("note_lstm", 5.0, made=made, real=real, longest_note=8.0, own=8.3))
    assert text == (
        "note_lstm tuned is faulty: its samples hold notes for 60 beats (the training music: 8), start no note for "
        "four beats or more in 30.0% of the time (the test music: 1.0%), have 1 notes a beat (the test music: 4), have "
        "15 notes at once (the test music: 3.5), leave their key: 80.0% of the notes are of one scale (the test music: "
        "90.0%) and surprise the model itself 1.66 times as much as test music does."
    )
    assert failures(run("note_lstm", 5.0, made=real, real=real, longest_note=8.0, own=5.0)) == []


def test_samples_are_judged_by_the_training_music_and_not_by_a_few_test_songs():
    dense, bare = ({"scalars": {"notes_per_beat": notes, "notes_at_once": 3.0}} for notes in (4.0, 2.0))
    as_trained = run("note_lstm", 5.0, made=dense, real=bare, train=dense["scalars"])
    as_tested = run("note_lstm", 5.0, made=dense, real=dense, train=bare["scalars"])
    assert failures(as_trained) == []
    assert failures(as_tested) == [
        "note_lstm tuned is faulty: its samples have 4 notes a beat (the training music: 2)."
    ]


@pytest.mark.parametrize(
    ("own", "errors", "faulty"),
    [
        (7.0, (0.0, 0.0), True),  # 1.4
        (7.0, (0.1, 0.1), True),  # ± 0.034
        (7.0, (0.0, 0.63), True),  # ± 0.126: from 1.153 on
        (7.0, (0.0, 0.65), False),  # ± 0.130
        (7.0, (0.45, 0.0), True),  # ± 0.126
        (7.0, (0.47, 0.0), False),  # ± 0.1316
        (7.0, (0.45, 0.63), False),  # both
        (3.5, (0.2, 0.3), True),  # 0.7 ± 0.066
        (3.5, (0.5, 0.3), False),  # 0.7 ± 0.092
        (5.5, (0.0, 0.0), False),  # 1.1
    ],
)
def test_the_ratio_of_own_nats_counts_where_its_interval_lies_outside(own, errors, faulty):
    said = failures(run("note_lstm", 5.0, own=own, errors=errors))
    ratio = f"note_lstm tuned is faulty: its samples surprise the model itself {own / 5:.2f} times as much"
    assert said == [f"{ratio} as test music does."] * faulty


def test_the_error_of_own_ratios_is_as_large_over_several_seeds_which_share_the_test_music():
    each = [run("note_lstm", 5.0, own=own, errors=(0.5, 0.0), seed=seed) for seed, own in enumerate((4.0, 6.0))]
    assert Group("note_lstm", "tuned", "tuned", tuple(each)).own_ratio == pytest.approx((1.0, 0.1))


def test_many_failures_of_one_kind_are_one_sentence_the_worst_first():
    def sentences(order):
        nats = dict(zip(order, (12.0, 30.0, 11.0), strict=True))
        loops = dict(zip(order, (0.5, 0.9, 0.2), strict=True))
        return failures(*(run(model, nats[model], loops=loops[model]) for model in MODELS))

    for second, worst, third in itertools.permutations(MODELS):
        beaten = f"{worst} tuned 30.000 against 10.000, {second} tuned 12.000 against 10.000 and {third} tuned 11.000"
        loops = (
            f"(real music: 0.0%), the worst first: {worst} tuned 90.0%, {second} tuned 50.0% and {third} tuned 20.0%"
        )
        one, other = sentences((second, worst, third))
        assert one.startswith("3 of 3 variants do not beat the n-gram") and beaten in one
        assert other == f"Samples that fall into a loop {loops}."


def test_every_model_above_the_ngram_has_its_sentence_too():
    sentences = texts(run("note_lstm", 9.0), run("rnn_nade", 5.0))
    assert any(
        "Every model beats the n-gram" in text and "note_lstm tuned by the least, 10.0%" in text for text in sentences
    )


def test_runs_without_figures_say_nothing():
    bare = Run(RunFolder("runs/note_lstm/tuned-seed0"), "finished")
    assert texts(bare) == [] == texts()


def of_variant(preset, step=None, **overrides):
    original = run("event_lstm", 5.0)
    described = dataclasses.replace(original.description, preset=preset, overrides=overrides, comparison=step)
    return dataclasses.replace(original, description=described)


TRAINED, WRITTEN = ComparisonStep(training_of="tuned"), ComparisonStep(representation_of="blog")


def test_the_way_from_one_preset_to_another_needs_every_step():
    runs = [
        of_variant("blog"),
        of_variant("tuned", WRITTEN, split=False),
        of_variant("blog", TRAINED, batch=8),
        of_variant("tuned"),
        of_variant("tuned", units=3),
    ]
    (way,) = ways(grouped(runs))
    assert (way.model, way.one, way.other) == ("event_lstm", "blog", "tuned")
    variants = ["blog", "blog-batch=8", "tuned-split=False", "tuned"]
    assert [group.variant for group in way.groups] == variants
    for missing in range(4):
        assert not ways(grouped([run for index, run in enumerate(runs[:4]) if index != missing]))


def test_a_step_between_presets_is_called_by_what_it_is_unless_two_would_be():
    runs = [
        of_variant("blog", TRAINED, batch=8, epochs=3),
        of_variant("blog", units=3),
        of_variant("tuned", WRITTEN, split=False),
    ]
    titles = ("blog with the training of tuned", "blog-units=3", "tuned on the representation of blog")
    assert [group.name for group in grouped(runs)] == [f"event_lstm {title}" for title in titles]
    both = grouped([*runs, of_variant("blog", TRAINED, batch=9, epochs=3)])  # the presets have changed in between
    assert [both[0].title, both[3].title] == ["blog-batch=8-epochs=3", "blog-batch=9-epochs=3"]


def test_the_table_marks_the_best_and_what_is_within_noise():
    groups = grouped(
        [run("note_lstm", nats, seed=seed) for seed, nats in enumerate((4.0, 4.2))]
        + [run("rnn_rbm", nats, seed=seed, accuracy=0.9) for seed, nats in enumerate((4.1, 4.3))]
        + [run("event_lstm", nats, seed=seed) for seed, nats in enumerate((7.0, 7.1))]
    )
    columns = marks(groups)
    assert columns["skill"] == {"note_lstm tuned": "best", "rnn_rbm tuned": "within noise", "event_lstm tuned": ""}
    assert set(columns["nats"].values()) == {""}  # each writes music down in its own way
    assert columns["classifier"].get("rnn_rbm tuned", "") == ""  # it is told apart every time


def test_what_a_baseline_beats_is_never_called_best():
    groups = grouped([run("note_lstm", 12.0, codec="x"), run("rnn_rbm", 25.0, codec="x"), run("event_lstm", 9.0)])
    columns = marks(groups)
    assert columns["beyond"] == {"note_lstm tuned": "", "rnn_rbm tuned": "", "event_lstm tuned": "best"}
    assert set(columns["nats"].values()) == {""} and columns["skill"]["event_lstm tuned"] == "best"
    assert set(marks(groups[:2])["beyond"].values()) == {""}
    assert marks(groups[:2])["skill"] == {"note_lstm tuned": "best", "rnn_rbm tuned": ""}
