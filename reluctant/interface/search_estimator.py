"""What both estimators have in common: `fit` searches, and trains the recommended configuration once more."""

from __future__ import annotations

import tempfile
import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from os import PathLike
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.utils import check_random_state

from reluctant import __version__
from reluctant.errors import ReluctantError, ReluctantWarning
from reluctant.interface.database import opened
from reluctant.interface.estimator_data import (
    check_fitted,
    dataset_of,
    folds_of,
    groups_of,
    kept_rows,
    one_fold,
    table_of,
    validated,
    weights_of,
)
from reluctant.interface.options import configuration
from reluctant.interface.study import Study
from reluctant.interface.training import train
from reluctant.interface.trial import Trial
from search_spaces import load_space
from storage import open_storage
from study.config import ConfigError, StudyConfig
from study.data.prepare import prepare_rows
from study.data.targets import Targets
from study.machine import available_threads
from study.problem import Search
from study.problem.data_of_study import complete_config, with_learning_rate
from study.records.open_study import create_or_open
from study.records.own_trials import NoResultsError, OwnTrial
from study.search.from_database import StoredSearch
from study.search.rows import front_rows
from study.tasks import Classification, Task
from study.training import Budget, fit_networks
from study.training.patience import BEST_EPOCH
from study.training.plain_network import clamped_network

if TYPE_CHECKING:
    import torch

_PICKLE_FORMAT = 1
"""Of what a pickle holds; another number cannot be read."""
_PICKLED_BY, _FORMAT = "_pickled_by", "_pickle_format"


class PickleFormatError(ReluctantError, ValueError):
    """A pickle of another version, which this one cannot read."""


