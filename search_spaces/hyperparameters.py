"""`Hyperparameters`: one point of a search space."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from search_spaces.parsing import DOMAINS, check_value

_SINCE_0_1 = ("normalization", "residual", "channels", "head", "bias", "l2", "shuffled_targets", "input_orders")


def blocks_of_depth(channels: tuple[int, ...], depth: int) -> tuple[int, ...]:
    """The channels of so many blocks: those beyond the given ones have as many as the last of these.

    Example:
        >>> blocks_of_depth((8, 16), 4)
        (8, 16, 16, 16)
    """
    return (*channels, *channels[-1:] * (depth - len(channels)))[:depth]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """Everything that may differ between two trials of one study.

    Attributes:
        activation: Name in `ACTIVATIONS`; the activation after every hidden layer.
        negative_slope: Slope of leaky ReLU for z < 0, from 0 to 1, and start of PReLU's learned slope. It has no
            meaning for other activations.
        initialization: Name in `INITIALIZATIONS`; the initialization of every layer.
        dropout: Fraction of hidden units that are dropped in training, 0 ≤ dropout < 1 (inverted dropout, Srivastava
            et al. 2014).
        learning_rate: Step size of the optimizer.
        weight_decay: Factor of the L2 penalty as in `torch.optim` (added to the gradient); PReLU's slope has none.
        l1: Factor of the L1 penalty on hidden activations, summed over units and averaged over the batch.
        l2: Factor of the penalty on the squares of hidden activations, summed and averaged as that of `l1`.
        bias: Constant that is added to the first biases of all layers but the last; where a layer is normalized, to the
            shift of its normalization.
        hidden: Number of units of each hidden layer; empty for a user's network, which has layers of its own.
        normalization: `none`, `batch` (Ioffe and Szegedy 2015) or `layer` (Ba et al. 2016), before each activation.
        residual: Whether the output of a hidden layer is added to its input, where both have the same width.
        channels: Channels of each block of a convolutional network; empty for other networks.
        shuffled_targets: Whether the targets of the training part are shuffled, of which nothing can be learned that
            holds for other samples.
        input_orders: In how many orders the inputs come, one after the other, each for an equal share of the epochs; a
            network is measured on the last of them. 1: in that of the data.
        head: How the image behind the last block becomes a row of features: `flatten`, or `average` over positions.

    Example:
        >>> Hyperparameters(activation="leaky_relu", negative_slope=0.1).hidden
        (64, 64)
    """

    activation: str = "relu"
    negative_slope: float = 0.01
    initialization: str = "kaiming_normal"
    dropout: float = 0.0
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    l1: float = 0.0
    hidden: tuple[int, ...] = (64, 64)
    normalization: str = "none"
    residual: bool = False
    channels: tuple[int, ...] = ()
    head: str = "flatten"
    bias: float = 0.0
    l2: float = 0.0
    shuffled_targets: bool = False
    input_orders: int = 1

    def __post_init__(self) -> None:
        """Refuse values with which no network can be trained.

        Raises:
            SpaceError: A value is outside of its domain.
        """
        for name in DOMAINS:
            if name not in ("width", "depth"):
                check_value(name, getattr(self, name))
        for width in self.hidden:
            check_value("width", width)
        for width in self.channels:
            check_value("width", width)
        if self.depth:
            check_value("depth", self.depth)

    @property
    def depth(self) -> int:
        """The number of blocks of a convolutional network, and of hidden layers of other networks."""
        return len(self.channels or self.hidden)

    @property
    def layers(self) -> int:
        """The number of layers that end in an activation, of a network of ours."""
        return len(self.channels) + len(self.hidden)

    @property
    def values(self) -> dict[str, Any]:
        """All values by name, but those that version 0.1 did not have where they are its own."""
        usual = {field.name: field.default for field in fields(self) if field.name in _SINCE_0_1}
        return {name: value for name, value in asdict(self).items() if name not in usual or value != usual[name]}
