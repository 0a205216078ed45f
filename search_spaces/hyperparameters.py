"""One point of a search space."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.parsing import DOMAINS, check_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """Everything that may differ between two trials of one study.

    Attributes:
        activation: Name in `ACTIVATIONS`, used after every hidden layer.
        negative_slope: Slope for z < 0 of leaky ReLU, 0 to 1; where PReLU's slope starts; no meaning for the others.
        initialization: Name in `INITIALIZATIONS`, used for every layer.
        dropout: Share of hidden units dropped in training, 0 ≤ dropout < 1 (inverted dropout, Srivastava 2014).
        learning_rate: Step size of the optimizer.
        weight_decay: L2 penalty's factor as in `torch.optim` (added to the gradient); never on PReLU's slope.
        l1: Factor of the L1 penalty on hidden activations: summed over units, averaged over the batch.
        hidden: Units of each hidden layer.

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
        """Refuses what no network could be trained with.

        Raises:
            SpaceError: A value outside of its domain.
        """
        for name in DOMAINS:
            if name not in ("width", "depth"):
                check_value(name, getattr(self, name))
        for width in self.hidden:
            check_value("width", width)
        check_value("depth", len(self.hidden))
