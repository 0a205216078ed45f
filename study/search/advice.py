"""What to use, in five lines, from a search's front on fresh seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from search_spaces import ACTIVATIONS
from study.problem import Problem
from study.search.fresh_seeds import FRESH_SEEDS, FreshFront, FreshTrial

NO_DIFFERENCE = 0.005
"""Accuracy that makes no practical difference, as a fraction."""


@dataclass(frozen=True)
class Advice:
    """What a search's evidence advises.

    Attributes:
        use: The configuration.
        why: What it reaches, and against the baseline, with intervals.
        survived: How much of its advantage on the search's seeds the fresh ones confirm.
        cost: What it costs, or gains, against the next best.
        close: What was too close to call.
        front: What all that comes from.
    """

    use: str
    why: str
    survived: str
    cost: str
    close: str
    front: FreshFront

    @property
    def lines(self) -> tuple[str, ...]:
        """The five lines."""
        return (self.use, self.why, self.survived, self.cost, self.close)


def advise(front: FreshFront, problem: Problem) -> Advice:
    """Advice from a front on fresh seeds.

    Args:
        front: See `fresh.train_fresh`.
        problem: What the study is about.
    """
    best = front.recommended
    return Advice(
        use=f"use {_named(best, problem)}",
        why=f"why: {_why(front, problem)}",
        survived=f"survived: {_survived(front, problem)}",
        cost=f"cost: {_cost(front, problem)}",
        close=f"too close to call: {_close(front)}",
        front=front,
    )


def settings(trial: FreshTrial, problem: Problem) -> dict[str, Any]:
    """The hyperparameters that matter of a trial."""
    used = problem.space.hyperparameters(trial.candidate.params, problem.defaults)
    sloped = ACTIVATIONS[used.activation].slope != "none"
    return {
        "activation": used.activation,
        **({"negative_slope": used.negative_slope} if sloped else {}),
        "initialization": used.initialization,
        "dropout": used.dropout,
        "learning_rate": used.learning_rate,
        "hidden": used.hidden,
        **{name: value for name in ("weight_decay", "l1") if (value := getattr(used, name)) > 0},
    }


def _named(trial: FreshTrial, problem: Problem) -> str:
    used = settings(trial, problem)
    slope = f" (slope {used['negative_slope']:.3g})" if "negative_slope" in used else ""
    extra = [f"{name.replace('_', ' ')} {used[name]:.3g}" for name in ("weight_decay", "l1") if name in used]
    parts = [
        f"{used['activation']}{slope}",
        used["initialization"],
        f"dropout {used['dropout']:.3g}",
        f"learning rate {used['learning_rate']:.3g}",
        *extra,
        f"layers {' × '.join(map(str, used['hidden']))}",
    ]
    return f"trial {trial.candidate.number}: {', '.join(parts)}"


def _why(front: FreshFront, problem: Problem) -> str:
    best, baseline, sparsity = front.recommended, front.baseline, problem.config.sparsity
    low, high = best.interval
    text = (
        f"{100 * best.accuracy:.2f} % test {problem.config.metric} ({100 * low:.2f} … {100 * high:.2f}) "
        f"with {100 * best.sparsity:.1f} % {sparsity}, over {FRESH_SEEDS} fresh seeds"
    )
    if baseline is None:
        return f"{text}; there is no baseline, trial 0 did not finish"
    if baseline is best:
        return f"{text}; it is the baseline itself"
    return f"{text}; {_difference(best, baseline)} against the baseline, trial 0, {_sparser(best, baseline, sparsity)}"


def _survived(front: FreshFront, problem: Problem) -> str:
    """What became of the search's own choice, whose advantage was measured on the seeds that it was chosen on."""
    config, first, baseline = problem.config, front.first_choice, front.baseline
    if baseline is None or baseline is first:
        return "the search chose the baseline itself, or has none: no advantage could be lost"
    before, _ = first.candidate.difference(baseline.candidate)
    after, _ = first.minus(baseline)
    sparser_before = first.candidate.sparsity - baseline.candidate.sparsity
    sparser_after = first.sparsity - baseline.sparsity
    dropped = "" if first is front.recommended else "; the choice is therefore another"
    return (
        f"of {100 * before:+.2f} pp {config.metric} that trial {first.candidate.number}, the search's choice, had over "
        f"the baseline on its {config.seeds} seeds, {100 * after:+.2f} pp on fresh ones{_share(before, after)}; of "
        f"{100 * sparser_before:+.1f} pp {config.sparsity}, {100 * sparser_after:+.1f} pp"
        f"{_share(sparser_before, sparser_after)}{dropped}"
    )


def _share(before: float, after: float) -> str:
    """How much of an advantage is left; nothing is said of what was none."""
    return f" ({max(0.0, after / before):.0%})" if before > 0 else ""


def _cost(front: FreshFront, problem: Problem) -> str:
    if not front.others:
        return "none to tell: no other trial is on the front"
    best = front.recommended
    other = max(front.others, key=lambda trial: trial.validation.accuracy)
    return (
        f"{_difference(best, other)} against the next best, {_named(other, problem)}, "
        f"{_sparser(best, other, problem.config.sparsity)}"
    )


def _close(front: FreshFront) -> str:
    close = []
    for trial in front.others:
        _, (low, high) = front.recommended.minus(trial)
        if low <= NO_DIFFERENCE and high >= -NO_DIFFERENCE:
            close.append(trial.candidate.number)
    if not close:
        return "nothing; all other trials of the front differ by more than 0.5 pp"
    label = "trial" if len(close) == 1 else "trials"
    return f"{label} {', '.join(map(str, close))}: the intervals of the difference reach into ±0.5 pp"


def _difference(best: FreshTrial, other: FreshTrial) -> str:
    mean, (low, high) = best.minus(other)
    return f"{100 * mean:+.2f} pp ({100 * low:+.2f} … {100 * high:+.2f})"


def _sparser(best: FreshTrial, other: FreshTrial, sparsity: str) -> str:
    difference = 100 * (best.sparsity - other.sparsity)
    return f"{abs(difference):.1f} pp {'more' if difference >= 0 else 'less'} {sparsity}"


def advice_rows(advice: Advice, problem: Problem) -> list[dict[str, Any]]:
    """One row a trial of the front on fresh seeds, the recommended one with the advice."""
    front, config = advice.front, problem.config
    trials = [("recommended", front.recommended)]
    trials += [("baseline" if other is front.baseline else "front", other) for other in front.others]

    def row(role: str, trial: FreshTrial) -> dict[str, Any]:
        difference, (low, high) = front.recommended.minus(trial)
        used = settings(trial, problem)
        return {
            "trial": trial.candidate.number,
            "role": role,
            **used,
            "hidden": "x".join(map(str, used["hidden"])),
            f"test_{config.metric}": trial.accuracy,
            f"test_{config.sparsity}": trial.sparsity,
            "recommended_minus_this": difference,
            "low": low,
            "high": high,
            f"search_{config.metric}": trial.candidate.accuracy,
            "advice": " | ".join(advice.lines) if role == "recommended" else None,
        }

    return [row(role, trial) for role, trial in trials]
