"""The contrasts of claims that intervene: penalties on activations at fixed doses, the rate tuned at each.

As those of `contrasts`, in percentage points unless a docstring says otherwise. That sparsity carries what an L1
penalty does is an assumption, which no design shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from search_spaces.claim_cells import as_many_slopes, penalized, squared_penalized
from search_spaces.design import Arm, Design
from study.comparison.cell_measures import CellMeasures
from study.comparison.readings import Reading, mean_of, over_readings, select
from study.intervals import Array
from study.pareto import hypervolume, pareto
from study.records.measure_keys import key_on_test

_ZEROS, _NEAR_ZERO = key_on_test("raw_zeros"), key_on_test("near_zero")
_NEAR = 10.0
"""Percentage points from a share of zeros below which a dose counts as having reached it: half of 70 - 50."""
_ALIKE = math.log(1.5)
"""Difference of two training losses' logs up to which they count as equal."""


@over_readings
def hypervolume_squared_minus_relu(design: Design, reading: Reading) -> Array:
    """Hypervolume of squared ReLU's front of accuracy and near-zero outputs minus ReLU's, in per cent of the square.

    The arms differ in their L1 dose. Who is on the front is decided on the stream that chooses.
    """
    return _hypervolume(reading, penalized(design, "relu_squared")) - _hypervolume(reading, penalized(design, "relu"))


@over_readings
def seventy_minus_fifty(design: Design, reading: Reading) -> Array:
    """Accuracy of ReLU at 70 % zeros, by the L1 penalty, minus that at 50 %."""
    return _at(design, reading, 70.0) - _at(design, reading, 50.0)


@over_readings
def eighty_minus_fifty(design: Design, reading: Reading) -> Array:
    """Accuracy of ReLU at 80 % zeros, by the L1 penalty, minus that at 50 %."""
    return _at(design, reading, 80.0) - _at(design, reading, 50.0)


@over_readings
def ninety_minus_fifty(design: Design, reading: Reading) -> Array:
    """Accuracy of ReLU at 90 % zeros, by the L1 penalty, minus that at 50 %."""
    return _at(design, reading, 90.0) - _at(design, reading, 50.0)


@over_readings
def score_on_zeros_by_l1(design: Design, reading: Reading) -> Array:
    """Least-squares slope of ReLU's accuracy on its zeros over the L1 doses, for 10 pp more zeros.

    Zeros are tuned and read on another stream than accuracy, so that the luck of a network is not in both.
    """
    arms = penalized(design, "relu")
    zeros, score = np.stack([reading.foreseen(arm, _ZEROS) for arm in arms]), reading.values(arms)
    there = ~np.isnan(zeros) & ~np.isnan(score)
    count = np.maximum(1, there.sum(0))
    zeros, score = (np.where(there, x, 0.0) for x in (zeros, score))
    zeros, score = (np.where(there, x - x.sum(0) / count, 0.0) for x in (zeros, score))
    total = np.square(zeros).sum(0)
    slope: Array = np.divide((zeros * score).sum(0), total, out=np.full(total.shape, np.nan), where=total > 0)
    return 10.0 * slope


@over_readings
def zeros_by_the_largest_dose(design: Design, reading: Reading) -> Array:
    """Exact zeros of ReLU at the largest L1 dose minus those without a penalty: whether sparsity was manipulated."""
    arms = penalized(design, "relu")
    return reading.value(arms[-1], _ZEROS) - reading.value(arms[0], _ZEROS)


def at_dose(number: int) -> Callable[[Design, CellMeasures], Array]:
    """The contrast of one L1 dose of ReLU, by its place from 0, with no penalty: accuracy."""

    @over_readings
    def dose_minus_none(design: Design, reading: Reading) -> Array:
        """Accuracy of ReLU at this L1 dose minus that without a penalty."""
        arms = penalized(design, "relu")
        return reading.value(arms[1 + number]) - reading.value(arms[0])

    return dose_minus_none


@over_readings
def l1_minus_l2(design: Design, reading: Reading) -> Array:
    """Accuracy of ReLU with an L1 penalty minus that with one on squares, at equal training loss; mean over doses.

    Each dose of L1 is held against the dose of squares whose final training loss is nearest on the stream that chooses;
    a dose whose loss no other has, within a factor of 1.5, is left out.
    """
    others = squared_penalized(design)
    losses, read = np.stack([_log_loss(reading, arm) for arm in others]), reading.values(others)
    gains = []
    for arm in penalized(design, "relu")[1:]:
        distance = np.nan_to_num(np.abs(losses - _log_loss(reading, arm)), nan=np.inf)
        gain = reading.value(arm) - select(read, distance.argmin(0))
        gains.append(np.where(distance.min(0) <= _ALIKE, gain, np.nan))
    return mean_of(gains)


@over_readings
def penalized_minus_leaky(design: Design, reading: Reading) -> Array:
    """Accuracy of ReLU at the best L1 dose minus that of leaky ReLU at the best slope, of equally many."""
    return _between_families(design, reading, None)


@over_readings
def penalized_minus_leaky_near_zero(design: Design, reading: Reading) -> Array:
    """Near-zero outputs of ReLU at the best L1 dose minus those of leaky ReLU at the best slope."""
    return _between_families(design, reading, _NEAR_ZERO)


def _between_families(design: Design, reading: Reading, key: str | None) -> Array:
    """A measure of the best dose minus that of the best slope, of equally many; None: accuracy."""
    families = penalized(design, "relu")[1:], as_many_slopes(design)
    sparse, leaky = (
        select(reading.values(arms) if key is None else reading.values(arms, key), reading.best(arms))
        for arms in families
    )
    return sparse - leaky


def _hypervolume(reading: Reading, arms: list[Arm]) -> Array:
    """Hypervolume above (0, 0) of the arms on the front of the stream that chooses, as another stream reads them."""
    foreseen = reading.validated(arms)[0], np.stack([reading.foreseen(arm, _NEAR_ZERO) for arm in arms])
    read = reading.values(arms), reading.values(arms, _NEAR_ZERO)
    shape = read[0].shape[1:]
    # `[replicates, arms, 2]`; a network that diverged has no sparsity.
    ahead, behind = (
        np.nan_to_num(np.stack(pair, -1).reshape(len(arms), -1, 2)).swapaxes(0, 1) for pair in (foreseen, read)
    )
    areas = [
        hypervolume([later[place] for place in pareto(range(len(arms)), first.__getitem__)], (0.0, 0.0))
        for first, later in zip(ahead.tolist(), behind.tolist(), strict=True)
    ]
    return np.reshape(areas, shape) / 100.0


def _at(design: Design, reading: Reading, share: float) -> Array:
    """Accuracy of ReLU at the L1 dose whose share of zeros is nearest to one; NaN where none reaches it."""
    arms = penalized(design, "relu")
    distance = np.abs(np.stack([reading.foreseen(arm, _ZEROS) for arm in arms]) - share)
    distance = np.nan_to_num(distance, nan=np.inf)
    return np.where(distance.min(0) < _NEAR, select(reading.values(arms), distance.argmin(0)), np.nan)


def _log_loss(reading: Reading, arm: Arm) -> Array:
    """Log of the final training loss, as the stream has it that chooses."""
    logs: Array = np.log(np.maximum(reading.foreseen_loss(arm), 1e-12))
    return logs
