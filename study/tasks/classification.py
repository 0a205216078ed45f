"""Classification: softmax cross-entropy, with weights of classes and smoothed labels where they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from study.tasks.base import Metric, Task
from study.tasks.classification_metrics import METRICS, SMALLEST_PROBABILITY
from study.tasks.reference_models import BOOSTED_TREES, LOGISTIC_REGRESSION

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from torch import Tensor, device

    from study.data.split import Part, Split
    from study.data.targets import Targets


@lru_cache(maxsize=64)
def _row_starts(rows: int, width: int, device: device) -> Tensor:
    """`[rows]` where each row of a flattened `[rows, width]` begins."""
    import torch

    return torch.arange(0, rows * width, width, device=device)


@dataclass(frozen=True)
class Classification(Task):
    """One of C classes a sample; targets are class indices 0 … C − 1, outputs are logits.

    Attributes:
        metric: Name of a metric that is measured beside those that always are; None: no other.
        class_weight: Weight of each class in the loss, `balanced`, or None: all count the same.
        label_smoothing: Share of every target that is spread evenly over the classes in training.
    """

    metric: str | None = None
    class_weight: tuple[float, ...] | Literal["balanced"] | None = None
    label_smoothing: float = 0.0

    name = "classification"
    loss_name = "log_loss"
    loss_unit = "nats"
    padded_output = -1e30
    reference_models = (LOGISTIC_REGRESSION, BOOSTED_TREES)
    metrics = METRICS

    @property
    def measured(self) -> tuple[Metric, ...]:
        """Accuracy, balanced accuracy, and the study's metric."""
        return tuple(metric for metric in self.metrics if metric.always or metric.name == self.metric)

    @property
    def judging(self) -> Classification:
        """Without label smoothing."""
        return replace(self, label_smoothing=0.0)

    def read_target(
        self, values: pd.Series[Any] | npt.NDArray[Any], /, *, what: str, comma_first: bool = False
    ) -> Targets:
        """Class indices, in the natural order of the labels; splits are stratified by class."""
        from study.data.labels import encode_labels

        return encode_labels(values, what=what, comma_first=comma_first)

    def outputs(self, split: Split) -> int:
        """One output a class."""
        return len(split.classes)

    def fitted(self, split: Split) -> Classification:
        """With a number for each class's weight: balanced ones are N / (C · members), as scikit-learn's."""
        if self.class_weight != "balanced":
            return self
        members = split.training.y.bincount(minlength=len(split.classes)).double()
        return replace(self, class_weight=tuple((members.sum() / (len(members) * members)).tolist()))

    def loss_weights(self, part: Part) -> Tensor | None:
        """Sample weight times class weight, 1 on average over the part."""
        if self.class_weight is None:
            return super().loss_weights(part)
        import torch

        assert not isinstance(self.class_weight, str)  # the task is fitted
        weights = torch.tensor(self.class_weight, dtype=torch.float64)[part.y]
        if part.weights is not None:
            weights = weights * part.weights
        return weights / weights.mean()

    def encode(self, y: Tensor, outputs: int) -> Tensor:
        """`[N, C]` one-hot class indices, int64."""
        from torch.nn.functional import one_hot

        return one_hot(y, outputs)

    def training_targets(self, y: Tensor, outputs: int) -> Tensor:
        """`[N, C]` one-hot class indices, smoothed as by `torch.nn.CrossEntropyLoss` (Szegedy et al. 2016)."""
        targets = self.encode(y, outputs)
        if self.label_smoothing == 0.0:
            return targets
        return targets.double() * (1.0 - self.label_smoothing) + self.label_smoothing / outputs

    def loss(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean cross-entropy in nats, as `torch.nn.functional.cross_entropy`."""
        from torch.nn.functional import cross_entropy

        if weights is None:
            return cross_entropy(outputs, y, label_smoothing=self.label_smoothing)
        losses = cross_entropy(outputs, y, label_smoothing=self.label_smoothing, reduction="none")
        return (losses * weights.to(losses.dtype)).mean()

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

    def epoch_loss(self, terms: Tensor, weights: Tensor | None = None) -> Tensor:
        """`[S]` mean of −log p, without label smoothing; a probability that float32 rounds to 0 counts as 1e-37."""
        logs = terms.clamp_min_(SMALLEST_PROBABILITY).log_().double()
        return -(logs if weights is None else logs * weights).mean(1)

    def sample_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """`[S, N]` cross-entropy in nats."""
        return -(outputs.log_softmax(-1) * targets).sum(2)

    def predict(self, outputs: Tensor) -> Tensor:
        """`[S, N]` class of the largest logit."""
        return outputs.argmax(2)


CLASSIFICATION = Classification()
