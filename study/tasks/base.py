"""What a task and a metric are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from study.tasks.reference_models import ReferenceModel

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from torch import Tensor

    from study.data.split import Part, Split
    from study.data.targets import Targets


def clamped(name: str) -> str:
    """The name of a metric or loss of the clamped network.

    Example:
        >>> clamped("accuracy")
        'clamped_accuracy'
    """
    return f"clamped_{name}"


def no_step(y: Tensor, weights: Tensor | None) -> float:
    """The smallest step of a metric that has none."""
    return 0.0


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One way to judge predictions; a study's objective is one of its task's metrics.

    A metric has *values*, which are stored and shown, and *scores*, of which the greater is the better: those of an
    error are its negated values, so that every study maximizes.

    Attributes:
        name: Name in `METRICS`, under which the value is stored.
        unit: Unit of a value.
        higher_is_better: Whether a larger value is better.
        percent: Whether people read values in per cent, and differences in percentage points.
        best: The best value that there is.
        worst: The worst value that there is.
        always: Whether it is measured in every study of its task, or only where it is the study's metric.
        of_probabilities: Whether it judges class probabilities, and not predicted classes.
        every_class: Whether it is defined only on a part of the data in which every class occurs.
        compute: `[S]` float64 values from `[S, N]` predictions, or `[S, N, C]` probabilities, of S networks, `[N]`
            targets, and `[N]` float64 sample weights or None.
        constant_guess: The value of the best constant prediction, from the training part, the part that is judged, and
            the number of outputs C.
        smallest_step: The least that one more right sample adds, from the `[N]` targets of the part that is judged, and
            their weights or None; 0 where there is no such least.
        sampling_error: Standard error of a value from the drawing of the samples that are judged, from the value, their
            `[N]` targets, and their weights or None; None where there is no formula.
    """

    name: str
    unit: str
    higher_is_better: bool = True
    percent: bool = True
    best: float = 1.0
    worst: float = 0.0
    always: bool = True
    of_probabilities: bool = False
    every_class: bool = False
    compute: Callable[..., Tensor]
    constant_guess: Callable[[Part, Part, int], float]
    smallest_step: Callable[[Tensor, Tensor | None], float] = no_step
    sampling_error: Callable[..., float] | None = None

    @property
    def clamped_name(self) -> str:
        """Name under which the value of the clamped network is stored (see `study.training.measures`)."""
        return clamped(self.name)

    @property
    def sign(self) -> int:
        """1 where higher values are better, else −1: `sign * (a - b)` is positive where a is better than b."""
        return 1 if self.higher_is_better else -1

    def score(self, value: float) -> float:
        """The score of a value: greater is better."""
        return self.sign * value

    def value(self, score: float) -> float:
        """The value of a score."""
        return self.sign * score

    def number(self, score: float) -> float:
        """A score, or a difference of scores, as people read it: as a value, in per cent where they read per cent."""
        return (100.0 if self.percent else 1.0) * self.sign * score

    def numbers(self, scores: Iterable[float]) -> list[float]:
        """`number` of each."""
        return [self.number(score) for score in scores]

    def titled(self, name: str) -> str:
        """A title of an axis, with the unit that numbers are in where it is per cent."""
        return f"{name}, %" if self.percent else name

    def headed(self, name: str) -> str:
        """The head of a column, as `titled`."""
        return f"{name} %" if self.percent else name

    @property
    def points(self) -> str:
        """The unit of differences, to stand behind a number."""
        return " pp" if self.percent else ""

    def digits(self, score: float) -> str:
        """A score in digits, without its unit."""
        return f"{self.number(score):.2f}" if self.percent else f"{self.number(score):.4g}"

    def text(self, score: float) -> str:
        """A score in digits and with its unit.

        Example:
            >>> from study.tasks import METRICS
            >>> METRICS["accuracy"].text(0.98765), METRICS["rmse"].text(-3.25)
            ('98.77 %', '3.25')
        """
        return f"{self.digits(score)} %" if self.percent else self.digits(score)

    def signed(self, difference: float) -> str:
        """A difference of scores in digits, with the sign that a difference of values has."""
        return f"{self.number(difference):+z.2f}" if self.percent else f"{self.number(difference):+z.3g}"

    def difference_text(self, difference: float) -> str:
        """A difference of scores in digits, with its sign and unit.

        Example:
            >>> from study.tasks import METRICS
            >>> METRICS["r2"].difference_text(0.012), METRICS["rmse"].difference_text(0.012)
            ('+1.20 pp', '-0.012')
        """
        return f"{self.signed(difference)}{self.points}"

    def plus_minus(self, error: float | None) -> str:
        """The standard error of a score, to stand behind its digits; empty where there is none."""
        if error is None:
            return ""
        return f" ± {100 * error:.2f}" if self.percent else f" ± {error:.2g}"


