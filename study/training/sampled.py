"""The samples on which a search measures what would cost too much on all of them, the same ones for every trial.

How many they are is argued in docs/measures.md, by the standard errors of what is measured on them.
"""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor

TRAINING_SAMPLES = 1024
"""Samples of the training part that its score is measured on, at most."""
GRADIENT_SAMPLES = 512
"""Samples of the validation part that gradients are measured on, at most."""


def sampled(name: str) -> str:
    """Name under which a measure is stored that was taken on fewer samples than there are."""
    return f"sampled_{name}"


def sampled_rows(samples: int, most: int) -> Tensor:
    """Rows of a part that are measured: all where they are few, else evenly spaced, for a part may be in order of time.

    Example:
        >>> sampled_rows(10, 4).tolist()
        [0, 2, 5, 7]
    """
    count = min(samples, most)
    return torch.arange(count) * samples // max(count, 1)


class _Samples(Protocol):
    """A part of the data as an engine reads it."""

    def sample(self, most: int) -> Self: ...


_Part = TypeVar("_Part", bound=_Samples)


def measured_on(training: _Part, validation: _Part, *, sample: bool) -> tuple[_Part, _Part]:
    """What the score on the training part, and the norms of gradients, are measured on: the parts, or samples of them.

    Args:
        training: The training part.
        validation: The validation part.
        sample: Whether they are measured on samples; of a part that has no more there is none, and it is returned.
    """
    if not sample:
        return training, validation
    return training.sample(TRAINING_SAMPLES), validation.sample(GRADIENT_SAMPLES)
