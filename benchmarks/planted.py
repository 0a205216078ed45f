"""Synthetic outcomes of a comparison, with effects that are known because they were planted.

An outcome is what its cell is worth, plus a part that all replicates of a data set have in common (a share of the
variance, `common`), plus a part of each replicate's own; each random stream of a split draws the luck of its networks
anew. Another simulated data set draws all of it anew.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from search_spaces import Hyperparameters
from search_spaces.design import Design
from study.comparison.cell_measures import CellMeasures, StreamMeasures, training_loss_key
from study.comparison.layer_timing import LAYERS

Array = npt.NDArray[np.float64]
TEST_SAMPLES = 360
EPOCHS = 6
# Accuracy in logits, by what differs from the usual ReLU network; about as digits have it.
_ACTIVATIONS = {"tanh": 0.1, "gelu": 0.05, "sigmoid": -0.05, "silu": -0.05, "identity": -0.3, "prelu": 0.02}
_RATES = {0.0001: -1.0, 0.0003: -0.4, 0.001: 0.0, 0.003: 0.2, 0.01: 0.25, 0.03: 0.0, 0.1: -0.6}
_INITIALIZATIONS = {"xavier_normal": 0.1, "lecun_normal": 0.1, "orthogonal": 0.2, "torch_default": -0.05}
_MATCHES = {("tanh", "xavier_normal"): 0.2, ("sigmoid", "xavier_normal"): 0.3, ("gelu", "kaiming_normal"): 0.2}
"""Accuracy in logits of pairs of activation and initialization, beyond what each has alone."""
_SPREAD_OF_DATA, _SPREAD_OF_CELL, _OF_TRAINING = 0.15, 0.15, 0.3


@dataclass(frozen=True)
class Outcomes:
    """`[M, R]` measures of every cell of M simulated data sets, drawn when they are asked for.

    Attributes:
        design: The designs.
        data_sets: M.
        seeds: R.
        common: Share of the variance that replicates of a data set have in common; the correlation of two outcomes.
        seed: Decides all of it.
        null: Whether all cells are worth the same.
    """

    design: Design
    data_sets: int
    seeds: int
    common: float
    seed: int
    null: bool = False

    @property
    def measured(self) -> CellMeasures:
        """As the contrasts read them; the clock's processes are independent, and as many as there are seeds."""
        clock = {}
        for place, name in enumerate(LAYERS):
            noise = self._generator(place, "clock").standard_normal((self.data_sets, self.seeds))
            clock[name] = 1e-3 * (1.3 if name == "elu" and not self.null else 1.0) * np.exp(0.05 * noise)[..., None]
        count = len(self.design.cells)
        streams = tuple(
            StreamMeasures(
                {cell: _Columns(self, cell, stream * count + place) for place, cell in enumerate(self.design.cells)}
            )
            for stream in range(self.design.streams)
        )
        return CellMeasures(streams, clock, EPOCHS)

    @cached_property
    def _shared(self) -> dict[str, Array]:
        """What all cells of a replicate have in common: the difficulty of its parts."""
        return {part: self._noise(-1, part) for part in ("validation", "test")}

    def _noise(self, place: int, purpose: str) -> Array:
        """`[M, R]` standard normal numbers, correlated over the replicates of a data set."""
        generator = self._generator(place, purpose)
        common = generator.standard_normal((self.data_sets, 1))
        own = generator.standard_normal((self.data_sets, self.seeds))
        return np.sqrt(self.common) * common + np.sqrt(1.0 - self.common) * own

    def _generator(self, place: int, purpose: str) -> np.random.Generator:
        return np.random.default_rng(
            np.random.SeedSequence(self.seed, spawn_key=(place + 1, zlib.crc32(purpose.encode()), self.seeds))
        )


class _Columns(dict[str, Array]):
    """The measures of one cell."""

    def __init__(self, outcomes: Outcomes, cell: Hyperparameters, place: int) -> None:
        self._outcomes, self._cell, self._place = outcomes, cell, place

    def __missing__(self, name: str) -> Array:
        self[name] = values = self._draw(name)
        return values

    def _draw(self, name: str) -> Array:
        cell = self._cell
        if name in ("accuracy", "test_accuracy"):
            return self._accuracy("test" if name.startswith("test_") else "validation")
        if name == "log_loss":
            return 1.0 - self["accuracy"] + 0.01 * self._noise(name)
        if name.startswith("training_loss"):
            speed = 0.0 if self._outcomes.null or cell.activation not in ("tanh", "elu") else 0.1
            epoch = int(name.removeprefix(training_loss_key(0)[:-1]))
            return np.asarray(np.exp(-(0.3 + speed) * epoch - cell.l1 + 0.1 * self._noise(name)))
        if name == "gradient_ratio_start":
            decades = {"tanh": -1.0, "sigmoid": -5.0}.get(cell.activation, 0.0)
            return np.asarray(10.0 ** ((0.0 if self._outcomes.null else decades) + 0.25 * self._noise(name)))
        return _share(self._level(name), 0.25 * self._noise(name))

    def _accuracy(self, part: str) -> Array:
        worth = 0.0 if self._outcomes.null else self._worth()
        training = np.sqrt(_OF_TRAINING) * self._noise("training")
        spread = _SPREAD_OF_CELL * (training + np.sqrt(1.0 - _OF_TRAINING) * self._noise(part))
        logits = 3.3 + worth + _SPREAD_OF_DATA * self._outcomes._shared[part] + spread
        return np.round(TEST_SAMPLES / (1.0 + np.exp(-logits))) / TEST_SAMPLES

    def _worth(self) -> float:
        cell = self._cell
        worth = _ACTIVATIONS.get(cell.activation, 0.0) + _RATES.get(cell.learning_rate, -1.5)
        worth += _INITIALIZATIONS.get(cell.initialization, 0.0) - 0.1 * (len(cell.hidden) - 2)
        worth += _MATCHES.get((cell.activation, cell.initialization), 0.0)
        worth += cell.dropout - 2.5 * cell.dropout**2
        if cell.activation == "leaky_relu":
            worth += 0.1 - 0.5 * (cell.negative_slope - 0.1) ** 2
        return worth

    def _level(self, name: str) -> float:
        """Logit of a share."""
        activation, null = self._cell.activation, self._outcomes.null
        if "dead" in name:
            return -4.0 if len(self._cell.hidden) == 2 else -2.5
        if "saturation" in name:
            return -0.5 if activation == "tanh" and not null else -3.5
        if "removable" in name:
            return -0.3 if activation == "sigmoid" and not null else -1.0
        if "zeros" in name:
            return 0.3 if null else 0.3 + 0.5 * np.log10(1.0 + 1e4 * self._cell.l1)
        sparse = {"relu": -0.7, "leaky_relu": -1.0, "gelu": -2.2}.get(activation, -4.0)
        return sparse + 2.0 * self._cell.dropout

    def _noise(self, purpose: str) -> Array:
        return self._outcomes._noise(self._place, purpose)


def _share(logit: float, noise: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-logit - noise)))
