"""The loss of a training step: the task's, and the penalties on activations at the searched places."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from torch import Tensor, nn

from study.training.engines.modules.places import (
    activation_places,
    recorded_calls,
    running_statistics_where_needed,
)

Batch = tuple[Tensor, Tensor, Tensor | None]
"""`[N, ...]` features, `[N]` targets, and `[N]` weights in the loss or None."""
LossOf = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def training_loss(
    network: nn.Module,
    forward: Callable[[Tensor], Tensor],
    loss_of: LossOf,
    batch: Batch,
    *,
    l1: float | Tensor,
    l2: float | Tensor,
) -> tuple[Tensor, Tensor]:
    """The loss of one network on a batch, and its `[N, C]` outputs.

    Args:
        network: The network, in training mode.
        forward: Calls it.
        loss_of: The loss of `[N, C]` outputs, `[N]` targets and `[N]` weights or None, as `Task.loss`.
        batch: What it is trained on.
        l1: Factor of the penalty on the sizes of activations; a scalar, also as a tensor.
        l2: Factor of the penalty on their squares.
    """
    x, y, weights = batch
    factors = [(factor, of) for factor, of in ((l1, Tensor.abs), (l2, Tensor.square)) if not _is_none(factor)]
    with (
        running_statistics_where_needed(network) if len(y) == 1 else nullcontext(),
        recorded_calls(*(activation_places(network) if factors else ())) as calls,
    ):
        outputs = forward(x)
    loss = loss_of(outputs, y, weights)
    for _, _, activations in calls:
        for factor, of in factors:
            sizes = of(activations)
            if weights is not None:
                sizes = sizes.flatten(1) * weights.to(sizes.dtype)[:, None]
            loss = loss + factor * sizes.sum() / len(y)
    return loss, outputs


def _is_none(factor: float | Tensor) -> bool:
    return not isinstance(factor, Tensor) and factor == 0
