"""A finished comparison: its findings, and the cells behind each figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_spaces import ACTIVATIONS, Hyperparameters
from storage import CohortStorage
from study.comparison.cell_measures import CLOCK, Measured, read_measured
from study.comparison.claims import LEVEL
from study.comparison.contrasts import cells_of, chosen
from study.comparison.verdicts import Finding, find
from study.intervals import Array, corrected_interval
from study.problem import stored_design
from study.records.attributes import CONFIG, DATA, IDENTITY
from study.records.open_study import OpenStudy

FIGURE_LEVEL = 0.95


@dataclass(frozen=True)
class LayerSummary:
    """Means over replicates of one hidden layer.

    Attributes:
        layer: Its number, from 0 at the input.
        near_zero: Share of outputs near zero on the test part, over live units.
        zeros: Share of outputs that are exactly 0 on the test part, over all units.
        dead: Share of units that are 0 on every test sample.
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
        accuracy: Mean test accuracy, a fraction.
        interval: Corrected resampled t interval of it, 95 %, not simultaneous; None for one seed.
        accuracies: Test accuracy of each replicate.
        near_zero: Mean share of outputs near zero on the test part, over live units.
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
    layers: tuple[LayerSummary, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        name: The study's name.
        data: Name of its data set.
        seeds: Replicates, each with a split of its own.
        epochs: Passes over the training part.
        ratio: n_test/n_train.
        level: Confidence level of each interval of `findings`; together they hold with 95 %.
        machine: What layers were timed on; None where they were not.
        findings: One a claim.
        accuracy_by_activation: Each activation at the rate, and the slope, that validation chooses.
        slope_response: Leaky ReLU over its slopes, 0 being ReLU, each at the rate that validation chooses.
        initialization_by_activation: Both crossed, at one rate.
        dropout_by_activation: Both crossed, at one rate.
        depth_by_activation: Both crossed, at one rate.
    """

    name: str
    data: str
    seeds: int
    epochs: int
    ratio: float
    level: float
    machine: str | None
    findings: tuple[Finding, ...]
    accuracy_by_activation: tuple[CellSummary, ...]
    slope_response: tuple[CellSummary, ...]
    initialization_by_activation: tuple[CellSummary, ...]
    dropout_by_activation: tuple[CellSummary, ...]
    depth_by_activation: tuple[CellSummary, ...]


def find_answers(study: OpenStudy) -> Comparison:
    """What a finished comparison says.

    Args:
        study: An open comparison.

    Raises:
        KindError: The study is a search.
        NoResultsError: Cells are still to be trained.
    """
    _ = study.comparison  # refuses a search
    return stored_answers(study.storage, study.study_id)


def stored_answers(storage: CohortStorage, study_id: int) -> Comparison:
    """The same from the database alone; the study is known to be a comparison.

    Raises:
        NoResultsError: Cells are still to be trained.
    """
    saved = storage.get_study_system_attrs(study_id)
    design, data = stored_design(saved[IDENTITY]), saved[DATA]
    seeds, epochs = saved[CONFIG]["seeds"], saved[CONFIG]["epochs"]
    measured = read_measured(storage, study_id, design, seeds=seeds)
    ratio = data["test"] / data["training"]
    activations = design.activations

    def fixed(cells: Callable[[str], Sequence[Hyperparameters]]) -> tuple[CellSummary, ...]:
        return _fixed([cell for name in activations for cell in cells(name)], measured, ratio)

    slopes = [(slope, design.over_rates("leaky_relu", negative_slope=slope)) for slope in design.slopes]
    return Comparison(
        name=storage.get_study_name_from_id(study_id),
        data=data["name"],
        seeds=seeds,
        epochs=epochs,
        ratio=ratio,
        level=LEVEL,
        machine=saved.get(CLOCK, {}).get("machine"),
        findings=find(design, measured, ratio),
        accuracy_by_activation=_chosen([(None, cells_of(design, name)) for name in activations], measured, ratio),
        slope_response=_chosen(slopes, measured, ratio),
        initialization_by_activation=fixed(design.over_initializations),
        dropout_by_activation=fixed(design.over_dropouts),
        depth_by_activation=fixed(lambda name: [design.cell(name, depth=depth) for depth in design.depths]),
    )


def _fixed(cells: Sequence[Hyperparameters], measured: Measured, ratio: float) -> tuple[CellSummary, ...]:
    return tuple(
        CellSummary(
            activation=cell.activation,
            negative_slope=_slope(cell),
            initialization=cell.initialization,
            dropout=cell.dropout,
            learning_rate=cell.learning_rate,
            depth=len(cell.hidden),
            **_accuracy(measured.of(cell, "test_accuracy"), ratio),
            near_zero=_mean(measured.of(cell, "test_near_zero")),
            layers=tuple(_layer(cell, layer, measured) for layer in range(len(cell.hidden))),
        )
        for cell in cells
        if cell in measured.cells
    )


def _chosen(
    groups: Sequence[tuple[float | None, Sequence[Hyperparameters]]], measured: Measured, ratio: float
) -> tuple[CellSummary, ...]:
    return tuple(
        CellSummary(
            activation="leaky_relu" if slope is not None else cells[0].activation,
            negative_slope=slope,
            initialization=cells[0].initialization,
            dropout=cells[0].dropout,
            learning_rate=None,
            depth=len(cells[0].hidden),
            **_accuracy(chosen(measured, cells) / 100.0, ratio),
            near_zero=_mean(chosen(measured, cells, "test_near_zero")) / 100.0,
        )
        for slope, cells in groups
        if all(cell in measured.cells for cell in cells)
    )


def _accuracy(values: Array, ratio: float) -> dict[str, Any]:
    interval = None
    if len(values) > 1:
        _, low, high = corrected_interval(values, ratio, FIGURE_LEVEL)
        interval = (max(0.0, float(low)), min(1.0, float(high)))
    return {"accuracy": float(values.mean()), "interval": interval, "accuracies": tuple(values.tolist())}


def _layer(cell: Hyperparameters, layer: int, measured: Measured) -> LayerSummary:
    def mean(name: str) -> float:
        columns = measured.cells[cell]
        return _mean(columns[f"{name}_layer{layer}"]) if f"{name}_layer{layer}" in columns else float("nan")

    return LayerSummary(
        layer=layer,
        near_zero=mean("test_near_zero"),
        zeros=mean("test_raw_zeros"),
        dead=mean("test_dead"),
        saturation=mean("test_saturation"),
        gradient_norm_start=mean("gradient_norm_start"),
        gradient_norm_end=mean("gradient_norm_end"),
    )


def _mean(values: Array) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")


def _slope(cell: Hyperparameters) -> float | None:
    return None if ACTIVATIONS[cell.activation].slope == "none" else cell.negative_slope
