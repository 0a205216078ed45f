"""A search as a scikit-learn estimator: `fit` searches and trains the recommended configuration once more."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from reluctant.interface.database import opened
from reluctant.interface.options import configuration
from reluctant.interface.study import Study
from reluctant.interface.training import train
from reluctant.interface.trial import Trial
from search_spaces import load_space
from study.config import ConfigError, StudyConfig
from study.data.dataset import Dataset, make_dataset
from study.data.prepare import prepare_rows
from study.data.targets import Targets
from study.machine import available_threads
from study.problem import Search
from study.records.open_study import create_or_open
from study.records.own_trials import NoResultsError, OwnTrial
from study.search.from_database import StoredSearch
from study.search.rows import front_rows
from study.training import Budget, fit_networks
from study.training.plain_network import clamped_network

_VALIDATION_SHARE = 0.2


class ReluctantClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Searches activation, slope, initialization and dropout, and predicts with the recommended configuration.

    A fifth of the samples judges the trials; there is no test part, because whoever uses an estimator keeps one. Then
    the recommended configuration is trained once more, on all samples.

    Args:
        trials: Trials of the search in all.
        seeds: Replicates a trial.
        epochs: Passes over the training part.
        space: Search space: a preset, or a TOML file.
        objective: `front`, `weighted` or `accuracy`.
        sparsity_weight: Worth of sparsity in accuracy, for the objective `weighted`.
        metric: The metric that trials are judged by.
        hidden: Units of each hidden layer.
        batch_size: Samples of a step.
        learning_rate: Step size, where the space does not search it.
        refit: Whether the recommended configuration is trained once more on all samples; else the network of the
            search's first replicate predicts.
        time_limit: Seconds after which the search ends with what it has; the result is then no function of
            `random_state` alone.
        storage: SQLite file or SQLAlchemy URL, where the study can be resumed and watched; None: nowhere, it ends with
            this object.
        study_name: Name of the study there; None: one made from its content.
        random_state: Seed, or a `numpy.random.RandomState`; the same one gives the same result.
        n_jobs: Threads; None: one, −1: all cores.
        verbose: Whether progress is shown.

    Attributes:
        classes_: `[C]` labels.
        n_features_in_: F.
        feature_names_in_: `[F]` names of the columns, where X had names.
        recommended_: The recommended trial.
        best_params_: Its searched parameters.
        best_score_: Its mean score on the validation part: the metric, for all objectives but `accuracy` of the
            network whose activations near zero are set to 0, which then is the one that predicts.
        front_: The Pareto front, the recommended trial and the baseline, one row each.
        cv_results_: All finished trials, in the form of scikit-learn's searches; splits are replicates.
        n_iter_: Passes over the training part of the network that predicts.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> model = ReluctantClassifier(trials=4, seeds=1, epochs=20, learning_rate=0.01, random_state=0)
        >>> bool(model.fit(*load_iris(return_X_y=True)).score(*load_iris(return_X_y=True)) > 0.9)
        True
    """

    def __init__(
        self,
        *,
        trials: int = 64,
        seeds: int = 3,
        epochs: int = 30,
        space: str = "core",
        objective: str = "front",
        sparsity_weight: float = 0.1,
        metric: str = "accuracy",
        hidden: int | Sequence[int] = (64, 64),
        batch_size: int = 64,
        learning_rate: float = 0.001,
        refit: bool = True,
        time_limit: float | None = None,
        storage: str | None = None,
        study_name: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.trials = trials
        self.seeds = seeds
        self.epochs = epochs
        self.space = space
        self.objective = objective
        self.sparsity_weight = sparsity_weight
        self.metric = metric
        self.hidden = hidden
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.refit = refit
        self.time_limit = time_limit
        self.storage = storage
        self.study_name = study_name
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:
        """Searches, and trains the recommended configuration.

        Args:
            X: `[N, F]` numbers; missing ones may be NaN.
            y: `[N]` labels.

        Raises:
            ConfigError: A parameter makes no sense.
            NoResultsError: The time limit ended the search before a trial was finished.
        """
        x, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]!r}; two or more are needed to learn anything")
        config = self._config()
        dataset = _dataset(x, codes, [str(name) for name in self.classes_], config.seed)
        place = self._place()
        problem = _reachable(Search(config.model_copy(update={"storage": place}), dataset, load_space(config.space)))
        study = opened(place, lambda storage: create_or_open(problem, storage))
        self.study_ = Study(study, progress=bool(self.verbose))
        train(study, progress=bool(self.verbose))
        self._read_results(problem)
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """`[N]` labels."""
        check_is_fitted(self)
        labels: npt.NDArray[Any] = self.classes_[self.predict_proba(X).argmax(1)]
        return labels

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """`[N, C]` class probabilities."""
        import torch

        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        features = self._preprocessing(_table(x)).double()
        with torch.inference_mode():
            probabilities: npt.NDArray[np.float64] = self._network(features).softmax(1).numpy()
        return probabilities

    def _config(self) -> StudyConfig:
        threads = 1 if self.n_jobs is None else available_threads() if self.n_jobs < 0 else self.n_jobs
        options: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("trials", "seeds", "epochs", "space", "objective", "metric", "hidden", "batch_size")
        }
        if self.objective == "weighted":
            options["sparsity_weight"] = self.sparsity_weight
        return configuration(
            options
            | {
                "learning_rate": self.learning_rate,
                "timeout": self.time_limit,
                "name": self.study_name,
                "seed": int(check_random_state(self.random_state).randint(2**31)),
                "threads": min(threads, available_threads()),
                # Small enough that most trials are proposed by what earlier ones have shown.
                "cohort": max(4, min(32, int(self.trials) // 8)),
            }
        )

    def _place(self) -> str:
        if self.storage is not None:
            return str(self.storage)
        folder = tempfile.TemporaryDirectory(prefix="reluctant-")
        weakref.finalize(self, folder.cleanup)
        return str(Path(folder.name) / "study.db")

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
        self.cv_results_ = _cv_results(own)
        self.n_iter_ = problem.config.epochs
        prepared = problem.prepared[0]
        if self.refit:
            prepared = prepare_rows(problem.dataset, np.arange(len(problem.dataset)), prepared.rows.validation)
        budget = Budget(
            epochs=problem.config.epochs,
            seeds=1,
            batch_size=problem.config.batch_size,
            optimizer=problem.config.optimizer,
        )
        clamp = problem.config.clamps
        outcome, (network,) = fit_networks(chosen.hyperparameters, prepared.split, budget, problem.streams, clamp=clamp)
        if clamp and not outcome.diverged:
            network = clamped_network(network, outcome.replicates[0])
        self._network, self._preprocessing = network.double(), prepared.preprocessing

    def __getstate__(self) -> dict[str, Any]:
        """All but the connection to the database."""
        return {name: value for name, value in super().__getstate__().items() if name != "study_"}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.time_limit is not None
        return tags


def _reachable(problem: Search) -> Search:
    """The problem; without a floor where a constant guess is right on all of a few samples, and cannot be beaten."""
    try:
        _ = problem.judge
    except ConfigError:
        return replace(problem, config=problem.config.model_copy(update={"min_accuracy": 0.0}))
    return problem


def _table(x: npt.NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame(x, columns=[f"x{index}" for index in range(x.shape[1])])


def _dataset(x: npt.NDArray[np.float64], codes: npt.NDArray[np.int64], classes: list[str], seed: int) -> Dataset:
    """The samples with a validation part, in which small classes have no member, and without a test part."""
    counts = np.bincount(codes)
    # A class of few samples stays in training; one of them alone can teach nothing about it.
    divisible = np.flatnonzero(counts[codes] > 3)
    if len(divisible) < 2 * len(counts):
        divisible = np.arange(len(codes))
    wanted = max(1, round(_VALIDATION_SHARE * len(codes)))
    groups, members = np.unique(codes[divisible], return_counts=True)
    stratified = wanted >= len(groups) and len(divisible) - wanted >= len(groups) and members.min() > 1
    _, validation = train_test_split(
        divisible,
        test_size=min(wanted, len(divisible) - 1),
        random_state=seed % 2**32,
        stratify=codes[divisible] if stratified else None,
    )
    return make_dataset(
        name="arrays",
        origin="memory:arrays",
        x=_table(x),
        targets=Targets(codes.astype(np.int64), tuple(classes)),
        test_rows=np.array([], dtype=np.int64),
        validation_rows=np.sort(validation),
    )


def _cv_results(own: Sequence[OwnTrial]) -> dict[str, Any]:
    """Finished trials as scikit-learn's searches have them."""
    scores = np.array([trial.scores for trial in own])
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
