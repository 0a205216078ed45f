"""From a recorded trial to a model: trained once more, checked against the record, written."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.trial import FrozenTrial, TrialState
from torch import nn

from reluctant.errors import ReluctantWarning
from search_spaces import ACTIVATIONS, Hyperparameters
from study.config import digest
from study.data import Dataset
from study.model.folder import Model, ModelConfig, ModelError, layers_of, save_model
from study.model.plain import plain
from study.records.attributes import IDENTITY_DIGEST, installed_versions
from study.records.open_study import OpenStudy
from study.search.front import Candidate, find_front
from study.training import Outcome, fit_networks

BEST = "best"


def export_model(
    study: OpenStudy, trial: str, folder: str, *, stop: Callable[[], bool] = lambda: False
) -> tuple[Path, ModelConfig]:
    """Trains a recorded trial once more and writes the network of its best replicate as a folder.

    Common random numbers make the second training exact. Where the recorded validation metric does not come out
    again, a warning says so; the model is then the one that was trained now.

    Args:
        study: The study.
        trial: `best`, which `reluctant front` recommends, or a trial's number.
        folder: A new folder.
        stop: Asked at every step of training.

    Returns:
        The folder, and what the model says of itself.

    Raises:
        KindError: The study is a comparison.
        ModelError: There is no such trial, it diverged, or the folder cannot be written.
        NoResultsError: No trial is feasible.
        Interrupted: `stop` said so.
    """
    problem, config = study.problem, study.problem.config
    study.need_search()
    candidate = _chosen(study, trial, study.storage.read_trials(study.study_id))
    hyperparameters = problem.space.hyperparameters(candidate.params, problem.defaults)
    outcome, networks = fit_networks(
        hyperparameters,
        problem.split,
        problem.budget,
        problem.streams,
        read_test=True,
        stop=stop,
        **problem.hardware,
    )
    _compare(candidate, outcome, config.metric)
    replicate = _best_replicate(outcome, config.metric, candidate.number)
    network = networks[replicate]
    assert isinstance(network, nn.Sequential)  # as the architecture `mlp` builds it
    dataset, preprocessing = problem.dataset, problem.prepared[0].preprocessing
    described = ModelConfig(
        kind="table" if isinstance(dataset.x, pd.DataFrame) else "pixels",
        columns=_columns(dataset, preprocessing.features),
        target=dataset.target,
        classes=dataset.classes,
        layers=tuple(layers_of(network)),
        origin=_origin(study, candidate, hyperparameters, outcome, replicate),
    )
    return save_model(Model(described, network, plain(preprocessing)), folder), described


def _chosen(study: OpenStudy, trial: str, trials: list[FrozenTrial]) -> Candidate:
    config, identity = study.problem.config, digest(study.problem.identity)
    if trial == BEST:
        return find_front(trials, config, study.name, identity).recommended
    try:
        number = int(trial)
    except ValueError:
        raise ModelError(f"--trial is {trial!r}; it needs `{BEST}`, or a trial's number") from None
    found = next((each for each in trials if each.number == number), None)
    if found is None:
        raise ModelError(
            f"study {study.name!r} has no trial {number}; it has {len(trials)}, counted from 0; "
            f"choose one, or `--trial {BEST}`"
        )
    if found.state is not TrialState.COMPLETE or found.system_attrs.get(IDENTITY_DIGEST) != identity:
        state = found.state.name.lower() if found.state is not TrialState.COMPLETE else "not trained by this study"
        raise ModelError(f"trial {number} of {study.name!r} is {state}; a finished trial of the study is needed")
    return Candidate.of(found, config)


def _compare(candidate: Candidate, outcome: Outcome, metric: str) -> None:
    if tuple(outcome.values(metric)) != candidate.accuracies:
        warnings.warn(
            f"trained again, trial {candidate.number} did not reach exactly the recorded validation {metric} "
            f"({candidate.accuracy:.6f} recorded, {outcome.mean(metric):.6f} now); another processor or library "
            "version gives other last digits; the model is the one that was trained now",
            ReluctantWarning,
            stacklevel=3,
        )
    if not candidate.feasible:
        warnings.warn(
            f"trial {candidate.number} is not feasible: a seed of it does not beat the floor",
            ReluctantWarning,
            stacklevel=3,
        )


def _best_replicate(outcome: Outcome, metric: str, number: int) -> int:
    """The replicate of the best validation metric; among equals, of the lowest validation log loss."""
    sound = [index for index, replicate in enumerate(outcome.replicates) if not replicate.diverged]
    if not sound:
        raise ModelError(f"trial {number} diverged in every replicate, and left no network; choose another --trial")
    scores = [replicate.scores for replicate in outcome.replicates]
    return max(sound, key=lambda index: (scores[index][metric], -scores[index]["log_loss"]))


def _columns(dataset: Dataset, features: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(dataset.x, pd.DataFrame):
        return {str(name): str(column.dtype) for name, column in dataset.x.items()}
    return dict.fromkeys(features, "float32")


def _origin(
    study: OpenStudy, candidate: Candidate, hyperparameters: Hyperparameters, outcome: Outcome, replicate: int
) -> dict[str, Any]:
    problem, config = study.problem, study.problem.config
    scores, metric = outcome.replicates[replicate].scores, config.metric
    shown = asdict(hyperparameters)
    if ACTIVATIONS[hyperparameters.activation].slope == "none":
        del shown["negative_slope"]
    return {
        "study": study.name,
        "trial": candidate.number,
        "replicate": replicate,
        "replicates": config.seeds,
        "data": problem.dataset.name,
        "fingerprint": problem.dataset.fingerprint,
        "hyperparameters": shown
        | {name: getattr(config, name) for name in ("optimizer", "epochs", "batch_size", "seed")},
        "scores": {
            f"validation_{metric}": scores[metric],
            f"test_{metric}": scores[f"test_{metric}"],
            f"mean_validation_{metric}": outcome.mean(metric),
            f"mean_test_{metric}": outcome.mean(f"test_{metric}"),
            config.sparsity: scores[config.sparsity],
        },
        "versions": installed_versions(),
    }
