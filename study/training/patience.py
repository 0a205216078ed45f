"""Patience: the best epoch of each slot by its validation score, and when a slot that gets no better ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

BEST_EPOCH = "best_epoch"
"""Name of the measure: the epoch whose weights are kept, counted from 1."""
_NAMES = ("epoch", "score", "loss")


class BestEpochs:
    """The best epoch so far of each of S slots.

    An epoch is better than another where its validation score is higher, and of equal scores where its validation loss
    is lower; of epochs that are equal in both the first one counts. An epoch whose score or loss is not finite is worse
    than all others.

    Args:
        slots: S.
        patience: A slot ends so many epochs after its best one.

    Attributes:
        epochs: `[S]` int64 the best epoch of each slot, counted from 1; 0 before the first.
        ends: `[S]` int64 the last epoch of each slot that has ended, else 0.
    """

    def __init__(self, slots: int, patience: int) -> None:
        self._patience = patience
        self.epochs, self.ends = (torch.zeros(slots, dtype=torch.int64) for _ in range(2))
        self._scores, self._losses = (torch.zeros(slots, dtype=torch.float64) for _ in range(2))

    def going(self) -> list[int]:
        """The slots that have not ended."""
        return [slot for slot, end in enumerate(self.ends.tolist()) if end == 0]

    def update(self, slots: Sequence[int], epoch: int, scores: Tensor, losses: Tensor) -> list[int]:
        """Compares the epoch that some slots have completed with their best one.

        Args:
            slots: Their numbers; one that has ended stays as it is.
            epoch: The epoch, counted from 1.
            scores: `[s]` validation scores of these slots, of which the greater is the better.
            losses: `[s]` validation losses.

        Returns:
            The places in `slots` of those for which it is the best epoch so far.
        """
        numbers = torch.tensor(slots)
        scores, losses = scores.double().cpu(), losses.double().cpu()
        usable = scores.isfinite() & losses.isfinite()
        scores, losses = torch.where(usable, scores, -torch.inf), torch.where(usable, losses, torch.inf)
        best, loss, first = self._scores[numbers], self._losses[numbers], self.epochs[numbers] == 0
        better = first | (scores > best) | ((scores == best) & (losses < loss))
        places = (better & (self.ends[numbers] == 0)).nonzero().flatten()
        improved = numbers[places]
        self._scores[improved], self._losses[improved], self.epochs[improved] = scores[places], losses[places], epoch
        ended = (self.ends[numbers] == 0) & (epoch - self.epochs[numbers] >= self._patience)
        self.ends[numbers[ended]] = epoch
        return [int(place) for place in places]

    def state(self, slot: int) -> dict[str, Tensor]:
        """Copies of what is known of one slot, by name, as scalars."""
        values = (self.epochs[slot], self._scores[slot], self._losses[slot])
        return {f"kept.{name}": value.double().clone() for name, value in zip(_NAMES, values, strict=True)}

    def restore(self, slot: int, tensors: Mapping[str, Tensor], epoch: int) -> None:
        """Puts a slot into its state after an epoch; the reverse of `state`."""
        self.epochs[slot] = int(tensors["kept.epoch"])
        self._scores[slot], self._losses[slot] = tensors["kept.score"], tensors["kept.loss"]
        self.ends[slot] = epoch if epoch - int(self.epochs[slot]) >= self._patience else 0


def state_shapes(network: Mapping[str, torch.Size]) -> dict[str, torch.Size]:
    """Shapes of what a slot's state has in addition under patience, by name.

    Args:
        network: Shapes of the tensors of its network, by name.
    """
    return {kept_name(name): shape for name, shape in network.items()} | {
        f"kept.{name}": torch.Size() for name in _NAMES
    }


def kept_name(name: str) -> str:
    """The name of a tensor of the kept network in a slot's state."""
    return f"kept.of.{name}"
