"""A finished comparison: its verdicts, and the cells behind each figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.claim_cells import arms_of_claims
from search_spaces.design import Arm, Design
from storage import CohortStorage
from study.comparison.cell_measures import LAYER_TIMES, CellMeasures, read_cell_measures
from study.comparison.claims import level_of
from study.comparison.contrasts import arms_of
from study.comparison.correlation import variance_ratio
from study.comparison.readings import TEST_ACCURACY, Reading, mean_of, rates_at_edges, readings, select
from study.comparison.verdicts import ClaimVerdict, judge_claims
from study.config import Variance
from study.intervals import Array, corrected_interval
from study.problem import stored_design
from study.records.attributes import CONFIG, DATA, IDENTITY, OFFICIAL_TEST, restored_config
from study.records.measure_keys import MeasureKey, key_on_test
from study.records.open_study import OpenStudy
from study.tasks import CLASSIFICATION, Metric
from study.wording import epochs_text

if TYPE_CHECKING:
    from study.comparison.with_evidence import WithEvidence

FIGURE_LEVEL = 0.95


@dataclass(frozen=True)
class LayerSummary:
    """Means of one hidden layer's measures over replicates.

    Attributes:
        layer: Its number, from 0 at the input.
        near_zero: Share of outputs near zero on the test part, over live units.
        zeros: Share of outputs that are exactly 0 on the test part, over all units.
        dead: Share of units that are 0 on every measured test sample.
        saturation: Share of saturated outputs on the test part.
        gradient_norm_start: Norm of the loss' gradient by its weights before training, on the validation part.
        gradient_norm_end: The same after training.
    """

    layer: int
    near_zero: float
    zeros: float
    dead: float
    saturation: float
    gradient_norm_start: float
    gradient_norm_end: float


@dataclass(frozen=True)
class CellSummary:
    """One point of a figure.

    Attributes:
        activation: Activation.
        negative_slope: Its slope, where it has one; None too where the slope is chosen by validation.
        initialization: Initialization.
        dropout: Dropout rate.
        learning_rate: Step size; None where each split's validation part tunes it.
        depth: Hidden layers; of convolutional networks, blocks.
        accuracy: Mean test accuracy, a fraction; in regression r2.
        interval: Corrected resampled t interval of it, 95 %, not simultaneous; None for one seed.
        accuracies: Test accuracy of each split.
        near_zero: Mean share of outputs near zero on the test part, over live units, of the replicates that did not
            diverge; NaN where all did.
        networks: How many networks it is of: those of all its cells.
        diverged: How many of them diverged; `accuracy` counts each as a constant guess.
        layers: Its hidden layers, first to last; empty where the learning rate is tuned.
    """

    activation: str
    negative_slope: float | None
    initialization: str
    dropout: float
    learning_rate: float | None
    depth: int
    accuracy: float
    interval: tuple[float, float] | None
    accuracies: tuple[float, ...]
    near_zero: float
    networks: int = 0
    diverged: int = 0
    layers: tuple[LayerSummary, ...] = ()


@dataclass(frozen=True)
class ComparisonSummary:
    """A finished comparison.

    Attributes:
        name: The study's name.
        data: Name of its data set.
        seeds: Splits; every seed has one of its own.
        streams: Random streams under which each cell was trained on every split; 1 in comparisons of version 0.1, which
            choose and read on the same networks.
        rates: The learning rates that arms are tuned to.
        at_edges: Shares of the tuned learning rates that are the lowest and the highest of these.
        epochs: Passes over the training part, at most.
        ratio: n_test/n_train.
        variance: Where the correlation of replicates is taken from.
        level: Confidence level of each simultaneous interval of `verdicts`.
        machine: Machine that layers were timed on; None where they were not.
        verdicts: One a claim.
        accuracy_by_activation: Each activation at the slope that validation chooses.
        slope_response: Leaky ReLU over its slopes, 0 being ReLU.
        initialization_by_activation: Both crossed.
        dropout_by_activation: Both crossed.
        depth_by_activation: Both crossed, at one learning rate.
        failed: Cells that could not be trained, and that no figure has.
        metric: What `accuracy` stands for: the first metric of the task.
        official_test: Whether all seeds have one test part, which comes with the data.
        patience: A network ended so many epochs after its best one; None: it was trained for all of them.
        reduced: What the reduced design has, in words; empty where the designs are those of perceptrons.
        with_evidence: The claims with the evidence of other data sets; None where nobody asked.
    """

    name: str
    data: str
    seeds: int
    streams: int
    rates: tuple[float, ...]
    at_edges: tuple[float, float]
    epochs: int
    ratio: float
    variance: Variance
    level: float
    machine: str | None
    verdicts: tuple[ClaimVerdict, ...]
    accuracy_by_activation: tuple[CellSummary, ...]
    slope_response: tuple[CellSummary, ...]
    initialization_by_activation: tuple[CellSummary, ...]
    dropout_by_activation: tuple[CellSummary, ...]
    depth_by_activation: tuple[CellSummary, ...]
    failed: int = 0
    metric: Metric = CLASSIFICATION.metrics[0]
    official_test: bool = False
    patience: int | None = None
    reduced: str = ""
    with_evidence: WithEvidence | None = None

    @property
    def epochs_text(self) -> str:
        """For how many epochs a network was trained, in words."""
        return epochs_text(self.epochs, self.patience)

    @property
    def seeds_text(self) -> str:
        """How many seeds a mean is over, in words, and what they have of their own."""
        own = "training and validation parts" if self.official_test else "a split"
        return f"{self.seeds} seeds, each with {own} of its own" if self.seeds > 1 else "one seed"


def summarize(study: OpenStudy) -> ComparisonSummary:
    """Summarizes a finished comparison.

    Args:
        study: The comparison.

    Raises:
        KindError: The study is a search.
        NoResultsError: Cells are still to be trained.
    """
    _ = study.comparison  # refuses a search
    return summarize_stored(study.storage, study.study_id, variance=study.problem.config.variance)


def summarize_stored(storage: CohortStorage, study_id: int, *, variance: Variance | None = None) -> ComparisonSummary:
    """Summarizes a finished comparison by what its database holds.

    Args:
        storage: Where it lives.
        study_id: Its id.
        variance: Where the correlation of replicates is taken from; None: as its last run asked for.

    Raises:
        NoResultsError: Cells are still to be trained.
    """
    saved = storage.get_study_system_attrs(study_id)
    design, data = stored_design(saved[IDENTITY]), saved[DATA]
    seeds, epochs = saved[CONFIG]["seeds"], saved[CONFIG]["epochs"]
    task = restored_config(saved[CONFIG] | {"threads": None}).what_is_learned
    metric = task.metrics[0]
    measured = read_cell_measures(storage, study_id, design, seeds=seeds, task=task)
    ratio, chosen = data["test"] / data["training"], variance or saved[CONFIG].get("variance", "measured")
    activations = design.activations
    own = [(None, arms_of(design, name)) for name in activations]
    slopes = [(slope, [arm]) for slope, arm in zip(design.slopes, design.over_slopes(), strict=True)]
    initialized = [arm for name in design.initialized for arm in design.over_initializations(name)]
    dropped = [arm for name in design.dropped for arm in design.over_dropouts(name)]
    return ComparisonSummary(
        name=storage.get_study_name_from_id(study_id),
        data=data["name"],
        seeds=seeds,
        streams=design.streams,
        rates=design.learning_rates,
        at_edges=_at_edges(
            design,
            measured,
            [arm for _, arms in (*own, *slopes) for arm in arms] + initialized + dropped + arms_of_claims(design),
        ),
        epochs=epochs,
        patience=saved[CONFIG].get("patience"),
        ratio=ratio,
        variance=chosen,
        level=level_of(len(design.claims)),
        machine=saved.get(LAYER_TIMES, {}).get("machine"),
        verdicts=judge_claims(design, measured, lambda kind: variance_ratio(kind, chosen, ratio), task=task),
        accuracy_by_activation=_points(own, measured, ratio, metric),
        slope_response=_points(slopes, measured, ratio, metric),
        initialization_by_activation=_points([(None, [arm]) for arm in initialized], measured, ratio, metric),
        dropout_by_activation=_points([(None, [arm]) for arm in dropped], measured, ratio, metric),
        depth_by_activation=_points(
            [(None, [(design.cell(name, depth=depth),)]) for name in activations for depth in design.depths],
            measured,
            ratio,
            metric,
        ),
        failed=len(set(design.cells) - set(measured.trained)),
        metric=metric,
        official_test=data.get(OFFICIAL_TEST, False),
        reduced=design.reduced_text,
    )


def _at_edges(design: Design, measured: CellMeasures, arms: Sequence[Arm]) -> tuple[float, float]:
    """The shares of tuned rates at either edge, over the arms whose cells all have results."""
    there = [arm for arm in dict.fromkeys(arms) if all(cell in measured.trained for cell in arm)]
    return rates_at_edges(design, measured, there)


def _points(
    groups: Sequence[tuple[float | None, Sequence[Arm]]], measured: CellMeasures, ratio: float, metric: Metric
) -> tuple[CellSummary, ...]:
    """Summaries of groups of arms, out of which validation chooses one; groups without results are left out.

    Args:
        groups: The slope of leaky ReLU where the group is of that slope, or None, and the arms.
        measured: The measures of all cells.
        ratio: n_test/n_train.
        metric: The first metric of the task.
    """
    return tuple(
        _point(slope, arms, measured, ratio, metric)
        for slope, arms in groups
        if all(cell in measured.trained for arm in arms for cell in arm)
    )


def _point(
    slope: float | None, arms: Sequence[Arm], measured: CellMeasures, ratio: float, metric: Metric
) -> CellSummary:
    cell = arms[0][0]
    single = cell if len(arms) == len(arms[0]) == 1 else None
    return CellSummary(
        activation="leaky_relu" if slope is not None else cell.activation,
        negative_slope=slope if single is None or slope is not None else _slope(cell),
        initialization=cell.initialization,
        dropout=cell.dropout,
        learning_rate=None if single is None else cell.learning_rate,
        depth=cell.depth,
        **_accuracy(_read(arms, measured, TEST_ACCURACY) / 100.0, ratio, metric),
        near_zero=_mean(_read(arms, measured, key_on_test("near_zero"))) / 100.0,
        **_diverged(arms, measured),
        layers=() if single is None else tuple(_layer(single, layer, measured) for layer in range(cell.layers)),
    )


def _read(arms: Sequence[Arm], measured: CellMeasures, key: str) -> Array:
    """`[R]` a measure, in per cent, of the arm that validation chooses, in the mean over the turns of the streams."""

    def value(reading: Reading) -> Array:
        return reading.value(arms[0], key) if len(arms) == 1 else select(reading.values(arms, key), reading.best(arms))

    return mean_of([value(reading) for reading in readings(measured)])


def _accuracy(values: Array, ratio: float, metric: Metric) -> dict[str, Any]:
    """The fields of `CellSummary` that say what a cell reaches, by the first metric of the task."""
    interval = None
    if len(values) > 1:
        _, low, high = corrected_interval(values, ratio, FIGURE_LEVEL)
        interval = (max(metric.worst, float(low)), min(metric.best, float(high)))
    return {"accuracy": float(values.mean()), "interval": interval, "accuracies": tuple(values.tolist())}


def _diverged(arms: Sequence[Arm], measured: CellMeasures) -> dict[str, Any]:
    """The fields of `CellSummary` that count networks; one that diverged has no sparsity."""
    key, cells = key_on_test("near_zero"), [cell for arm in arms for cell in arm]
    values = np.concatenate([stream.stack(cells, key) for stream in measured.streams])
    return {"networks": values.size, "diverged": int(np.isnan(values).sum())}


def _layer(cell: Hyperparameters, layer: int, measured: CellMeasures) -> LayerSummary:
    def mean(name: str, *, on_test: bool) -> float:
        key = MeasureKey(name, on_test, layer)
        return _mean(np.concatenate([stream.of(cell, key) for stream in measured.streams]))

    return LayerSummary(
        layer=layer,
        near_zero=mean("near_zero", on_test=True),
        zeros=mean("raw_zeros", on_test=True),
        dead=mean("dead", on_test=True),
        saturation=mean("saturation", on_test=True),
        gradient_norm_start=mean("gradient_norm_start", on_test=False),
        gradient_norm_end=mean("gradient_norm_end", on_test=False),
    )


def _mean(values: Array) -> float:
    """Mean of the values that are not NaN."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")


def _slope(cell: Hyperparameters) -> float | None:
    return cell.negative_slope if ACTIVATIONS[cell.activation].has_slope else None
