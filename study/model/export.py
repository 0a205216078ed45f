"""From a recorded trial to a model: trained once more, checked against the record, written."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd
import torch
from optuna.trial import TrialState
from torch import nn

from reluctant.errors import ReluctantWarning
from search_spaces import ACTIVATIONS
from search_spaces.user_networks.replacing import set_small_activations_to_zero
from study.config import StudyConfig
from study.data import Dataset, Split
from study.model.folder import Model, ModelConfig, ModelError, Quantity, save_model
from study.model.how_to_read import how_to_read
from study.model.layers import layers_of
from study.model.plain import plain
from study.model.user_network import NetworkConfig, files_of
from study.problem import Search
from study.records.attributes import installed_versions
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError, OwnTrial
from study.search.from_database import StoredSearch
from study.search.retraining import retrained_networks
from study.tasks import METRICS, Regression, Task, clamped
from study.training import Outcome, Sizes
from study.training.engines.modules.network_layers import place_paths
from study.training.outcome import CLAMP_THRESHOLD, CLAMPED_ZEROS
from study.training.plain_network import clamped_network, outputs_of

BEST = "best"
_LEVEL = 0.95
"""Of the interval around a prediction of a regression."""


def export_model(
    study: OpenStudy, trial: str, folder: str, *, clamp: bool = False, stop: Callable[[], bool] = lambda: False
) -> tuple[Path, ModelConfig]:
    """Trains a recorded trial once more, and writes the network of its best replicate as a folder.

    Args:
        study: The study.
        trial: As for `train_model`.
        folder: A new folder.
        clamp: As for `train_model`.
        stop: As for `train_model`.

    Returns:
        The folder, and the content of its `config.json`.

    Raises:
        ModelError: As for `train_model`, or the folder cannot be written.
        KindError, NoResultsError, Interrupted: As for `train_model`.
    """
    model = train_model(study, trial, clamp=clamp, stop=stop)
    return save_model(model, folder), model.config


def train_model(
    study: OpenStudy, trial: str, *, clamp: bool = False, stop: Callable[[], bool] = lambda: False
) -> Model:
    """Trains a recorded trial once more; the model is the network of its best replicate.

    Common random numbers make the second training exact. Where the recorded validation metric does not come out
    again, a warning says so; the model is then the one that was trained now.

    Args:
        study: The study.
        trial: `best`, which `reluctant front` recommends, or a trial's number.
        clamp: Whether activations up to the threshold of their layer are set to 0, by a `torch.nn.Hardshrink` behind
            every activation; else the network is as it was trained.
        stop: Asked at every step of training.

    Raises:
        KindError: The study is a comparison.
        ModelError: There is no such trial, it diverged, or its activation is no layer of torch.
        ConfigError: A file that a user's network imports cannot be copied.
        NoResultsError: No trial is feasible.
        Interrupted: `stop` said so.
    """
    problem = study.search
    config = problem.config
    search = StoredSearch.of(study)
    own = search.own_trials()
    chosen = _find_trial(search, own, trial)
    check_exportable(chosen)
    if (user := problem.architecture.user) is not None:
        files_of(user.source)
    outcome, networks = retrained_networks(problem, chosen, read_test=True, clamp=True, stop=stop)
    _warn_of_differences(chosen, outcome, config)
    replicate = _best_replicate(problem, outcome, chosen.number, clamp=clamp)
    network = networks[replicate]
    prepared = problem.prepared_for(replicate)
    sizes = Sizes.of(prepared.split, task=problem.task)
    thresholds = [layer[CLAMP_THRESHOLD] for layer in outcome.replicates[replicate].layers[:-1]] if clamp else []
    own_network = None
    if user is not None:
        shape, outputs = sizes.input_shape, sizes.outputs
        paths = place_paths(problem.architecture, chosen.hyperparameters, shape, outputs)
        of_paths = dict(zip(paths, thresholds, strict=True)) if clamp else {}
        own_network = NetworkConfig.of(user, chosen.hyperparameters, shape, outputs, of_paths)
        set_small_activations_to_zero(network, of_paths)
    else:
        assert isinstance(network, nn.Sequential)  # as the architectures of ours build it
        # Layers are numbered in a model's folder, whatever their names are.
        network = clamped_network(network, outcome.replicates[replicate]) if clamp else nn.Sequential(*network).eval()
    dataset = problem.dataset
    model_config = ModelConfig(
        **how_to_read(dataset),
        kind="table" if isinstance(dataset.x, pd.DataFrame) else "pixels",
        columns=_columns(dataset, prepared.preprocessing.features),
        target=dataset.target,
        classes=dataset.classes,
        quantity=_quantity(problem.task, prepared.split, network),
        layers=tuple(layers_of(network)) if isinstance(network, nn.Sequential) and user is None else (),
        input_shape=() if prepared.preprocessing.image is None and user is None else sizes.input_shape,
        image=dataset.image,
        network=own_network,
        origin=_origin(study, chosen, outcome, replicate, clamp=clamp) | _recommendation(search, own, chosen),
    )
    return Model(model_config, network, plain(prepared.preprocessing), None if user is None else user.source)


def _find_trial(search: StoredSearch, own: Sequence[OwnTrial], trial: str) -> OwnTrial:
    """The trial that `--trial` names, one of a search's own."""
    if trial == BEST:
        return search.front(own).recommended
    try:
        number = int(trial)
    except ValueError:
        raise ModelError(f"--trial is {trial!r}; it needs `{BEST}`, or a trial's number") from None
    for each in own:
        if each.number == number:
            return each
    trials = search.storage.read_trials(search.study_id, attributes=())
    found = next((each for each in trials if each.number == number), None)
    if found is None:
        raise ModelError(
            f"study {search.name!r} has no trial {number}; it has {len(trials)}, counted from 0; "
            f"choose one, or `--trial {BEST}`"
        )
    if found.state is TrialState.PRUNED:
        raise ModelError(
            f"trial {number} of {search.name!r} was stopped early, so that it has no network; choose another --trial, "
            "or enqueue its parameters with Optuna, which trains them to the end"
        )
    state = found.state.name.lower() if found.state is not TrialState.COMPLETE else "not trained by this study"
    raise ModelError(f"trial {number} of {search.name!r} is {state}; a finished trial of the study is needed")


