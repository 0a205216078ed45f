"""Trained networks to keep: one trial's replicates as plain torch modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from search_spaces import Hyperparameters
from study.data.split import Split
from study.training.budget import Budget
from study.training.engines.base import Block, TrainedBlock
from study.training.fit import fit
from study.training.outcome import Outcome
from study.training.streams import Streams


def fit_networks(
    hyperparameters: Hyperparameters, split: Split | Sequence[Split], budget: Budget, streams: Streams, **options: Any
) -> tuple[Outcome, list[nn.Module]]:
    """Trains one trial as `fit` does, to the same bits, and keeps its networks.

    Args:
        hyperparameters: The trial.
        split: Data; one for all replicates, or one for each.
        budget: Epochs, replicates, batch size, optimizer.
        streams: The study's random numbers.
        options: Options of `fit`.

    Returns:
        The outcome, and one network a replicate, made of plain torch modules, in eval mode on the CPU.

    Raises:
        Interrupted: `stop` returned True.

    Example:
        >>> from study.data import load_dataset, make_split
        >>> split = make_split(load_dataset("iris"), seed=0)
        >>> outcome, networks = fit_networks(Hyperparameters(hidden=(8,)), split, Budget(epochs=2), Streams(0))
        >>> len(networks), networks[0](split.validation.x).shape
        (3, torch.Size([30, 3]))
    """
    networks: dict[int, nn.Module] = {}

    def keep(block: Block, trained: TrainedBlock) -> None:
        networks[block.replicate] = trained.network(0)

    (outcome,) = fit([hyperparameters], split, budget, streams, on_trained=keep, **options)
    return outcome, [networks[replicate] for replicate in range(budget.seeds)]
