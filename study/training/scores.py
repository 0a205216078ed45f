"""From what networks predict and what their layers measure to results; every engine ends here.

Axes: `S` networks, `N` samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from study.data.split import Part, Split
from study.tasks import Task
from study.training.outcome import SPARSITY_MEASURES, Replicate

LayerMeasures = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What S networks give on one part in eval mode.

    Attributes:
        predictions: `[S, N]` predictions.
        loss: `[S]` float64 mean loss.
        y: `[N]` targets.
    """

    predictions: Tensor
    loss: Tensor
    y: Tensor


def scores_of(
    task: Task, training: tuple[Tensor, Tensor], validation: Evaluated, test: Evaluated | None
) -> dict[str, Tensor]:
    """`[S]` float64 scores by name.

    Args:
        task: What is learned; its first metric is compared between training and validation part.
        training: `[S, N]` predictions and `[N]` targets of the training part.
        validation: What they give on the validation part; its metrics go by their own names.
        test: What they give on the test part, where it was read; its metrics' names begin with `test_`.
    """
    scores = {metric.name: metric.compute(validation.predictions, validation.y) for metric in task.metrics}
    scores[task.loss_name] = validation.loss
    shown = task.metrics[0]
    reached = shown.compute(*training)
    scores[f"training_{shown.name}"] = reached
    scores["generalization_gap"] = shown.sign * (reached - scores[shown.name])
    if test is not None:
        scores[f"test_{task.loss_name}"] = test.loss
        for metric in task.metrics:
            scores[f"test_{metric.name}"] = metric.compute(test.predictions, test.y)
    return scores


def constant_guess(task: Task, split: Split, *, read_test: bool) -> Replicate:
    """The result of a diverged replicate: the metrics of the best constant prediction, and no sparsity.

    Args:
        task: What is learned.
        split: The data; the constant is chosen on the training part.
        read_test: Whether the test part is scored too.
    """

    def guessed(part: Part, prefix: str = "") -> dict[str, float]:
        return {
            prefix + metric.name: metric.constant_guess(split.training.y, part.y, task.outputs(split))
            for metric in task.metrics
        }

    scores = guessed(split.validation) | dict.fromkeys(SPARSITY_MEASURES, 0.0)
    return Replicate(diverged=True, scores=scores | (guessed(split.test, "test_") if read_test else {}))


def network_measures(layers: Sequence[LayerMeasures]) -> dict[str, float]:
    """Each measure of a network: the mean over its hidden layers."""
    return {name: fmean(layer[name] for layer in layers) for name in layers[0]} if layers else {}


def results_of(
    scores: Mapping[str, Tensor],
    *,
    finite: Tensor,
    layers: Sequence[Sequence[LayerMeasures]],
    test_layers: Sequence[Sequence[LayerMeasures]],
    norms_at_start: Sequence[Tensor],
    norms_at_end: Sequence[Tensor],
    curves: Mapping[str, Tensor],
    diverged: Replicate,
) -> list[Replicate]:
    """The results of S networks.

    Args:
        scores: From `scores_of`.
        finite: `[S]` bool, whether a network's parameters and its validation loss are finite.
        layers: Measures of each network's hidden layers on the validation part.
        test_layers: The same on the test part; empty where it was not read.
        norms_at_start: `[S]` norm of the loss's gradient for each layer's weights, the output layer's last.
        norms_at_end: The same after training.
        curves: `[epochs, S]` learning curves by name.
        diverged: The result of a network that is not finite.
    """
    # To the host in few pieces: each waits for a device.
    scored = torch.stack(list(scores.values()), 1).tolist()
    norms = torch.stack([torch.stack(list(norms_at_start)), torch.stack(list(norms_at_end))], 2)
    drawn = {name: curve.T.tolist() for name, curve in curves.items()}
    results = []
    for slot, (is_finite, norms_of_slot) in enumerate(
        zip(finite.tolist(), norms.transpose(0, 1).tolist(), strict=True)
    ):
        if not is_finite:
            results.append(diverged)
            continue
        ratios = {
            name: norms_of_slot[0][place] / norms_of_slot[-1][place]
            for place, name in enumerate(("gradient_ratio_start", "gradient_ratio_end"))
            if norms_of_slot[-1][place] > 0
        }
        results.append(
            Replicate(
                diverged=False,
                scores=dict(zip(scores, scored[slot], strict=True)) | network_measures(layers[slot]) | ratios,
                layers=tuple(
                    {**measures, "gradient_norm_start": start, "gradient_norm_end": end}
                    for measures, (start, end) in zip([*layers[slot], {}], norms_of_slot, strict=True)
                ),
                test_layers=tuple(map(dict, test_layers[slot])) if test_layers else (),
                curves={name: tuple(curve[slot]) for name, curve in drawn.items()},
            )
        )
    return results