def check_exportable(trial: OwnTrial) -> None:
    """Refuses a trial whose network has layers that torch does not have.

    Raises:
        ModelError: Its activation is such a layer.
    """
    activation = trial.hyperparameters.activation
    if not ACTIVATIONS[activation].is_torch_layer:
        raise ModelError(
            f"trial {trial.number} uses {activation}, which is no layer of torch.nn; a model has to load without "
            "reluctant; choose another --trial"
        )


def _warn_of_differences(trial: OwnTrial, outcome: Outcome, config: StudyConfig) -> None:
    """Warns where the second training did not reach the recorded scores, and where the trial is not feasible."""
    recorded = {config.metric: trial.plain_scores, config.score: trial.scores}
    for name, scores in recorded.items():
        values = [config.judged_by.value(score) for score in scores]
        if scores and outcome.values(name) != values:
            warnings.warn(
                f"trained again, trial {trial.number} did not reach exactly the recorded validation {name} "
                f"({fmean(values):.6f} recorded, {outcome.mean(name):.6f} now); another processor or library "
                "version gives other last digits; the model is the one that was trained now",
                ReluctantWarning,
                stacklevel=3,
            )
    if not trial.feasible:
        warnings.warn(
            f"trial {trial.number} is not feasible: a seed of it does not beat the floor",
            ReluctantWarning,
            stacklevel=3,
        )


