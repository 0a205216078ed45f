"""`Hyperparameters`: one point of a search space."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.parsing import DOMAINS, check_value


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
        hidden: Number of units of each hidden layer.

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
        check_value("depth", len(self.hidden))
