"""Common random numbers: every draw of a study, addressed by its purpose, replicate and place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is for; the numbers are part of every study's results and never change. 0 is the split's."""

    ORDER = 1
    INITIALIZATION = 2
    DROPOUT = 3
    PROPOSAL = 4
    NETWORK = 5
    SLOPE = 6
    TARGETS = 7
    INPUTS = 8


@dataclass(frozen=True)
class Streams:
    """The random streams of one study.

    Replicates differ in their streams and trials share them, so that two trials differ by their
    hyperparameters alone.

    Attributes:
        seed: The study's seed.
        first: Which replicate of the study counts as replicate 0: those from its number of seeds on are fresh.

    Example:
        >>> streams = Streams(0)
        >>> bool((streams.order(0, 3, 5) == Streams(0).order(0, 3, 5)).all())
        True
    """

    seed: int
    first: int = 0

    def generator(self, purpose: Purpose, *place: int) -> np.random.Generator:
        """The generator of one stream, at its beginning."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(purpose, *place))))

    def order(self, replicate: int, epoch: int, samples: int) -> np.ndarray:
        """`[samples]` order in which an epoch sees the training samples."""
        return self.generator(Purpose.ORDER, self.first + replicate, epoch).permutation(samples)

    def initial(self, replicate: int, layer: int, fan_in: int, fan_out: int) -> np.ndarray:
        """`[fan_in + 1, fan_out]` standard normal draws for a layer's weights and, in the last row, its biases."""
        return self.generator(Purpose.INITIALIZATION, self.first + replicate, layer).standard_normal(
            (fan_in + 1, fan_out)
        )

    def torch_seed(self, replicate: int) -> int:
        """Seed of torch's generator while a replicate's modules are built, for parameters without a rule of ours."""
        return int(self.generator(Purpose.INITIALIZATION, self.first + replicate).integers(2**63))

    def dropout(self, replicate: int, layer: int, epoch: int) -> np.random.Generator:
        """The generator whose `random((n, F), dtype=float32)`, batch by batch, is compared to dropout rates."""
        return self.generator(Purpose.DROPOUT, self.first + replicate, layer, epoch)

    def slopes(self, replicate: int, layer: int, epoch: int) -> np.random.Generator:
        """The generator whose `random((n, F), dtype=float32)`, batch by batch, becomes the slopes that are drawn."""
        return self.generator(Purpose.SLOPE, self.first + replicate, layer, epoch)

    def shuffled_targets(self, replicate: int, samples: int) -> np.ndarray:
        """`[samples]` the sample whose target each training sample has where targets are shuffled."""
        return self.generator(Purpose.TARGETS, self.first + replicate).permutation(samples)

    def input_order(self, replicate: int, order: int, inputs: int) -> np.ndarray:
        """`[inputs]` the input that comes at each place in one of the orders of the inputs."""
        return self.generator(Purpose.INPUTS, self.first + replicate, order).permutation(inputs)

    def of_network(self, replicate: int, epoch: int) -> np.random.Generator:
        """The generator that seeds torch's own, step by step, for a network that draws random numbers in training."""
        return self.generator(Purpose.NETWORK, self.first + replicate, epoch)
