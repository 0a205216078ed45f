"""The metrics of classification: of predicted classes, and of class probabilities.

Axes: `S` networks, `N` samples, `C` classes. `weights` are `[N]` float64 sample weights; None where all count the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from study.tasks.base import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from study.data.split import Part

SMALLEST_PROBABILITY = 1e-37
"""A probability that float32 rounds to 0 counts as it."""


def _accuracy(predictions: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    right = (predictions == y).double()
    return right.mean(1) if weights is None else (right * weights).sum(1) / weights.sum()


def _members(y: Tensor, weights: Tensor | None) -> Tensor:
    """`[N, C]` the weight of each sample in the column of its class, of the classes that occur."""
    from torch.nn.functional import one_hot

    members = one_hot(y).double()
    if weights is not None:
        members = members * weights[:, None]
    return members[:, members.sum(0) > 0]


def _balanced_accuracy(predictions: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over the classes that occur of the share predicted right."""
    right, members = (predictions == y).double(), _members(y, weights)
    return (right @ members / members.sum(0)).mean(1)


def _f1_macro(predictions: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean of 2 TP / (2 TP + FP + FN) over the classes that occur or are predicted, as `sklearn.metrics.f1_score`."""
    import torch

    slots, classes = len(predictions), int(max(y.max(), predictions.max())) + 1
    places = torch.arange(slots, device=y.device)[:, None] * classes
    each = torch.ones_like(y, dtype=torch.float64) if weights is None else weights

    def totals(labels: Tensor, counted: Tensor) -> Tensor:
        """`[S, C]` weight of the samples of each class."""
        flat = counted.expand(slots, -1).flatten()
        return (places + labels).flatten().bincount(flat, minlength=slots * classes).view(slots, classes)

    right = totals(y, each * (predictions == y))
    both = totals(y, each) + totals(predictions, each)
    return torch.where(both > 0, 2.0 * right / both, 0.0).sum(1) / (both > 0).sum(1)


def _roc_auc(probabilities: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """Area under the ROC curve, one class against the rest, mean over classes, as `sklearn.metrics.roc_auc_score`.

    It is the probability that a sample of the class gets a higher probability of it than one of another class, ties
    counting half (Hanley and McNeil 1982).
    """
    import torch

    classes = probabilities.shape[2]
    each = torch.ones_like(y, dtype=torch.float64) if weights is None else weights
    areas = []
    for label in (1,) if classes == 2 else range(classes):
        values, order = probabilities[:, :, label].contiguous().sort(1)
        others = torch.where(y == label, 0.0, each)
        below = torch.cat([others.new_zeros(len(values), 1), others[order].cumsum(1)], 1)
        own = probabilities[:, y == label, label].contiguous()
        ranks = sum(below.gather(1, torch.searchsorted(values, own, side=side)) for side in ("left", "right"))
        weight = each[y == label]
        areas.append((ranks * weight).sum(1) / (2.0 * weight.sum() * others.sum()))
    return torch.stack(areas).mean(0)


def _log_loss(probabilities: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean of −log of the probability of the right class, in nats."""
    losses = -probabilities[:, range(len(y)), y].double().clamp_min(SMALLEST_PROBABILITY).log()
    return losses.mean(1) if weights is None else (losses * weights).sum(1) / weights.sum()


def _accuracy_of_majority(training: Part, part: Part, outputs: int) -> float:
    """The accuracy of the class that is most frequent in the training part."""
    guess = training.y.bincount(training.weights, minlength=outputs).argmax()
    return float(_accuracy(guess.expand(1, len(part)), part.y, part.weights))


def _best_f1_of_one_class(training: Part, part: Part, outputs: int) -> float:
    """The best that one class for all samples reaches on the part that is judged."""
    import torch

    guesses = torch.arange(outputs, device=part.y.device)[:, None].expand(-1, len(part))
    return float(_f1_macro(guesses, part.y, part.weights).max())


def _entropy(training: Part, part: Part, outputs: int) -> float:
    """Log loss of the shares of the classes in the part that is judged: no constant probabilities have a lower one."""
    counts = part.y.bincount(part.weights, minlength=outputs).double()
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * shares.log()).sum())


def _one_sample(y: Tensor, weights: Tensor | None = None) -> float:
    return 1.0 / len(y) if weights is None else float(weights[weights > 0].min() / weights.sum())


def _one_sample_of_the_largest_class(y: Tensor, weights: Tensor | None = None) -> float:
    """What one sample of the most frequent class adds to the mean over the classes that occur."""
    if weights is None:
        members = y.bincount()
        return 1.0 / (int((members > 0).sum()) * int(members.max()))
    shares = _members(y, weights) / _members(y, weights).sum(0)
    return float(shares[shares > 0].min()) / shares.shape[1]


def _half_a_pair(y: Tensor, weights: Tensor | None = None) -> float:
    """What a tie that is broken rightly adds, in the class where it adds least."""
    import torch

    classes = int(y.max()) + 1
    each = torch.ones_like(y, dtype=torch.float64) if weights is None else weights
    least = []
    for label in range(classes):
        own, others = (each[mask & (each > 0)] for mask in (y == label, y != label))
        if len(own) and len(others):
            least.append(float(own.min() * others.min() / (2.0 * own.sum() * others.sum())))
    return min(least, default=0.0) / (1 if classes == 2 else classes)


def effective_count(y: Tensor, weights: Tensor | None) -> float:
    """How many samples of equal weight tell as much (Kish 1965)."""
    return len(y) if weights is None else float(weights.sum() ** 2 / weights.square().sum())


def _binomial_error(share: float, y: Tensor, weights: Tensor | None = None) -> float:
    """Standard error of a share of independent samples."""
    return math.sqrt(max(0.0, share * (1.0 - share)) / effective_count(y, weights))


def _error_of_class_mean(share: float, y: Tensor, weights: Tensor | None = None) -> float:
    """Standard error of the mean over classes of shares that are taken to be alike."""
    members = _members(y, weights)
    counts = members.sum(0) ** 2 / members.square().sum(0)
    return math.sqrt(max(0.0, share * (1.0 - share)) * float((1.0 / counts).sum())) / len(counts)


METRICS = (
    Metric(
        name="accuracy",
        unit="share of samples",
        compute=_accuracy,
        constant_guess=_accuracy_of_majority,
        smallest_step=_one_sample,
        sampling_error=_binomial_error,
    ),
    Metric(
        name="balanced_accuracy",
        unit="mean share of each class",
        compute=_balanced_accuracy,
        constant_guess=lambda training, part, outputs: 1.0 / outputs,
        smallest_step=_one_sample_of_the_largest_class,
        sampling_error=_error_of_class_mean,
    ),
    Metric(
        name="f1_macro",
        unit="mean F1 of each class",
        always=False,
        compute=_f1_macro,
        constant_guess=_best_f1_of_one_class,
    ),
    Metric(
        name="roc_auc",
        unit="mean area under the ROC curve of each class",
        always=False,
        of_probabilities=True,
        every_class=True,
        compute=_roc_auc,
        constant_guess=lambda training, part, outputs: 0.5,
        smallest_step=_half_a_pair,
    ),
    Metric(
        name="log_loss",
        unit="nats",
        higher_is_better=False,
        percent=False,
        best=0.0,
        worst=math.inf,
        always=False,
        of_probabilities=True,
        compute=_log_loss,
        constant_guess=_entropy,
    ),
)
"""The metrics of classification; the first is the default."""
