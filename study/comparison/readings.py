"""How a contrast chooses and reads: arms on one random stream, learning rates on a second, measures on a third.

Whoever chooses by a network and reads the same network reads its luck too: the best of many is ahead of one even where
nothing differs. And whoever chooses an arm and its learning rate together chooses the rate out of more candidates than
the other side has. So, on each split, the arm is chosen by the validation part under one stream; both sides then tune
their learning rate, out of equally many, under a second; and the test part is read from networks trained under a third.
Where nothing differs, the expected contrast is then 0 whatever was chosen. The three streams take turns, and a
replicate's value is the mean over the turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import permutations

import numpy as np

from search_spaces.design import Arm, Design
from study.comparison.cell_measures import LOSS, SCORE, CellMeasures, StreamMeasures, training_loss_key
from study.intervals import Array
from study.records.measure_keys import MeasureKey, key_on_test

TEST_ACCURACY = key_on_test(SCORE)
_ROLES = 3


@dataclass(frozen=True)
class Reading:
    """The streams of one turn.

    Attributes:
        choosing: Chooses arms, each at the learning rate that validates best on this stream.
        tuning: Tunes the learning rate of the arms that are read.
        reading: Is read.
        epochs: Epochs of the learning curves.
    """

    choosing: StreamMeasures
    tuning: StreamMeasures
    reading: StreamMeasures
    epochs: int = 0

    def value(self, arm: Arm, key: str | MeasureKey = TEST_ACCURACY) -> Array:
        """`[..., R]` a measure, in per cent, of an arm at its tuned learning rate."""
        return self._read(self.tuning, self.reading, arm, key)

    def values(self, arms: Sequence[Arm], key: str | MeasureKey = TEST_ACCURACY) -> Array:
        """`[O, ..., R]` a measure, in per cent, of several arms, each at its tuned learning rate."""
        return np.stack([self.value(arm, key) for arm in arms])

    def foreseen(self, arm: Arm, key: str | MeasureKey) -> Array:
        """`[..., R]` a measure, in per cent, of an arm as the stream has it that chooses, which tunes it too."""
        return self._read(self.choosing, self.choosing, arm, key)

    def value_as_tuned(self, arm: Arm, tuned: Arm, key: str | MeasureKey = TEST_ACCURACY) -> Array:
        """`[..., R]` a measure, in per cent, of the cell of an arm whose place has been tuned for another arm."""
        return 100.0 * select(self.reading.stack(arm, key), best(*_validation(self.tuning, tuned)))

    def curve(self, arm: Arm) -> Array:
        """`[E, ..., R]` training loss of each epoch, of an arm at its tuned learning rate."""
        index = best(*_validation(self.tuning, arm))
        stacks = (self.reading.stack(arm, training_loss_key(epoch)) for epoch in range(self.epochs))
        return np.stack([select(stack, index) for stack in stacks])

    def foreseen_loss(self, arm: Arm) -> Array:
        """`[..., R]` final training loss of an arm as the stream has it that chooses, which tunes it too."""
        losses = self.choosing.stack(arm, training_loss_key(self.epochs - 1))
        return select(losses, best(*_validation(self.choosing, arm)))

    def best(self, arms: Sequence[Arm]) -> Array:
        """`[..., R]` index of the arm that validates best."""
        accuracy, loss = self.validated(arms)
        return best(accuracy, loss)

    def worst(self, arms: Sequence[Arm]) -> Array:
        """`[..., R]` index of the arm that validates worst."""
        accuracy, loss = self.validated(arms)
        return best(-accuracy, -loss)

    def validated(self, arms: Sequence[Arm]) -> tuple[Array, Array]:
        """`[O, ..., R]` validation accuracy and log loss of arms, on the stream that chooses."""
        columns: tuple[list[Array], list[Array]] = ([], [])
        for arm in arms:
            accuracy, loss = _validation(self.choosing, arm)
            index = best(accuracy, loss)
            for column, values in zip(columns, (accuracy, loss), strict=True):
                column.append(select(values, index))
        return np.stack(columns[0]), np.stack(columns[1])

    @staticmethod
    def _read(tuning: StreamMeasures, reading: StreamMeasures, arm: Arm, key: str | MeasureKey) -> Array:
        return 100.0 * select(reading.stack(arm, key), best(*_validation(tuning, arm)))


def readings(measured: CellMeasures) -> list[Reading]:
    """The turns of the streams; a comparison of one stream, of version 0.1, chooses and reads on that one."""
    streams = measured.streams
    if len(streams) < _ROLES:
        return [_reading(streams[:1] * _ROLES, measured.epochs)]
    return [_reading(turn, measured.epochs) for turn in permutations(streams, _ROLES)]


def _reading(turn: tuple[StreamMeasures, ...], epochs: int) -> Reading:
    choosing, tuning, reading = turn
    return Reading(choosing, tuning, reading, epochs)


def over_readings(contrast: Callable[[Design, Reading], Array]) -> Callable[[Design, CellMeasures], Array]:
    """Turns the contrast of one reading into its mean over all turns of the streams that have a value."""

    @wraps(contrast)
    def mean(design: Design, measured: CellMeasures) -> Array:
        return mean_of([contrast(design, reading) for reading in readings(measured)])

    return mean


def mean_of(values: Sequence[Array]) -> Array:
    """`[..., R]` mean over the values that are not NaN; NaN where there are none."""
    stacked = np.stack(values)
    count = (~np.isnan(stacked)).sum(0)
    mean: Array = np.divide(np.nansum(stacked, 0), count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean


def best(accuracy: Array, loss: Array) -> Array:
    """`[..., R]` index along the first axis of the highest accuracy; among equals, of the lowest loss."""
    tied = accuracy == np.nanmax(accuracy, 0)
    keys = np.where(tied, np.nan_to_num(loss, nan=np.inf), np.inf)
    # Where no tied option has a finite loss, the first of them.
    index: Array = np.where(np.isfinite(keys).any(0), keys.argmin(0), tied.argmax(0))
    return index


def select(values: Array, index: Array) -> Array:
    """`[..., R]` the entries of `[O, ..., R]` at an index along the first axis."""
    selected: Array = np.take_along_axis(values, index[None].astype(np.intp), 0)[0]
    return selected


def rates_at_edges(design: Design, measured: CellMeasures, arms: Sequence[Arm]) -> tuple[float, float]:
    """The shares of tuned learning rates that are the lowest, and the highest, that could be chosen.

    Args:
        design: The designs.
        measured: The measures of their cells.
        arms: The arms whose tuning is counted; those of one rate have none.
    """
    tuned = [arm for arm in arms if len(arm) == len(design.learning_rates)]
    if not tuned:
        return 0.0, 0.0
    chosen = np.stack([best(*_validation(stream, arm)) for stream in measured.streams for arm in tuned])
    return float((chosen == 0).mean()), float((chosen == len(design.learning_rates) - 1).mean())


def _validation(stream: StreamMeasures, arm: Arm) -> tuple[Array, Array]:
    return stream.stack(arm, SCORE), stream.stack(arm, LOSS)
