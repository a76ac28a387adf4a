"""The search: what has been tried is kept, so the same command goes on."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo._errors import UserError
from zoo._files import locked
from zoo.corpora import Corpus
from zoo.experiments import records
from zoo.experiments.ray_engine import connected, models_there, pack_corpus, passed_on
from zoo.models import _registry
from zoo.search.fitting import WHOLE, Work, fit, say_nothing, try_setting
from zoo.search.space import point, searched, space
from zoo.search.trials import FAILED, STOPPED, Trial, judged, read_trials, write_trials
from zoo.training import hyperparameters

PRESET = "tuned"  # which is to be bettered
PATIENCE = 20  # parts of WHOLE that every trial is given
THIRD = 3  # of those that have come as far as another goes on: the best of so many
FEWEST = 10  # trials by which importances are estimated


@dataclass(frozen=True)
class Search:
    """A search for better hyperparameters of one model.

    Args:
        model: its name.
        corpora: on whose validation music a setting is judged.
        seed: of the trainings, and of the search.
        searches: the folder in which searches lie, a folder each.
    """

    model: str
    corpora: Sequence[Corpus]
    seed: int
    searches: Path

    @property
    def folder(self) -> Path:
        """The search's own: named after the model, and a digest of all that its trials depend on."""
        preset = _registry.create(self.model, PRESET, self.seed)
        digests = sorted([corpus.name, corpus.digest] for corpus in self.corpora)
        known = [preset.to_json(), digests, {name: str(where) for name, where in searched(type(preset)).items()}]
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
        return self.searches / f"{self.model}-{digest[:8]}"

    @property
    def record(self) -> Path:
        """The file of its trials."""
        return self.folder / "trials.json"

    @cached_property
    def work(self) -> Work:
        """What its trials have in common."""
        files, variables = models_there()
        corpora = {corpus.name: pack_corpus(corpus) for corpus in self.corpora}
        return Work(self.model, self.seed, corpora, self.corpora[0].pedal, files, passed_on() | variables)

    def run(self, count: int, minutes: float = 0.0, address: str | None = None) -> list[Trial]:
        """Try settings until there are `count`, those of earlier searches included.

        Args:
            count: of trials, at least 1, `tuned` being the first.
            minutes: by the clock that the search may take from now on; 0 is as long as it needs. `tuned` is finished
                in any case; other trials that do not come to their end are not counted.
            address: of a Ray cluster; see `connected`.

        Returns:
            All trials there are, in order of their end.

        Raises:
            Busy: (a UserError) when another process searches there.
            UserError: when Ray is not installed or `tuned` cannot be trained.
        """
        began = time.monotonic()
        if len(trials := read_trials(self.record)) >= count:
            return trials
        with connected(address) as ray, locked(self.folder, "searching in"):
            trials = read_trials(self.record)
            if not trials:
                trials.append(self._first(ray))
                write_trials(self.record, trials)
                print(f"{self.model}: trial 1 of {count}: the preset {PRESET}", file=sys.stderr, flush=True)
            left = 60 * minutes - (time.monotonic() - began) if minutes else None
            if len(trials) < count and (left is None or left > 0):
                self._tune(trials, count, left)
        return trials

    def importances(self, trials: Sequence[Trial]) -> dict[str, float]:
        """How much each hyperparameter sets the best tenth of the trials apart (PED-ANOVA), shares of 1, largest first.

        Of few trials, and where Optuna is not installed, nothing.
        """
        placed = self._placed(trials)
        if len(placed) < FEWEST:
            return {}
        try:
            import optuna
        except ImportError:
            return {}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study, where = optuna.create_study(), space(_registry.find(self.model))
        for params, value in placed:
            study.add_trial(optuna.trial.create_trial(params=params, distributions=where, value=value))
        return optuna.importance.get_param_importances(study, evaluator=optuna.importance.PedAnovaImportanceEvaluator())

    def preset(self, trial: Trial) -> dict[str, object]:
        """The hyperparameters of a trial that it or the preset `tuned` sets."""
        own = _registry.create(self.model, PRESET, self.seed, **trial.setting)
        values = hyperparameters.values(own)
        return {name: values[name] for name in own.presets[PRESET] | trial.setting}

    def _first(self, ray: Any) -> Trial:
        try:
            tuned = ray.get(ray.remote(num_cpus=1, max_retries=2)(fit).remote(self.work, {}, say_nothing))
        except ray.exceptions.RayTaskError as error:
            raise UserError(f"{self.model} cannot be trained with the preset {PRESET}: {error.cause}") from None
        return judged(tuned, tuned.nats)

    def _placed(self, trials: Sequence[Trial]) -> list[tuple[dict[str, object], float]]:
        """Settings as points of the space, and their objectives; those without, or outside of it, are left out."""
        model = _registry.find(self.model)
        settings = [(point(model, model.presets[PRESET] | trial.setting), trial.objective) for trial in trials]
        return [(setting, value) for setting, value in settings if setting is not None and value is not None]

    def _tune(self, trials: list[Trial], count: int, seconds: float | None) -> None:
        """Have Ray Tune run the trials that are missing; each is kept as it ends."""
        os.environ |= {
            "RAY_AIR_NEW_OUTPUT": "0",
            "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
            "TUNE_DISABLE_SIGINT_HANDLER": "1",
        }
        import optuna
        from ray import tune
        from ray.tune.schedulers import ASHAScheduler
        from ray.tune.search.optuna import OptunaSearch

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        placed = self._placed(trials)
        searcher = OptunaSearch(
            space(_registry.find(self.model)),
            metric="objective",
            mode="min",
            sampler=optuna.samplers.TPESampler(seed=self.seed + len(trials)),  # who goes on draws other settings
            points_to_evaluate=[setting for setting, _ in placed] or None,
            evaluated_rewards=[value for _, value in placed] or None,
        )
        ends = None if seconds is None else time.monotonic() + seconds

        def keep(trial: Trial) -> None:
            if trial.state == STOPPED and ends is not None and time.monotonic() >= ends:
                return  # by the clock, not for being poor
            trials.append(trial)
            write_trials(self.record, trials)
            shown = f"{trial.objective:.4f} of {PRESET}" if trial.objective is not None else trial.error
            print(f"{self.model}: trial {len(trials)} of {count}: {shown}, {trial.state}", file=sys.stderr, flush=True)

        with tempfile.TemporaryDirectory(prefix="zoo-") as scratch:
            tune.Tuner(
                tune.with_resources(
                    tune.with_parameters(try_setting, work=self.work, tuned=trials[0].nats), {"cpu": 1}
                ),
                tune_config=tune.TuneConfig(
                    metric="objective",
                    mode="min",
                    search_alg=searcher,
                    scheduler=ASHAScheduler(
                        time_attr="part", max_t=WHOLE, grace_period=PATIENCE, reduction_factor=THIRD
                    ),
                    num_samples=count - len(trials),
                    time_budget_s=seconds,
                ),
                run_config=tune.RunConfig(storage_path=scratch, callbacks=[_keeper(tune, keep)], verbose=0),
            ).fit()


def _keeper(tune: Any, keep: Callable[[Trial], None]) -> Any:
    """Ray Tune's callback that gives each trial to `keep` as it ends."""

    class Keeper(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            last = trial.last_result
            kept = records.read(Trial, last.get("trial"))
            keep(kept if last.get("part") == WHOLE else replace(kept, state=STOPPED))

        def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            lines = str(trial.get_error()).strip().splitlines() or [""]
            keep(Trial(dict(trial.config), FAILED, error=lines[-1]))

    return Keeper()
