"""What a task and a metric are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from study.tasks.reference_models import ReferenceModel

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from torch import Tensor

    from study.data.split import Split
    from study.data.targets import Targets


def clamped(name: str) -> str:
    """The name of a metric or loss of the clamped network.

    Example:
        >>> clamped("accuracy")
        'clamped_accuracy'
    """
    return f"clamped_{name}"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One way to judge predictions; a study's objective is one of its task's metrics.

    Attributes:
        name: Name in `METRICS`, under which the value is stored.
        unit: Unit of a value.
        higher_is_better: Whether a larger value is better.
        best: The best value that there is.
        worst: The worst value that there is.
        compute: `[S]` float64 values from `[S, N]` predictions of S networks and `[N]` targets.
        constant_guess: The value of the best constant prediction, from the `[N]` targets of the training part, on which
            it is chosen, the `[N]` targets of the part that is judged, and the number of outputs C.
        smallest_step: The least that one more right sample adds, from the `[N]` targets of the part that is judged; 0
            where there is no such least.
        sampling_error: Standard error of a value from the drawing of the samples that are judged, from the value and
            their `[N]` targets; None where there is no formula.
    """

    name: str
    unit: str
    higher_is_better: bool
    best: float
    worst: float
    compute: Callable[[Tensor, Tensor], Tensor]
    constant_guess: Callable[[Tensor, Tensor, int], float]
    smallest_step: Callable[[Tensor], float]
    sampling_error: Callable[[float, Tensor], float] | None = None

    @property
    def clamped_name(self) -> str:
        """Name under which the value of the clamped network is stored (see `study.training.measures`)."""
        return clamped(self.name)

    @property
    def sign(self) -> int:
        """1 where higher values are better, else −1: `sign * (a - b)` is positive where a is better than b."""
        return 1 if self.higher_is_better else -1


class Task(ABC):
    """What is learned: how targets are read, stratified and encoded, the loss with its gradient, and the metrics.

    Axes: `S` networks, `N` samples, `C` outputs. In training, outputs and targets may be padded with further columns:
    padded outputs are set to `padded_output`, and padded targets are 0, which together must add nothing to the loss.

    Attributes:
        name: Name in `TASKS`.
        loss_name: Name under which the mean loss of a part is stored.
        padded_output: Value of padded outputs.
        metrics: The metrics; the first is the one that learning curves show.
        reference_models: Models of another kind that a search's networks are compared with.
    """

    name: ClassVar[str]
    loss_name: ClassVar[str]
    padded_output: ClassVar[float]
    metrics: ClassVar[tuple[Metric, ...]]
    reference_models: ClassVar[tuple[ReferenceModel, ...]] = ()

    @abstractmethod
    def read_target(self, values: pd.Series[Any] | npt.NDArray[Any], /, *, what: str) -> Targets:
        """Turn the column to predict into targets, with the groups that a split is stratified by.

        Args:
            values: `[N]` values of any type, as they were read.
            what: What the values are, for error texts: "target 'income' of adult.csv".

        Raises:
            DataError: The values cannot be targets of this task; the text says why, and what to do.
        """

    @abstractmethod
    def outputs(self, split: Split) -> int:
        """C, the number of outputs that a network for these data needs."""

    @abstractmethod
    def encode(self, y: Tensor, outputs: int) -> Tensor:
        """`[N, C]` targets as the loss compares outputs to them, from `[N]` targets as a split holds them."""

    @abstractmethod
    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Mean loss of `[N, C]` outputs without padding, for autograd.

        Args:
            outputs: `[N, C]` outputs of one network.
            y: `[N]` targets as a split holds them.
        """

    @abstractmethod
    def respond(self, outputs: Tensor, *, out: Tensor | None = None) -> Tensor:
        """`[S, N, C]` what outputs mean on the scale of the encoded targets, such as class probabilities."""

    @abstractmethod
    def gradient(self, responses: Tensor, targets: Tensor, row_weights: Tensor, *, out: Tensor) -> Tensor:
        """Gradient of the weighted loss with respect to the outputs, written to `out`; nothing else is allocated.

        Args:
            responses: `[S, N, C]` from `respond`.
            targets: `[N, C]` from `encode`.
            row_weights: `[N]` weight of each sample in the loss; 0 where a row is padding.
            out: `[S, N, C]` to fill.
        """

    @abstractmethod
    def batch_terms(self, responses: Tensor, y: Tensor) -> Tensor:
        """`[S, n]` what the loss curve needs of a batch; it is read after every step, so it is cheap.

        Args:
            responses: `[S, N, C]` from `respond`; rows from n on are padding.
            y: `[n]` targets as a split holds them.
        """

    @abstractmethod
    def epoch_loss(self, terms: Tensor) -> Tensor:
        """`[S]` float64 mean loss of an epoch from the `[S, N]` terms of its batches, which may be overwritten."""

    @abstractmethod
    def sample_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """`[S, N]` loss of each sample, from `[S, N, C]` outputs without padding and `[N, C]` encoded targets."""

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """`[S, N]` predictions from `[S, N, C]` outputs without padding."""
