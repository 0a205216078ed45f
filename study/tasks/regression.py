"""Regression: a quantity to predict, standardized for training, judged in its own unit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from study.tasks.base import Metric, Task
from study.tasks.reference_models import BOOSTED_REGRESSION_TREES, RIDGE_REGRESSION

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from torch import Tensor

    from study.data.split import Part, Split
    from study.data.targets import Targets

_Compute = Callable[..., "Tensor"]
_Constant = Callable[["Tensor", "Tensor | None"], "Tensor"]

LOSSES = ("squared", "huber")
_WORST_R2 = -1.0
"""A coefficient of determination below it counts as it, so that no outlier rules a sampler."""
_HUBER_DELTA = 1.0
"""In standard deviations of the target, from where an error counts linearly; torch's default."""


def _average(values: Tensor, weights: Tensor | None) -> Tensor:
    """Mean over the last axis."""
    return values.mean(-1) if weights is None else (values * weights).sum(-1) / weights.sum()


def _r2(predictions: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """1 − Σ(y − ŷ)²/Σ(y − ȳ)², as `sklearn.metrics.r2_score`, and −1 at least."""
    residual = _average((y - predictions).square(), weights)
    total = _average((y - _average(y, weights)).square(), weights)
    if total == 0:
        return (residual == 0).double()
    return (1.0 - residual / total).clamp_min(_WORST_R2)


def _rmse(predictions: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """Root of the mean squared error."""
    return _average((y - predictions).square(), weights).sqrt()


def _mae(predictions: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean absolute error."""
    return _average((y - predictions).abs(), weights)


def _median(y: Tensor, weights: Tensor | None) -> Tensor:
    """The value that half of the weight lies at or below."""
    if weights is None:
        return y.quantile(0.5)
    values, order = y.sort()
    return values[weights[order].cumsum(0) >= weights.sum() / 2][0]


def _of_constant(metric: _Compute, constant: _Constant) -> Callable[..., float]:
    """The value of the best constant for the part that is judged, so that no network that gives a constant beats it."""

    def guess(training: Part, part: Part, outputs: int) -> float:
        return float(metric(constant(part.y, part.weights).expand(1, len(part)), part.y, part.weights))

    return guess


def _error(name: str, compute: _Compute, constant: _Constant) -> Metric:
    """A metric in the unit of the target, of which less is better."""
    return Metric(
        name=name,
        unit="unit of the target",
        higher_is_better=False,
        percent=False,
        best=0.0,
        worst=math.inf,
        compute=compute,
        constant_guess=_of_constant(compute, constant),
    )


@dataclass(frozen=True)
class Regression(Task):
    """One number a sample; targets are float64 in their own unit, the output is the standardized target.

    Attributes:
        metric: Name of the study's metric; None: the first. All are measured.
        loss_function: `squared`, as `torch.nn.MSELoss`, or `huber`, as `torch.nn.HuberLoss`.
        center: Mean of the training part's targets.
        scale: Their standard deviation.
    """

    metric: str | None = None
    loss_function: str = LOSSES[0]
    center: float = 0.0
    scale: float = 1.0

    name = "regression"
    loss_name = "standardized_loss"
    loss_unit = "of the standardized target"
    padded_output = 0.0
    metrics = (
        Metric(
            name="r2",
            unit="share of the variance",
            worst=_WORST_R2,
            compute=_r2,
            constant_guess=_of_constant(_r2, _average),
        ),
        _error("rmse", _rmse, _average),
        _error("mae", _mae, _median),
    )
    reference_models = (RIDGE_REGRESSION, BOOSTED_REGRESSION_TREES)
    learning_rate = 0.003  # with 0.001, 30 epochs end while networks still get better (docs/tasks.md)

    def read_target(
        self, values: pd.Series[Any] | npt.NDArray[Any], /, *, what: str, comma_first: bool = False
    ) -> Targets:
        """Numbers; splits are stratified by their quantiles."""
        from study.data.quantities import read_quantities

        return read_quantities(values, what=what, comma_first=comma_first)

    def fitted(self, split: Split) -> Regression:
        """This task with the mean and the standard deviation of the training part's targets."""
        y = split.training.y.double()
        scale = float(y.std(correction=0))
        return replace(self, center=float(y.mean()), scale=scale if scale > 0 else 1.0)

    def outputs(self, split: Split) -> int:
        """One."""
        return 1

    def encode(self, y: Tensor, outputs: int) -> Tensor:
        """`[N, 1]` standardized targets, float64."""
        return self._standardized(y)[:, None]

    def _standardized(self, y: Tensor) -> Tensor:
        return (y - self.center) / self.scale

    def loss(self, outputs: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean loss, as `torch.nn.functional.mse_loss` or `huber_loss`."""
        from torch.nn import functional

        targets = self.encode(y, 1).to(outputs.dtype)
        if self.loss_function == "huber":
            losses = functional.huber_loss(outputs, targets, reduction="none", delta=_HUBER_DELTA)
        else:
            losses = functional.mse_loss(outputs, targets, reduction="none")
        return losses.mean() if weights is None else (losses[:, 0] * weights.to(losses.dtype)).mean()

    def respond(self, outputs: Tensor, *, out: Tensor | None = None) -> Tensor:
        """`[S, N, 1]` the outputs, which are on the scale of the standardized targets."""
        return outputs if out is None else out.copy_(outputs)

    def gradient(self, responses: Tensor, targets: Tensor, row_weights: Tensor, *, out: Tensor) -> Tensor:
        """Twice the error, or under Huber's loss the error cut at ±1."""
        import torch

        torch.sub(responses, targets, out=out)
        if self.loss_function == "huber":
            out.clamp_(-_HUBER_DELTA, _HUBER_DELTA)
        else:
            out.mul_(2.0)
        return out.mul_(row_weights[:, None])

    def _of_errors(self, errors: Tensor) -> Tensor:
        """The loss of each error; `errors` may be overwritten."""
        if self.loss_function == "huber":
            from torch.nn.functional import huber_loss

            return huber_loss(errors, errors.new_zeros(()).expand_as(errors), reduction="none", delta=_HUBER_DELTA)
        return errors.square_()

    def batch_terms(self, responses: Tensor, y: Tensor) -> Tensor:
        """`[S, n]` loss of each sample."""
        return self._of_errors(responses[:, : len(y), 0] - self._standardized(y).to(responses.dtype))

    def epoch_loss(self, terms: Tensor, weights: Tensor | None = None) -> Tensor:
        """`[S]` mean loss."""
        return (terms.double() if weights is None else terms.double() * weights).mean(1)

    def sample_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """`[S, N]` loss of each sample."""
        return self._of_errors((outputs - targets).sum(2))

    def predict(self, outputs: Tensor) -> Tensor:
        """`[S, N]` float64 predictions in the unit of the target."""
        return outputs[:, :, 0].double() * self.scale + self.center


REGRESSION = Regression()
