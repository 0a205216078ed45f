"""A finished comparison: its verdicts, and the cells behind each figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_spaces import ACTIVATIONS, Hyperparameters
from storage import CohortStorage
from study.comparison.cell_measures import LAYER_TIMES, SCORE, CellMeasures, read_cell_measures
from study.comparison.claims import LEVEL
from study.comparison.contrasts import cells_of, chosen
from study.comparison.verdicts import ClaimVerdict, judge_claims
from study.intervals import Array, corrected_interval
from study.problem import stored_design
from study.records.attributes import CONFIG, DATA, IDENTITY, restored_config
from study.records.measure_keys import MeasureKey, key_on_test
from study.records.open_study import OpenStudy
from study.tasks import CLASSIFICATION, Metric

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
        learning_rate: Step size; None where each replicate's validation part chooses it.
        depth: Hidden layers.
        accuracy: Mean test accuracy, a fraction; in regression r2.
        interval: Corrected resampled t interval of it, 95 %, not simultaneous; None for one seed.
        accuracies: Test accuracy of each replicate.
        near_zero: Mean share of outputs near zero on the test part, over live units, of the replicates that did not
            diverge; NaN where all did.
        diverged: How many replicates diverged; `accuracy` counts each as a constant guess.
        layers: Its hidden layers, first to last; empty where the learning rate is chosen.
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
    diverged: int = 0
    layers: tuple[LayerSummary, ...] = ()


@dataclass(frozen=True)
class ComparisonSummary:
    """A finished comparison.

    Attributes:
        name: The study's name.
        data: Name of its data set.
        seeds: Replicates, each with a split of its own.
        epochs: Passes over the training part.
        ratio: n_test/n_train.
        level: Confidence level of each interval of `verdicts`; together they hold with 95 %.
        machine: Machine that layers were timed on; None where they were not.
        verdicts: One a claim.
        accuracy_by_activation: Each activation at the rate, and the slope, that validation chooses.
        slope_response: Leaky ReLU over its slopes, 0 being ReLU, each at the rate that validation chooses.
        initialization_by_activation: Both crossed, at one rate.
        dropout_by_activation: Both crossed, at one rate.
        depth_by_activation: Both crossed, at one rate.
        failed: Cells that could not be trained, and that no figure has.
        metric: What `accuracy` stands for: the first metric of the task.
    """

    name: str
    data: str
    seeds: int
    epochs: int
    ratio: float
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

    @property
    def seeds_text(self) -> str:
        """How many seeds a mean is over, in words."""
        return f"{self.seeds} seeds, each with a split of its own" if self.seeds > 1 else "one seed"


def summarize(study: OpenStudy) -> ComparisonSummary:
    """Summarizes a finished comparison.

    Args:
        study: The comparison.

    Raises:
        KindError: The study is a search.
        NoResultsError: Cells are still to be trained.
    """
    _ = study.comparison  # refuses a search
    return summarize_stored(study.storage, study.study_id)


def summarize_stored(storage: CohortStorage, study_id: int) -> ComparisonSummary:
    """Summarizes a finished comparison by what its database holds.

    Args:
        storage: Where it lives.
        study_id: Its id.

    Raises:
        NoResultsError: Cells are still to be trained.
    """
    saved = storage.get_study_system_attrs(study_id)
    design, data = stored_design(saved[IDENTITY]), saved[DATA]
    seeds, epochs = saved[CONFIG]["seeds"], saved[CONFIG]["epochs"]
    task = restored_config(saved[CONFIG] | {"threads": None}).what_is_learned
    metric = task.metrics[0]
    measured = read_cell_measures(storage, study_id, design, seeds=seeds, task=task)
    ratio = data["test"] / data["training"]
    activations = design.activations

    def fixed(cells: Callable[[str], Sequence[Hyperparameters]]) -> tuple[CellSummary, ...]:
        return _fixed([cell for name in activations for cell in cells(name)], measured, ratio, metric)

    own = [(None, cells_of(design, name)) for name in activations]
    slopes = [(slope, design.over_rates("leaky_relu", negative_slope=slope)) for slope in design.slopes]
    return ComparisonSummary(
        name=storage.get_study_name_from_id(study_id),
        data=data["name"],
        seeds=seeds,
        epochs=epochs,
        ratio=ratio,
        level=LEVEL,
        machine=saved.get(LAYER_TIMES, {}).get("machine"),
        verdicts=judge_claims(design, measured, ratio, task=task),
        accuracy_by_activation=_chosen(own, measured, ratio, metric),
        slope_response=_chosen(slopes, measured, ratio, metric),
        initialization_by_activation=fixed(design.over_initializations),
        dropout_by_activation=fixed(design.over_dropouts),
        depth_by_activation=fixed(lambda name: [design.cell(name, depth=depth) for depth in design.depths]),
        failed=len(set(design.cells) - set(measured.cells)),
        metric=metric,
    )


def _fixed(
    cells: Sequence[Hyperparameters], measured: CellMeasures, ratio: float, metric: Metric
) -> tuple[CellSummary, ...]:
    """Summaries of cells, each with its layers; cells without results are left out."""
    return tuple(
        CellSummary(
            activation=cell.activation,
            negative_slope=_slope(cell),
            initialization=cell.initialization,
            dropout=cell.dropout,
            learning_rate=cell.learning_rate,
            depth=len(cell.hidden),
            **_accuracy(measured.of(cell, key_on_test(SCORE)), ratio, metric),
            **_sparsity(measured.of(cell, key_on_test("near_zero"))),
            layers=tuple(_layer(cell, layer, measured) for layer in range(len(cell.hidden))),
        )
        for cell in cells
        if cell in measured.cells
    )


def _chosen(
    groups: Sequence[tuple[float | None, Sequence[Hyperparameters]]],
    measured: CellMeasures,
    ratio: float,
    metric: Metric,
) -> tuple[CellSummary, ...]:
    """Summaries of groups of cells, out of which each replicate's validation part chooses one.

    Args:
        groups: The slope of leaky ReLU, or None where it is chosen too, and the cells.
        measured: The measures of all cells.
        ratio: n_test/n_train.
        metric: The first metric of the task.
    """
    return tuple(
        CellSummary(
            activation="leaky_relu" if slope is not None else cells[0].activation,
            negative_slope=slope,
            initialization=cells[0].initialization,
            dropout=cells[0].dropout,
            learning_rate=None,
            depth=len(cells[0].hidden),
            **_accuracy(chosen(measured, cells) / 100.0, ratio, metric),
            **_sparsity(chosen(measured, cells, key_on_test("near_zero")) / 100.0),
        )
        for slope, cells in groups
        if all(cell in measured.cells for cell in cells)
    )


def _accuracy(values: Array, ratio: float, metric: Metric) -> dict[str, Any]:
    """The fields of `CellSummary` that say what a cell reaches, by the first metric of the task."""
    interval = None
    if len(values) > 1:
        _, low, high = corrected_interval(values, ratio, FIGURE_LEVEL)
        interval = (max(metric.worst, float(low)), min(metric.best, float(high)))
    return {"accuracy": float(values.mean()), "interval": interval, "accuracies": tuple(values.tolist())}


def _sparsity(values: Array) -> dict[str, Any]:
    """The fields of `CellSummary` that say how sparse a cell is; a replicate that diverged has no sparsity."""
    return {"near_zero": _mean(values), "diverged": int(np.isnan(values).sum())}


def _layer(cell: Hyperparameters, layer: int, measured: CellMeasures) -> LayerSummary:
    def mean(name: str, *, on_test: bool) -> float:
        return _mean(measured.of(cell, MeasureKey(name, on_test, layer)))

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
