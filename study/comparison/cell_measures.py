"""The measures of a comparison's cells, as arrays over replicates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from search_spaces import Hyperparameters
from search_spaces.claim_cells import ARMS, CURVES_FOR
from search_spaces.design import Design
from storage import CohortStorage
from study.intervals import Array
from study.records.attributes import BY_SEED
from study.records.measure_keys import MeasureKey, key_on_test
from study.records.own_trials import NoResultsError
from study.tasks import CLASSIFICATION, Task

LAYER_TIMES = "reluctant:clock"
"""System attribute of a comparison: seconds of stock layers, and the machine that they were measured on."""
SCORE, LOSS = "accuracy", "log_loss"
"""Keys of the first metric and of the loss of any task: those of classification, by which contrasts ask for them."""
TRAINING_LOSS = "training_loss"
"""Name of the learning curve of the loss on the training part."""
_LAYER_MEASURES = ("gradient_norm_start", "gradient_norm_end")
"""Measures of layers on the validation part that a comparison reads."""


def training_loss_key(epoch: int) -> str:
    """Key of the training loss of an epoch, from 0."""
    return f"training_loss_epoch{epoch}"


@dataclass(frozen=True, eq=False)
class StreamMeasures:
    """Measures of cells over replicates, by their stored keys, under one of the random streams of each split.

    Attributes:
        cells: `[..., R]` arrays by cell and key, one value a split; NaN where a replicate has no value.
    """

    cells: Mapping[Hyperparameters, Mapping[str, Array]]

    def of(self, cell: Hyperparameters, key: str | MeasureKey) -> Array:
        """`[..., R]` a measure of one cell; NaN where it was not measured: diverged replicates have scores alone.

        Raises:
            NoResultsError: The cell was not trained to its end.
        """
        try:
            columns = self.cells[cell]
        except KeyError:
            raise NoResultsError(f"no results of {cell}") from None
        try:
            return columns[str(key)]
        except KeyError:
            return np.full_like(columns[SCORE], np.nan)

    def stack(self, cells: Sequence[Hyperparameters], key: str | MeasureKey) -> Array:
        """`[O, ..., R]` a measure of several cells."""
        return np.stack([self.of(cell, key) for cell in cells])


@dataclass(frozen=True, eq=False)
class CellMeasures:
    """Measures of cells over replicates, for each random stream under which a cell was trained on every split.

    Attributes:
        streams: The measures under each stream.
        layer_seconds: `[processes, rounds]` seconds of forward and backward of stock layers by name, alternating; empty
            where not timed.
        epochs: Passes over the training part; the measures of cells whose learning curves are read hold the training
            loss of each (`training_loss_key`). 0 where no curves are read.
    """

    streams: tuple[StreamMeasures, ...]
    layer_seconds: Mapping[str, Array] = field(default_factory=dict)
    epochs: int = 0

    @property
    def trained(self) -> Collection[Hyperparameters]:
        """The cells that have results."""
        return self.streams[0].cells.keys()


def read_cell_measures(
    storage: CohortStorage, study_id: int, design: Design, *, seeds: int, task: Task = CLASSIFICATION
) -> CellMeasures:
    """Reads the cells of a finished comparison.

    Args:
        storage: Where it lives.
        study_id: Its id.
        design: Its designs.
        seeds: Its splits; each cell has a replicate for each stream of the design and each split.
        task: What was learned; its first metric and its loss are also found under `SCORE` and `LOSS`.

    Raises:
        NoResultsError: Cells are still to be trained, or their test results are not in the database; the text says
            how to go on.
    """
    trials = storage.read_trials(study_id)
    _check_finished(trials, design, storage.get_study_name_from_id(study_id))
    trained = {
        trial.number: cell
        for trial, cell in zip(trials, design.cells, strict=False)
        if trial.state is TrialState.COMPLETE and BY_SEED in trial.system_attrs
    }
    columns = {number: _Columns(seeds * design.streams) for number in trained}
    for number in trained:
        for key, values in trials[number].system_attrs[BY_SEED].items():
            for replicate, value in enumerate(values):
                columns[number].put(key, replicate, value)
    results = storage.test_results(study_id, numbers=list(trained))
    if trained and not results:
        name = storage.get_study_name_from_id(study_id)
        raise NoResultsError(
            f"the database has no test results of comparison {name!r}, on which its verdicts rest: reluctant keeps "
            "them in tables of its own, which a copy that another program made does not have; use the database that it "
            "was trained in, or a copy by `reluctant backup`"
        )
    for row in results:
        columns[row["number"]].put_test_results(row)
    for number, cell in trained.items():
        columns[number].average_layers(cell.layers)
        columns[number].rename({task.metrics[0].name: SCORE, task.loss_name: LOSS})
    for row in storage.layer_measures(study_id, numbers=list(trained)):
        for name in _LAYER_MEASURES:
            columns[row["number"]].put(str(MeasureKey(name, layer=row["layer"])), row["replicate"], row[name])
    epochs = _put_training_losses(storage, study_id, design, trained, columns)
    times = storage.get_study_system_attrs(study_id).get(LAYER_TIMES, {})
    return CellMeasures(
        tuple(
            StreamMeasures({trained[number]: each.of_stream(stream, seeds) for number, each in columns.items()})
            for stream in range(design.streams)
        ),
        {name: np.atleast_2d(seconds) for name, seconds in times.get("seconds", {}).items()},
        epochs,
    )


def _put_training_losses(
    storage: CohortStorage,
    study_id: int,
    design: Design,
    trained: Mapping[int, Hyperparameters],
    columns: Mapping[int, _Columns],
) -> int:
    """Adds the training losses of cells whose learning curves are read; returns how many epochs these have.

    A network that patience ended earlier keeps its last loss.
    """
    read = {cell for claim in CURVES_FOR if claim in design.claims for arm in ARMS[claim](design) for cell in arm}
    numbers = [number for number, cell in trained.items() if cell in read]
    rows = storage.learning_curves(study_id, numbers=numbers) if numbers else []
    rows = [row for row in rows if row["name"] == TRAINING_LOSS and row["points"]]
    epochs = max((len(row["points"]) for row in rows), default=0)
    for row in rows:
        points = row["points"]
        for epoch in range(epochs):
            columns[row["number"]].put(training_loss_key(epoch), row["replicate"], points[min(epoch, len(points) - 1)])
    return epochs


class _Columns(dict[str, Array]):
    """Measures of one cell by stored key, one value a replicate, filled value by value."""

    def __init__(self, replicates: int) -> None:
        super().__init__()
        self._replicates = replicates

    def of_stream(self, stream: int, splits: int) -> dict[str, Array]:
        """`[R]` the measures under one stream: replicates are all splits under the first, then under the next."""
        return {key: values[stream * splits : (stream + 1) * splits] for key, values in self.items()}

    def put(self, key: str, replicate: int, value: float | None) -> None:
        """Sets the value of one replicate; None stays NaN."""
        column = self.get(key)
        if column is None:  # half a million times a comparison: no array is made in vain
            column = self[key] = np.full(self._replicates, np.nan)
        column[replicate] = np.nan if value is None else value

    def put_test_results(self, row: Mapping[str, Any]) -> None:
        """Sets what one replicate has on the test part."""
        for key, value in row.items():
            if MeasureKey.parse(key).on_test:
                self.put(key, row["replicate"], value)

    def rename(self, names: Mapping[str, str]) -> None:
        """Has the measures of the whole network under other names too, on both parts."""
        for name, other in names.items():
            for key, alias in ((name, other), (key_on_test(name), key_on_test(other))):
                if key in self:
                    self[alias] = self[key]

    def average_layers(self, layers: int) -> None:
        """Adds the mean over hidden layers of every measure that each of them has, as one of the whole network."""
        for name in [each.name for each in self._first_layer()]:
            columns = [self[key_on_test(name, layer)] for layer in range(layers)]
            self[key_on_test(name)] = np.mean(columns, 0)

    def _first_layer(self) -> Iterable[MeasureKey]:
        keys = map(MeasureKey.parse, self)
        return [key for key in keys if key.on_test and key.layer == 0]


def _check_finished(trials: Sequence[FrozenTrial], design: Design, name: str) -> None:
    ended = sum(trial.state.is_finished() for trial in trials)
    if ended < len(design.cells):
        raise NoResultsError(
            f"{ended} of {len(design.cells)} cells of comparison {name!r} are trained, and its verdicts need "
            f"them all; continue with `reluctant resume {name}`"
        )