class Task(ABC):
    """What is learned: how targets are read, stratified and encoded, the loss with its gradient, and the metrics.

    Axes: `S` networks, `N` samples, `C` outputs. In training, outputs and targets may be padded with further columns:
    padded outputs are set to `padded_output`, and padded targets are 0, which together must add nothing to the loss.

    Attributes:
        name: Name in `TASKS`.
        loss_name: Name under which the mean loss of a part is stored.
        loss_unit: Unit of the loss.
        padded_output: Value of padded outputs.
        metrics: The metrics; the first is the default, and the one that learning curves show.
        reference_models: Models of another kind that a search's networks are compared with.
        learning_rate: Adam's step size for perceptrons, where a search is given none; None: that of all others.
        metric: Name of the study's metric; None: the first.
    """

    name: ClassVar[str]
    loss_name: ClassVar[str]
    loss_unit: ClassVar[str]
    padded_output: ClassVar[float]
    metrics: ClassVar[tuple[Metric, ...]]
    reference_models: ClassVar[tuple[ReferenceModel, ...]] = ()
    learning_rate: ClassVar[float | None] = None
    metric: str | None = None

    @abstractmethod
    def read_target(
        self, values: pd.Series[Any] | npt.NDArray[Any], /, *, what: str, comma_first: bool = False
    ) -> Targets:
        """Turn the column to predict into targets, with the groups that a split is stratified by.

        Args:
            values: `[N]` values of any type, as they were read.
            what: What the values are, for error texts: "target 'income' of adult.csv".
            comma_first: Whether `1,234` is rather 1.234, where values are numbers.

        Raises:
            DataError: The values cannot be targets of this task; the text says why, and what to do.
        """

    @property
    def measured(self) -> tuple[Metric, ...]:
        """The metrics that are computed in a study; the first is the one that learning curves show."""
        return tuple(metric for metric in self.metrics if metric.always)

    @property
    def judged_by(self) -> Metric:
        """The metric that trials are judged by: the study's, else the first."""
        return next((metric for metric in self.metrics if metric.name == self.metric), self.metrics[0])

    @property
    def judges_probabilities(self) -> bool:
        """Whether a metric that is computed judges the probabilities of a whole part, and is not the loss itself."""
        return any(metric.of_probabilities and metric.name != self.loss_name for metric in self.measured)

    @property
    def judging(self) -> Task:
        """This task without what belongs to training alone, for losses that are measured."""
        return self

    def loss_weights(self, part: Part) -> Tensor | None:
        """`[N]` float64 weight of each training sample in the loss, 1 on average; None where all count the same."""
        return None if part.weights is None else part.weights / part.weights.mean()

    def training_targets(self, y: Tensor, outputs: int) -> Tensor:
        """`[N, C]` targets of training, where these differ from `encode`."""
        return self.encode(y, outputs)

    def fitted(self, split: Split) -> Task:
        """This task with what it learns from the targets of the training part; the engines train a fitted task."""
        return self

    @abstractmethod
    def outputs(self, split: Split) -> int:
        """C, the number of outputs that a network for these data needs."""

    @abstractmethod
    def encode(self, y: Tensor, outputs: int) -> Tensor:
        """`[N, C]` targets as the loss compares outputs to them, from `[N]` targets as a split holds them."""

    @abstractmethod
    def loss(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean of weight · loss over `[N, C]` outputs without padding, for autograd.

        Args:
            outputs: `[N, C]` outputs of one network.
            y: `[N]` targets as a split holds them.
            weights: `[N]` of `loss_weights`; None: 1.
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
    def epoch_loss(self, terms: Tensor, weights: Tensor | None = None) -> Tensor:
        """`[S]` float64 mean loss of an epoch from the `[S, N]` terms of its batches, which may be overwritten.

        Args:
            terms: Of all samples, in the order of the epoch.
            weights: `[N]` of `loss_weights` in the same order; None: 1.
        """

    @abstractmethod
    def sample_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """`[S, N]` loss of each sample, from `[S, N, C]` outputs without padding and `[N, C]` encoded targets."""

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """`[S, N]` predictions, as targets are, from `[S, N, C]` outputs without padding."""
