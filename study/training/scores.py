"""From what networks predict and what their layers measure to results; every engine ends here.

Axes: `S` networks, `N` samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from study.data.split import Part, Split
from study.tasks import Metric, Task, clamped
from study.training.outcome import CLAMP_THRESHOLD, CLAMPED_ZEROS, SPARSITY_MEASURES, Replicate
from study.training.sampled import sampled

LayerMeasures = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What S networks give on one part in eval mode.

    Attributes:
        predictions: `[S, N]` predictions.
        probabilities: `[S, N, C]` class probabilities, where a metric judges them; else None.
        loss: `[S]` float64 mean loss.
        y: `[N]` targets.
        weights: `[N]` float64 sample weights; None where all count the same.
        zeros: `[S]` float64 share of zeros of each hidden layer, over live units, of clamped networks; else empty.
    """

    predictions: Tensor
    loss: Tensor
    y: Tensor
    zeros: Sequence[Tensor] = ()
    weights: Tensor | None = None
    probabilities: Tensor | None = None

    def value(self, metric: Metric, task: Task) -> Tensor:
        """`[S]` float64 values of a metric, which may be the task's loss."""
        if metric.name == task.loss_name:
            return self.loss
        judged = self.probabilities if metric.of_probabilities else self.predictions
        return metric.compute(judged, self.y, self.weights)


def judged_scores(validation: Evaluated, task: Task) -> Tensor:
    """`[S]` float64 validation scores that tell the best epoch: of the study's metric, greater is better."""
    return task.judged_by.sign * validation.value(task.judged_by, task)


def scores_of(
    task: Task,
    training: tuple[Tensor, Tensor, Tensor | None] | None,
    validation: Evaluated,
    test: Evaluated | None,
    *,
    training_sampled: bool = False,
    clamped_validation: Evaluated | None = None,
    clamped_test: Evaluated | None = None,
) -> dict[str, Tensor]:
    """`[S]` float64 scores by name.

    Args:
        task: What is learned; its first metric is compared between training and validation part.
        training: `[S, N]` predictions, `[N]` targets and `[N]` sample weights, or None, of the training part; None:
            it is not measured.
        validation: What they give on the validation part; its metrics go by their own names.
        test: What they give on the test part, where it was read; its metrics' names begin with `test_`.
        training_sampled: Whether `training` is a sample of that part; the names say so.
        clamped_validation: What the clamped networks give on the validation part, where that was asked for.
        clamped_test: What they give on the test part.
    """
    scores = {metric.name: validation.value(metric, task) for metric in task.measured}
    scores[task.loss_name] = validation.loss
    if training is not None:
        shown = task.metrics[0]
        reached = shown.compute(*training)
        named = sampled if training_sampled else str
        scores[named(f"training_{shown.name}")] = reached
        scores[named("generalization_gap")] = shown.sign * (reached - scores[shown.name])
    if test is not None:
        scores |= {f"test_{metric.name}": test.value(metric, task) for metric in task.measured}
        scores[f"test_{task.loss_name}"] = test.loss
    for part, prefix in ((clamped_validation, ""), (clamped_test, "test_")):
        if part is not None:
            scores |= {prefix + metric.clamped_name: part.value(metric, task) for metric in task.measured}
            scores[prefix + clamped(task.loss_name)] = part.loss
    return scores


def with_zeros(layers: Sequence[Sequence[LayerMeasures]], part: Evaluated | None) -> Sequence[Sequence[LayerMeasures]]:
    """The measures of the hidden layers of S networks with the zeros of their clamped layers, where those are known.

    Args:
        layers: Measures of each network's hidden layers on one part.
        part: What the clamped networks give on the same part.
    """
    if part is None or not part.zeros:
        return layers
    zeros = torch.stack(list(part.zeros), 1).tolist()
    return [
        [{**layer, CLAMPED_ZEROS: share} for layer, share in zip(of_slot, shares, strict=True)]
        for of_slot, shares in zip(layers, zeros, strict=True)
    ]


