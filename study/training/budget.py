"""The budget: what training every trial of a study gets, whatever its hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reluctant.errors import ReluctantError, unknown

OPTIMIZERS = ("adam", "sgd")
BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Adam's, as in `torch.optim.Adam`."""
MOMENTUM = 0.9
"""Of SGD."""


class BudgetError(ReluctantError, ValueError):
    """A budget that makes no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The training that every trial gets.

    Attributes:
        epochs: Passes over the training part.
        seeds: Replicates of each trial.
        batch_size: Samples of a step; the last batch of an epoch holds what is left.
        optimizer: `adam` (β 0.9 and 0.999, ε 1e-8) or `sgd` (momentum 0.9), as in `torch.optim`.
        patience: A replicate keeps the weights of its best epoch, is measured on them, and ends so many epochs after it
            (see `study.training.patience`); None: it is trained for all epochs, and its last weights are kept.
        sampled: Whether the score on the training part and the norms of gradients are measured on a sample of fixed
            size (see `study.training.sampled`); else on the whole training part, and on 8,192 validation samples.
        counted_at_rungs: Whether at a rung only those measures of hidden layers are taken that are counted (see
            `study.training.measures.stacked_measures`); else all of them.
    """

    epochs: int = 30
    seeds: int = 3
    batch_size: int = 64
    optimizer: Literal["adam", "sgd"] = "adam"
    patience: int | None = None
    sampled: bool = False
    counted_at_rungs: bool = False

    def __post_init__(self) -> None:
        """Refuses a budget that trains nothing.

        Raises:
            BudgetError: What was seen and what is needed.
        """
        for name in ("epochs", "seeds", "batch_size"):
            if getattr(self, name) < 1:
                raise BudgetError(f"{name} of a budget is {getattr(self, name)}; it needs at least 1")
        if self.patience is not None and self.patience < 1:
            raise BudgetError(f"patience of a budget is {self.patience}; it needs at least 1 epoch, or None")
        if self.optimizer not in OPTIMIZERS:
            raise BudgetError(unknown("optimizer", self.optimizer, OPTIMIZERS))