class SearchEstimator(BaseEstimator, ABC):  # type: ignore[misc]
    """The base of `ReluctantClassifier` and `ReluctantRegressor`: their parameters, and how they are fitted.

    A fifth of the samples judges the trials, or `cv` says which; there is no test part, because whoever uses an
    estimator keeps one. Then the recommended configuration is trained once more, on all samples.
    """

    _learned: ClassVar[Task]

    def __init__(
        self,
        *,
        trials: int = 64,
        seeds: int = 3,
        epochs: int = 30,
        patience: int | None = None,
        pruner: str = "none",
        space: str = "core",
        objective: str = "front",
        sparsity_weight: float = 0.1,
        metric: str | None = None,
        hidden: int | Sequence[int] = (64, 64),
        batch_size: int = 64,
        learning_rate: float | None = None,
        cohort: int = 8,
        cv: int | Any = None,
        refit: bool = True,
        time_limit: float | None = None,
        storage: str | PathLike[str] | None = None,
        study_name: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        """Keeps its parameters; they are judged when it is fitted.

        Args:
            trials: Trials of the search in all.
            seeds: Replicates a trial.
            epochs: Passes over the training part.
            patience: A network keeps the weights of the epoch with the best validation score and ends so many epochs
                after it; the one that is trained on all samples is trained for the mean of these best epochs. None: all
                networks are trained for all epochs.
            pruner: `halving`: of the trials of a cohort the best go on at some epochs, and the others are stopped, and
                are left out of `cv_results_`; `none`: all are trained for all epochs.
            space: Search space: a preset, or a TOML file.
            objective: `front`, `weighted` or `accuracy`.
            sparsity_weight: Worth of sparsity in the metric, for the objective `weighted`.
            metric: The metric that trials are judged by; None: `accuracy`, in regression `r2`.
            hidden: Units of each hidden layer.
            batch_size: Samples of a step.
            learning_rate: Step size, where the space does not search it; None: 0.001, in regression 0.003.
            cohort: Trials proposed together; fewer let the sampler learn sooner, more train faster. A study that is
                continued keeps it.
            cv: None: a fifth of the samples judges trials. A number of folds, a splitter of scikit-learn (`GroupKFold`,
                `PredefinedSplit`, …) or pairs of training and validation rows: each seed trains a network on each fold,
                and a trial's score is the mean over folds and seeds.
            refit: Whether the recommended configuration is trained once more on all samples; else the network of the
                search's first seed predicts, under `cv` that of its first fold.
            time_limit: Seconds after which the search ends with what it has; the result is then no function of
                `random_state` alone.
            storage: SQLite file or SQLAlchemy URL, where the study can be resumed and watched; None: nowhere, it ends
                with this object.
            study_name: Name of the study there; None: one made from its content.
            random_state: Seed, or a `numpy.random.RandomState`; the same one gives the same result.
            n_jobs: Threads; None: one, −1: all cores.
            verbose: Whether progress is shown.
        """
        self.trials = trials
        self.seeds = seeds
        self.epochs = epochs
        self.patience = patience
        self.pruner = pruner
        self.space = space
        self.objective = objective
        self.sparsity_weight = sparsity_weight
        self.metric = metric
        self.hidden = hidden
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.cohort = cohort
        self.cv = cv
        self.refit = refit
        self.time_limit = time_limit
        self.storage = storage
        self.study_name = study_name
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Searches, and trains the recommended configuration.

        Args:
            X: `[N, F]` numbers; missing ones may be NaN.
            y: `[N]` labels, or in regression numbers.
            sample_weight: `[N]` weight of each sample in loss and metrics; those of weight 0 are left out.
            groups: `[N]` the group of each sample: samples of one group are trained on or judged by, never both; as
                `cv` divides them, where it is a splitter.

        Raises:
            ConfigError: A parameter makes no sense.
            DataError: The data cannot be used.
            NoResultsError: The time limit ended the search before a trial was finished.
        """
        x, y = validated(self, X, y, ensure_min_samples=2, y_numeric=is_regressor(self))
        weights, groups = weights_of(sample_weight, len(x)), groups_of(groups, len(x))
        kept = weights > 0
        folds = () if self.cv is None else folds_of(self.cv, x, y, groups, classes=is_classifier(self))
        x, y, weights, groups = x[kept], y[kept], weights[kept], None if groups is None else groups[kept]
        targets = self._targets(y)
        config = self._config(folds=len(folds))
        folds = tuple(kept_rows(fold, kept) for fold in folds) or (one_fold(targets, groups, seed=config.seed),)
        dataset = dataset_of(x, targets, weights, folds)
        with ExitStack() as cleanup:
            place = str(self.storage) if self.storage is not None else _temporary_place(cleanup)
            config = with_learning_rate(complete_config(config.model_copy(update={"storage": place}), dataset))
            problem = _reachable(Search(config, dataset, load_space(config.space)))
            study = opened(place, lambda storage: create_or_open(problem, storage))
            # The study may outlive this object, and the folder is to outlive the study.
            weakref.finalize(study.storage, cleanup.pop_all().close)
        self.study_ = Study(study, progress=bool(self.verbose))
        train(study, progress=bool(self.verbose))
        self._read_results(problem)
        return self

    @abstractmethod
    def _targets(self, y: npt.NDArray[Any]) -> Targets:
        """The values to predict, of `[N]` values."""

    def _outputs(self, X: Any) -> torch.Tensor:
        """`[N, C]` float64 outputs of the network."""
        import torch

        check_fitted(self)
        x = validated(self, X, reset=False)
        with torch.inference_mode():
            outputs: torch.Tensor = self._network(self._preprocessing(table_of(x)).double())
        return outputs

    def _config(self, *, folds: int) -> StudyConfig:
        threads = 1 if self.n_jobs is None else available_threads() if self.n_jobs < 0 else self.n_jobs
        options: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "trials",
                "seeds",
                "epochs",
                "patience",
                "pruner",
                "space",
                "objective",
                "hidden",
                "batch_size",
                "cohort",
            )
        }
        if self.learning_rate is not None:
            options["learning_rate"] = self.learning_rate
        if self.objective == "weighted":
            options["sparsity_weight"] = self.sparsity_weight
        if not isinstance(self._learned, Classification):  # which studies do not name
            options["task"] = self._learned.name
        return configuration(
            options
            | {
                "metric": self._learned.metrics[0].name if self.metric is None else self.metric,
                "cv": folds if folds > 1 else None,
                "timeout": self.time_limit,
                "name": self.study_name,
                "seed": int(check_random_state(self.random_state).randint(2**31)),
                "threads": min(threads, available_threads()),
            }
        )

    def _read_results(self, problem: Search) -> None:
        """Takes the results of the search, and the network that predicts."""
        search = StoredSearch.of(self.study_._opened)
        own = search.own_trials()
        if not own:
            raise NoResultsError("the time limit ended the search before a trial was finished; allow more time")
        try:
            front = search.front(own)
            chosen, basis = front.recommended, front.basis
            self.front_ = pd.DataFrame(front_rows(front, problem.config, problem.space)).set_index("trial")
        except NoResultsError:
            chosen = max(own, key=lambda trial: (trial.score, -trial.number))
            basis = "no trial beats a constant guess with every seed; this one has the best score"
            self.front_ = pd.DataFrame()
        self.recommended_ = Trial.of(chosen, basis=basis)
        self.best_params_, self.best_score_ = dict(chosen.params), chosen.score
        self.cv_results_ = _cv_results(own, folds=problem.config.cv)
        self._train_network(problem, chosen)

    def _train_network(self, problem: Search, chosen: OwnTrial) -> None:
        prepared, budget = problem.prepared[0], replace(problem.budget, seeds=1)
        if self.refit:
            prepared = prepare_rows(problem.dataset, np.arange(len(problem.dataset)), prepared.rows.validation)
            # No sample is left that could tell when to end.
            budget = replace(budget, patience=None, epochs=_epochs_kept(chosen, problem.budget))
        clamp = problem.config.clamps
        outcome, (network,) = fit_networks(
            chosen.hyperparameters,
            prepared.split,
            budget,
            problem.streams,
            task=problem.task,
            architecture=problem.architecture,
            clamp=clamp,
        )
        if clamp and not outcome.diverged:
            network = clamped_network(network, outcome.replicates[0])
        kept = outcome.replicates[0].scores.get(BEST_EPOCH)  # None without patience, and of a network that diverged
        self.n_iter_ = budget.epochs if kept is None else round(kept)
        self._network, self._preprocessing = network.double(), prepared.preprocessing
        self._fitted_task = problem.task.fitted(prepared.split)

    def __getstate__(self) -> dict[str, Any]:
        """All but the connection to the database."""
        kept = {name: value for name, value in super().__getstate__().items() if name != "study_"}
        return kept | {_PICKLED_BY: __version__, _FORMAT: _PICKLE_FORMAT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restores what a pickle holds.

        Raises:
            PickleFormatError: Another version wrote it in a form that this one cannot read.
        """
        state = dict(state)
        writer, written = state.pop(_PICKLED_BY, None), state.pop(_FORMAT, None)
        name = type(self).__name__
        if written != _PICKLE_FORMAT:
            raise PickleFormatError(
                f"this {name} was pickled by {'another version' if writer is None else f'version {writer}'} of "
                f"reluctant, in a form that version {__version__} cannot read; fit it again, or install that version"
            )
        if writer != __version__:
            warnings.warn(
                f"this {name} was pickled by version {writer} of reluctant, and this is version {__version__}: "
                "compare its predictions with earlier ones, or fit it again",
                ReluctantWarning,
                stacklevel=2,
            )
        super().__setstate__(state)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.time_limit is not None
        return tags


def _temporary_place(cleanup: ExitStack) -> str:
    """An SQLite file in a folder that lasts as long as `cleanup` says."""
    folder = tempfile.TemporaryDirectory(prefix="reluctant-")
    cleanup.callback(folder.cleanup)
    place = Path(folder.name) / "study.db"
    place.write_bytes(_empty_database())
    return str(place)


@cache
def _empty_database() -> bytes:
    """An SQLite file without a study; to create its tables takes longer than many a fit, and copies cost nothing."""
    with tempfile.TemporaryDirectory(prefix="reluctant-") as folder:
        place = Path(folder) / "empty.db"
        open_storage(place).close()
        return place.read_bytes()


def _reachable(problem: Search) -> Search:
    """The problem; without a floor where a constant guess is right on all of a few samples, and cannot be beaten."""
    try:
        _ = problem.judge
    except ConfigError:
        return replace(problem, config=problem.config.model_copy(update={"min_accuracy": 0.0}))
    return problem


def _epochs_kept(trial: OwnTrial, budget: Budget) -> int:
    """For how many epochs a trial was trained until its networks were as they are judged, the mean over replicates."""
    best = [epoch for epoch in trial.by_seed.get(BEST_EPOCH, ()) if epoch is not None]
    return round(fmean(best)) if best else budget.epochs


def _cv_results(own: Sequence[OwnTrial], *, folds: int | None) -> dict[str, Any]:
    """Trials that were trained to their end, as scikit-learn's searches have them; splits are folds, or replicates."""
    scores = np.array([trial.scores for trial in own])
    if folds is not None:
        scores = scores.reshape(len(own), -1, folds).mean(1)  # replicates are all folds under one seed, then the next
    names = sorted({name for trial in own for name in trial.params})
    columns: dict[str, Any] = {
        f"param_{name}": np.ma.MaskedArray(
            [trial.params.get(name) for trial in own], mask=[name not in trial.params for trial in own], dtype=object
        )
        for name in names
    }
    columns |= {f"split{seed}_test_score": scores[:, seed] for seed in range(scores.shape[1])}
    return columns | {
        "params": [dict(trial.params) for trial in own],
        "trial": np.array([trial.number for trial in own]),
        "mean_test_score": scores.mean(1),
        "std_test_score": scores.std(1),
        "rank_test_score": rankdata(-scores.mean(1), method="min").astype(np.int32),
        "mean_sparsity": np.array([trial.sparsity for trial in own]),
        "feasible": np.array([trial.feasible for trial in own]),
    }