def constant_guess(task: Task, split: Split, *, read_test: bool, clamp: bool = False) -> Replicate:
    """The result of a diverged replicate: the metrics of the best constant prediction, and no sparsity.

    Args:
        task: What is learned.
        split: The data. Each metric says which constant is the best: for some it is that of the part that is judged.
        read_test: Whether the test part is scored too.
        clamp: Whether the clamped network has a result as well.
    """
    training = split.training

    def guessed(part: Part, prefix: str = "") -> dict[str, float]:
        guesses = {metric: metric.constant_guess(training, part, task.outputs(split)) for metric in task.measured}
        plain = {prefix + metric.name: guess for metric, guess in guesses.items()}
        return plain | {prefix + metric.clamped_name: guess for metric, guess in guesses.items() if clamp}

    sparsity = (*SPARSITY_MEASURES, CLAMPED_ZEROS) if clamp else SPARSITY_MEASURES
    scores = guessed(split.validation) | dict.fromkeys(sparsity, 0.0)
    return Replicate(diverged=True, scores=scores | (guessed(split.test, "test_") if read_test else {}))


def network_measures(layers: Sequence[LayerMeasures]) -> dict[str, float]:
    """Each measure of a network: the mean over its hidden layers; a layer's threshold is its own."""
    names = [name for name in layers[0] if name != CLAMP_THRESHOLD] if layers else []
    return {name: fmean(layer[name] for layer in layers) for name in names}


def results_of(
    scores: Mapping[str, Tensor],
    *,
    finite: Tensor,
    layers: Sequence[Sequence[LayerMeasures]],
    test_layers: Sequence[Sequence[LayerMeasures]],
    norms: tuple[Sequence[Tensor], Sequence[Tensor]] | None,
    norms_sampled: bool = False,
    curves: Mapping[str, Tensor],
    lengths: Sequence[int],
    diverged: Replicate,
) -> list[Replicate]:
    """The results of S networks.

    Args:
        scores: From `scores_of`.
        finite: `[S]` bool, whether a network's parameters and its validation loss are finite.
        layers: Measures of each network's hidden layers on the validation part.
        test_layers: The same on the test part; empty where it was not read.
        norms: `[S]` norm of the loss's gradient for each layer's weights, the output layer's last, before and after
            training; None: they are not measured, and the output layer has no measures.
        norms_sampled: Whether they were measured on a sample; the names say so.
        curves: `[epochs, S]` learning curves by name.
        lengths: Epochs for which each network was trained; its curves are no longer.
        diverged: The result of a network that is not finite.
    """
    # To the host in few pieces: each waits for a device.
    scored = torch.stack(list(scores.values()), 1).tolist()
    norms_of_slots: list[list[list[float]]] = [[]] * len(finite)
    if norms is not None:
        norms_of_slots = torch.stack([torch.stack(list(each)) for each in norms], 2).transpose(0, 1).tolist()
    named = sampled if norms_sampled else str
    drawn = {name: curve.T.tolist() for name, curve in curves.items()}
    results = []
    for slot, (is_finite, norms_of_slot) in enumerate(zip(finite.tolist(), norms_of_slots, strict=True)):
        if not is_finite:
            results.append(diverged)
            continue
        results.append(
            Replicate(
                diverged=False,
                scores=dict(zip(scores, scored[slot], strict=True))
                | network_measures(layers[slot])
                | _gradient_ratios(norms_of_slot, named),
                layers=_with_norms(layers[slot], norms_of_slot, named),
                test_layers=tuple(map(dict, test_layers[slot])) if test_layers else (),
                curves={name: tuple(curve[slot][: lengths[slot]]) for name, curve in drawn.items()},
            )
        )
    return results


def _gradient_ratios(norms: Sequence[Sequence[float]], named: Callable[[str], str]) -> dict[str, float]:
    """The norm of the first layer's gradient over that of the last one's, from the norms of one network's layers."""
    return {
        named(name): norms[0][place] / norms[-1][place]
        for place, name in enumerate(("gradient_ratio_start", "gradient_ratio_end"))
        if norms and norms[-1][place] > 0
    }


def _with_norms(
    layers: Sequence[LayerMeasures], norms: Sequence[Sequence[float]], named: Callable[[str], str]
) -> tuple[LayerMeasures, ...]:
    """The measures of one network's hidden layers; with the norms of gradients, and the output layer, where known."""
    if not norms:
        return tuple(map(dict, layers))
    return tuple(
        {**measures, named("gradient_norm_start"): start, named("gradient_norm_end"): end}
        for measures, (start, end) in zip([*layers, {}], norms, strict=True)
    )
