"""What the cells of a comparison gave, as arrays over replicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from optuna.trial import TrialState

from search_spaces import Hyperparameters
from search_spaces.design import Design
from storage import CohortStorage
from study.intervals import Array
from study.records.attributes import BY_SEED
from study.records.own_trials import NoResultsError


@dataclass(frozen=True, eq=False)
class Measured:
    """Measures of cells over replicates; those of the test part have names that begin with `test_`.

    Attributes:
        cells: `[..., R]` arrays by cell and name; NaN where a replicate has no value.
        clock: `[n]` seconds of forward and backward of stock layers by name, alternating; empty where not timed.
    """

    cells: Mapping[Hyperparameters, Mapping[str, Array]]
    clock: Mapping[str, Array] = field(default_factory=dict)

    def of(self, cell: Hyperparameters, name: str) -> Array:
        """`[..., R]` a measure of one cell; NaN where all its replicates diverged, and so have scores alone.

        Raises:
            NoResultsError: The cell was not trained to its end.
        """
        try:
            columns = self.cells[cell]
        except KeyError:
            raise NoResultsError(f"no results of {cell}") from None
        try:
            return columns[name]
        except KeyError:
            return np.full_like(columns["accuracy"], np.nan)

    def stack(self, cells: Sequence[Hyperparameters], name: str) -> Array:
        """`[O, ..., R]` a measure of several cells."""
        return np.stack([self.of(cell, name) for cell in cells])

    def layers(self, cells: Sequence[Hyperparameters], name: str) -> Array:
        """`[O, ..., R]` a measure on the test part of every hidden layer of several cells."""
        return np.stack(
            [self.of(cell, f"test_{name}_layer{layer}") for cell in cells for layer in range(len(cell.hidden))]
        )


def read_measured(storage: CohortStorage, study_id: int, design: Design, *, seeds: int) -> Measured:
    """Reads the cells of a finished comparison.

    Args:
        storage: Where it lives.
        study_id: Its id.
        design: Its designs.
        seeds: Its replicates.

    Raises:
        NoResultsError: Cells are still to be trained; the text says how to go on.
    """
    trials = storage.read_trials(study_id)
    ended = sum(trial.state.is_finished() for trial in trials)
    if ended < len(design.cells):
        name = storage.get_study_name_from_id(study_id)
        raise NoResultsError(
            f"{ended} of {len(design.cells)} cells of comparison {name!r} are trained, and its verdicts need "
            f"them all; continue with `reluctant resume {name}`"
        )
    trained = {
        trial.number: cell
        for trial, cell in zip(trials, design.cells, strict=False)
        if trial.state is TrialState.COMPLETE and BY_SEED in trial.system_attrs
    }
    cells: dict[int, dict[str, Array]] = {}

    def put(number: int, replicate: int, name: str, value: float | None) -> None:
        column = cells[number].setdefault(name, np.full(seeds, np.nan))
        column[replicate] = np.nan if value is None else value

    for number in trained:
        cells[number] = {}
        for name, values in trials[number].system_attrs[BY_SEED].items():
            for replicate, value in enumerate(values):
                put(number, replicate, name, value)
    for row in storage.test_results(study_id, numbers=list(cells)):
        for name, value in row.items():
            if name.startswith("test_"):
                put(row["number"], row["replicate"], name, value)
    for number, columns in cells.items():
        hidden = range(len(trained[number].hidden))
        for name in [name.removesuffix("_layer0") for name in columns if name.endswith("_layer0")]:
            columns[name] = np.mean([columns[f"{name}_layer{layer}"] for layer in hidden], 0)
    for row in storage.layer_measures(study_id, numbers=list(cells)):
        for name in ("gradient_norm_start", "gradient_norm_end"):
            put(row["number"], row["replicate"], f"{name}_layer{row['layer']}", row[name])
    clock = storage.get_study_system_attrs(study_id).get(CLOCK, {})
    return Measured(
        {trained[number]: columns for number, columns in cells.items()},
        {name: np.array(seconds) for name, seconds in clock.get("seconds", {}).items()},
    )


CLOCK = "reluctant:clock"
"""System attribute of a comparison: seconds of stock layers, and the machine that they were measured on."""