def _best_replicate(problem: Search, outcome: Outcome, number: int, *, clamp: bool) -> int:
    """The replicate of the best validation metric of the exported network; among equals, of the lowest loss.

    Under cross-validation scores are compared by what they gain over a constant guess on their own fold, for some folds
    are easier than others; where folds follow each other in time, the last one has the most data, and is taken.
    """
    config = problem.config
    metric, loss = METRICS[config.metric], config.what_is_learned.loss_name
    name, loss = (metric.clamped_name, clamped(loss)) if clamp else (metric.name, loss)
    sound = [index for index, replicate in enumerate(outcome.replicates) if not replicate.diverged]
    if not sound:
        raise ModelError(f"trial {number} diverged in every replicate, and left no network; choose another --trial")
    scores = [replicate.scores for replicate in outcome.replicates]
    if config.time is not None and config.cv is not None:
        sound = [index for index in sound if index % config.cv == config.cv - 1] or sound

    def guess(index: int) -> float:
        if config.cv is None:
            return 0.0
        split = problem.prepared_for(index).split
        return metric.constant_guess(split.training, split.validation, problem.task.outputs(split))

    return max(sound, key=lambda index: (metric.sign * (scores[index][name] - guess(index)), -scores[index][loss]))


def _quantity(task: Task, split: Split, network: nn.Module) -> Quantity | None:
    """What a prediction is in regression, with quantiles of the residuals on the validation part; else None.

    The quantiles are those of split conformal prediction (Lei et al. 2018): the interval around a prediction covers a
    new sample of the same kind with the probability `_LEVEL`, but for what the choice of the trial took from it. A
    small validation part has not that many residuals: between its smallest and its largest lies a new one with the
    probability (n − 1)/(n + 1).
    """
    fitted = task.fitted(split)
    if not isinstance(fitted, Regression):
        return None
    with torch.inference_mode():
        residuals = split.validation.y - fitted.predict(outputs_of(network, split.validation.x)[None])[0]
    count = len(residuals)
    tail = math.floor((1.0 - _LEVEL) / 2.0 * (count + 1))
    ordered = residuals.sort().values
    below, above = (float(ordered[place]) for place in (max(0, tail - 1), min(count - 1, count - tail)))
    level = min(_LEVEL, (count - 1) / (count + 1))
    return Quantity(center=fitted.center, scale=fitted.scale, below=below, above=above, level=level)


def _columns(dataset: Dataset, features: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(dataset.x, pd.DataFrame):
        return {str(name): str(column.dtype) for name, column in dataset.x.items()}
    return dict.fromkeys(features, "float32")


def _recommendation(search: StoredSearch, own: Sequence[OwnTrial], trial: OwnTrial) -> dict[str, str]:
    """What the recommendation of a trial rests on; nothing where another one is recommended."""
    try:
        front = search.front(own)
    except NoResultsError:
        return {}
    return {"recommendation": front.basis} if front.recommended.number == trial.number else {}


def _origin(study: OpenStudy, trial: OwnTrial, outcome: Outcome, replicate: int, *, clamp: bool) -> dict[str, Any]:
    """Study, trial, hyperparameters, scores and versions that the model comes from."""
    problem = study.search
    config = problem.config
    scores, metric = outcome.replicates[replicate].scores, METRICS[config.metric]
    # First those of the network that is exported.
    of_both = [metric.clamped_name, metric.name] if clamp else [metric.name, *([config.score] if config.clamps else [])]
    sparsities = dict.fromkeys([*([CLAMPED_ZEROS] if clamp else []), config.sparsity])
    shown = trial.hyperparameters.values
    if not ACTIVATIONS[trial.hyperparameters.activation].has_slope:
        del shown["negative_slope"]
    return {
        "study": study.name,
        "trial": trial.number,
        "replicate": replicate,
        "replicates": config.replicates,
        **({} if config.cv is None else {"fold": replicate % config.cv + 1, "folds": config.cv}),
        "data": problem.dataset.name,
        "fingerprint": problem.dataset.fingerprint,
        "hyperparameters": shown
        | {name: getattr(config, name) for name in ("optimizer", "epochs", "batch_size", "seed")},
        "clamped": clamp,
        "scores": {
            key: value
            for name in of_both
            for key, value in (
                (f"validation_{name}", scores[name]),
                (f"test_{name}", scores[f"test_{name}"]),
                (f"mean_validation_{name}", outcome.mean(name)),
                (f"mean_test_{name}", outcome.mean(f"test_{name}")),
            )
        }
        | {name: scores[name] for name in sparsities},
        "versions": installed_versions(),
    }
