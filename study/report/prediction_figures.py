"""What the recommended networks predict on the test part: right and wrong, and how sure they are of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from study.records.open_study import OpenStudy
from study.records.own_trials import OwnTrial
from study.report.palette import INK, RECOMMENDED
from study.report.plot import Panel, Section, figure, heat
from study.search.retraining import retrained_networks
from study.training.plain_network import outputs_of

_BINS = 15
"""Of the reliability diagram; the number of Guo et al. (2017)."""
_MOST_CLASSES, _MOST_POINTS = 20, 1000
_LONGEST_LABEL = 14
_EACH_AS_TRAINED = "of the networks as they were trained, one for each seed"


def prediction_section(
    study: OpenStudy, trial: OwnTrial, *, stop: Callable[[], bool] = lambda: False
) -> Section | None:
    """The predictions of a trial's networks, which are trained once more; None where there is no test part.

    Args:
        study: A search.
        trial: The trial.
        stop: Asked at every step of training.

    Raises:
        Interrupted: `stop` said so.
    """
    problem = study.search
    test = problem.split.test
    if not len(test) or trial.diverged:
        return None
    _, networks = retrained_networks(problem, trial, stop=stop)
    # Under cross-validation each fold has inputs and a scale of its own.
    splits = [problem.prepared_for(replicate).split for replicate in range(len(networks))]
    pairs, task, y = list(zip(networks, splits, strict=True)), problem.task, test.y.numpy()
    with torch.inference_mode():
        outputs = [outputs_of(network, split.test.x)[None] for network, split in pairs]
        if not problem.split.classes:
            predicted = [task.fitted(split).predict(each) for each, split in zip(outputs, splits, strict=True)]
            return regression_section(torch.cat(predicted).numpy(), y)
        return classification_section(task.respond(torch.cat(outputs)).numpy(), y, problem.split.classes)


def regression_section(predictions: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Section:
    """Predicted against true values, and the spread of the residuals.

    Args:
        predictions: `[R, N]` of each replicate's network.
        y: `[N]` true values.
    """
    mean, residuals = predictions.mean(0), (y - predictions).ravel()
    step = -(-len(y) // _MOST_POINTS)
    against = figure("predicted", "true")
    ends = [float(min(y.min(), mean.min())), float(max(y.max(), mean.max()))]
    against.add_scatter(x=ends, y=ends, mode="lines", line={"color": INK, "dash": "dot"}, showlegend=False)
    against.add_scatter(
        x=mean[::step].tolist(),
        y=y[::step].tolist(),
        mode="markers",
        marker={"size": 5, "color": RECOMMENDED, "opacity": 0.6},
        showlegend=False,
    )
    spread = figure("true − predicted", "share of samples, %")
    spread.add_histogram(x=residuals.tolist(), histnorm="percent", nbinsx=40, marker={"color": RECOMMENDED})
    low, middle, high = np.quantile(residuals, [0.05, 0.5, 0.95])
    drawn = f" Drawn is every {step}th of {len(y):,} samples." if step > 1 else ""
    return Section(
        "predictions",
        "Predicted and true",
        f"Predictions for the test part {_EACH_AS_TRAINED}: left their means, right all residuals, of which 90 % lie "
        f"between {low:.4g} and {high:.4g}, half of them below {middle:.4g}. On the dotted line predictions are right."
        f"{drawn}",
        (Panel("predictions-figure", against), Panel("residuals-figure", spread)),
    )


def classification_section(
    probabilities: npt.NDArray[np.float32], y: npt.NDArray[np.int64], classes: Sequence[str]
) -> Section:
    """The confusion matrix, and how often a predicted class is right by how probable the network takes it to be.

    Args:
        probabilities: `[R, N, C]` of each replicate's network.
        y: `[N]` class indices.
        classes: `[C]` labels.
    """
    panels = []
    if len(classes) <= _MOST_CLASSES:
        counts = confusion(probabilities.argmax(2), y, len(classes))
        shares = 100.0 * counts / np.maximum(1, counts.sum(1, keepdims=True))
        texts = [[f"{count:.0f}" for count in row] for row in counts / len(probabilities)]
        names = short_names(classes)
        rows = [f"is {name}" for name in names]
        panels.append(Panel("confusion-figure", heat(rows, names, shares.tolist(), texts)))
    known = calibration(probabilities, y)
    chart = figure("probability of the predicted class, %", "predicted right, %")
    chart.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": INK, "dash": "dot"}, showlegend=False)
    chart.add_scatter(
        x=(100 * known.confidence).tolist(),
        y=(100 * known.right).tolist(),
        mode="lines+markers",
        marker={"size": (6 + 18 * np.sqrt(known.share)).tolist(), "color": RECOMMENDED},
        line={"color": RECOMMENDED},
        text=[f"{share:.1%} of the samples" for share in known.share],
        showlegend=False,
    )
    panels.append(Panel("reliability-figure", chart))
    matrix = (
        "rows are the true classes, columns the predicted ones, numbers are means over seeds; a brighter cell has more "
        "of its row. "
        if len(panels) > 1
        else ""
    )
    return Section(
        "predictions",
        "Right and wrong",
        f"Predictions for the test part {_EACH_AS_TRAINED}: {matrix}The reliability diagram groups them by the "
        "probability of the predicted class; on the dotted line it is as often right as it says. Expected calibration "
        f"error: {100 * known.error:.2f} pp, over {_BINS} groups of equal width (Guo et al. 2017).",
        tuple(panels),
    )


def confusion(predictions: npt.NDArray[np.int64], y: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.int64]:
    """`[C, C]` how many samples of each class (row) were predicted as each (column), over all networks.

    Example:
        >>> confusion(np.array([[0, 1, 1]]), np.array([0, 0, 1]), 2)
        array([[1, 1],
               [0, 1]])
    """
    places = (y * classes + predictions).ravel()
    return np.bincount(places, minlength=classes**2).reshape(classes, classes)


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often predicted classes are right, by their probability.

    Attributes:
        confidence: `[B]` mean probability of the predicted class in each bin that has samples.
        right: `[B]` share of its samples that are predicted right.
        share: `[B]` its share of all samples.
    """

    confidence: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    share: npt.NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of confidence and share right (Guo et al. 2017, eq. 3)."""
        return float((self.share * np.abs(self.confidence - self.right)).sum())


def calibration(probabilities: npt.NDArray[np.float32], y: npt.NDArray[np.int64]) -> Calibration:
    """The calibration of networks, in bins of equal width.

    Args:
        probabilities: `[R, N, C]` of each network.
        y: `[N]` class indices.
    """
    confidence = probabilities.max(2).ravel().astype(np.float64)
    right = (probabilities.argmax(2) == y).ravel()
    places = np.minimum(_BINS - 1, (confidence * _BINS).astype(np.int64))
    counts = np.bincount(places, minlength=_BINS)
    there = counts > 0
    means = [np.bincount(places, each, minlength=_BINS)[there] / counts[there] for each in (confidence, right)]
    return Calibration(means[0], means[1], counts[there] / counts.sum())


def short_names(classes: Sequence[str]) -> list[str]:
    """Labels that fit an axis; those that are cut have their number, so that they stay apart.

    Example:
        >>> short_names(["setosa", "a label of many words", "a label of many others"])
        ['setosa', 'a label … (1)', 'a label … (2)']
    """
    return [
        name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 6]}… ({number})"
        for number, name in enumerate(classes)
    ]
