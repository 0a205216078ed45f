"""Classification: softmax cross-entropy, judged by the share of samples that are predicted right."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from study.tasks.base import Metric, Task
from study.tasks.reference_models import BOOSTED_TREES, LOGISTIC_REGRESSION

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from torch import Tensor, device

    from study.data.split import Split
    from study.data.targets import Targets

_SMALLEST_PROBABILITY = 1e-37


def _accuracy(predictions: Tensor, y: Tensor) -> Tensor:
    return (predictions == y).double().mean(1)


def _balanced_accuracy(predictions: Tensor, y: Tensor) -> Tensor:
    """Mean over the classes that occur of the share predicted right."""
    from torch.nn.functional import one_hot

    right = (predictions == y).double()
    members = one_hot(y).double()
    members = members[:, members.sum(0) > 0]
    return (right @ members / members.sum(0)).mean(1)


def _share_of_majority(training: Tensor, y: Tensor, outputs: int) -> float:
    """Share of the class that is most frequent in the training part."""
    majority = training.bincount(minlength=outputs).argmax()
    return float((y == majority).double().mean())


def _one_sample(y: Tensor) -> float:
    return 1.0 / len(y)


def _one_sample_of_the_largest_class(y: Tensor) -> float:
    """What one sample of the most frequent class adds to the mean over the classes that occur."""
    members = y.bincount()
    return 1.0 / (int((members > 0).sum()) * int(members.max()))


def _binomial_error(share: float, y: Tensor) -> float:
    """Standard error of a share of independent samples."""
    return math.sqrt(share * (1.0 - share) / len(y))


def _error_of_class_mean(share: float, y: Tensor) -> float:
    """Standard error of the mean over classes of shares that are taken to be alike."""
    members = y.bincount().double()
    members = members[members > 0]
    return math.sqrt(share * (1.0 - share) * float((1.0 / members).sum())) / len(members)


@lru_cache(maxsize=64)
def _row_starts(rows: int, width: int, device: device) -> Tensor:
    """`[rows]` where each row of a flattened `[rows, width]` begins."""
    import torch

    return torch.arange(0, rows * width, width, device=device)


class Classification(Task):
    """One of C classes a sample; targets are class indices 0 … C − 1, outputs are logits."""

    name = "classification"
    loss_name = "log_loss"
    padded_output = -1e30
    reference_models = (LOGISTIC_REGRESSION, BOOSTED_TREES)
    metrics = (
        Metric(
            name="accuracy",
            unit="share of samples",
            higher_is_better=True,
            best=1.0,
            worst=0.0,
            compute=_accuracy,
            constant_guess=_share_of_majority,
            smallest_step=_one_sample,
            sampling_error=_binomial_error,
        ),
        Metric(
            name="balanced_accuracy",
            unit="mean share of each class",
            higher_is_better=True,
            best=1.0,
            worst=0.0,
            compute=_balanced_accuracy,
            constant_guess=lambda training, y, outputs: 1.0 / outputs,
            smallest_step=_one_sample_of_the_largest_class,
            sampling_error=_error_of_class_mean,
        ),
    )

    def read_target(self, values: pd.Series[Any] | npt.NDArray[Any], /, *, what: str) -> Targets:
        """Class indices, in the natural order of the labels; splits are stratified by class."""
        from study.data.labels import encode_labels

        return encode_labels(values, what=what)

    def outputs(self, split: Split) -> int:
        """One output a class."""
        return len(split.classes)

    def encode(self, y: Tensor, outputs: int) -> Tensor:
        """`[N, C]` one-hot class indices, int64."""
        from torch.nn.functional import one_hot

        return one_hot(y, outputs)

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Mean cross-entropy in nats, as `torch.nn.functional.cross_entropy`."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, y)

    def respond(self, outputs: Tensor, *, out: Tensor | None = None) -> Tensor:
        """`[S, N, C]` class probabilities."""
        if out is None:
            return outputs.softmax(-1)
        import torch

        torch.ops.aten._softmax.out(outputs, 2, False, out=out)
        return out

    def gradient(self, responses: Tensor, targets: Tensor, row_weights: Tensor, *, out: Tensor) -> Tensor:
        """The gradient of cross-entropy after softmax: probability − target (Bishop 2006, eq. 4.109)."""
        import torch

        return torch.sub(responses, targets, out=out).mul_(row_weights[:, None])

    def batch_terms(self, responses: Tensor, y: Tensor) -> Tensor:
        """`[S, n]` probability of the right class of each sample."""
        # One index for all networks: several times faster than gathering in each of them.
        return responses.flatten(1).index_select(1, _row_starts(len(y), responses.shape[2], y.device) + y)

    def epoch_loss(self, terms: Tensor) -> Tensor:
        """`[S]` mean of −log p; a probability that float32 rounds to 0 counts as 1e-37."""
        return -terms.clamp_min_(_SMALLEST_PROBABILITY).log_().double().mean(1)

    def sample_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """`[S, N]` cross-entropy in nats."""
        return -(outputs.log_softmax(-1) * targets).sum(2)

    def predict(self, outputs: Tensor) -> Tensor:
        """`[S, N]` class of the largest logit."""
        return outputs.argmax(2)


CLASSIFICATION = Classification()
