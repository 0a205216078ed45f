"""The hyperparameters of a trial as a row of a table, and in words."""

from __future__ import annotations

from typing import Any

from search_spaces import ACTIVATIONS, Hyperparameters
from study.config import StudyConfig

_PENALTIES = ("weight_decay", "l1", "l2")


def settings(used: Hyperparameters) -> dict[str, Any]:
    """The hyperparameters that have an effect, by name: a slope where the activation has one, penalties above 0.

    Example:
        >>> list(settings(Hyperparameters(activation="prelu", l1=1e-4)))
        ['activation', 'negative_slope', 'initialization', 'dropout', 'learning_rate', 'hidden', 'l1']
    """
    return {
        "activation": used.activation,
        **({"negative_slope": used.negative_slope} if ACTIVATIONS[used.activation].has_slope else {}),
        "initialization": used.initialization,
        "dropout": used.dropout,
        "learning_rate": used.learning_rate,
        **({"hidden": used.hidden} if used.hidden else {}),
        **{name: value for name in _PENALTIES if (value := getattr(used, name)) > 0},
        **({"channels": used.channels, "head": used.head} if used.channels else {}),
        **({"normalization": used.normalization} if used.normalization != "none" else {}),
        **({"residual": True} if used.residual else {}),
        **({"bias": used.bias} if used.bias else {}),
        **({"shuffled_targets": True} if used.shuffled_targets else {}),
        **({"input_orders": used.input_orders} if used.input_orders > 1 else {}),
    }


def as_trained(plain: float, clamped: float, config: StudyConfig) -> str:
    """What a network reaches as it was trained, beside its score with small activations set to 0, in words.

    Args:
        plain: Score of the network as it was trained.
        clamped: Score of the clamped network.
        config: The study's configuration.

    Example:
        >>> as_trained(0.95, 0.948, StudyConfig())
        'as trained, small activations kept, accuracy is 95.00 %: setting them to 0 changes it by -0.20 pp'
    """
    metric = config.judged_by
    return (
        f"as trained, small activations kept, {config.metric} is {metric.text(plain)}: setting them to 0 changes it by "
        f"{metric.difference_text(clamped - plain)}"
    )


def describe(used: Hyperparameters) -> str:
    """A configuration in words; the slope is leaky ReLU's constant one, or where PReLU's starts.

    Example:
        >>> describe(Hyperparameters(activation="prelu", negative_slope=0.25, weight_decay=1e-4))
        'prelu (slope 0.25), kaiming_normal, dropout 0, learning rate 0.001, weight decay 0.0001, layers 64 × 64'
    """
    shown = settings(used)
    slope = f" (slope {shown['negative_slope']:.3g})" if "negative_slope" in shown else ""
    penalties = [f"{name.replace('_', ' ')} {shown[name]:.3g}" for name in _PENALTIES if name in shown]
    layers = f"layers {' × '.join(map(str, used.hidden))}"
    if used.channels:
        layers = f"blocks {' × '.join(map(str, used.channels))}, {used.head}, {layers}"
    parts = [
        f"{used.activation}{slope}",
        used.initialization,
        f"dropout {used.dropout:.3g}",
        f"learning rate {used.learning_rate:.3g}",
        *penalties,
        *([layers] if used.hidden else []),
        *([f"{used.normalization} normalization"] if used.normalization != "none" else []),
        *(["residual"] if used.residual else []),
        *([f"biases from {used.bias:.3g}"] if used.bias else []),
        *(["shuffled targets"] if used.shuffled_targets else []),
        *([f"inputs in {used.input_orders} orders"] if used.input_orders > 1 else []),
    ]
    return ", ".join(parts)
