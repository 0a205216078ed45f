"""What to use, in a few lines, from a search's front on fresh seeds and what other data sets say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from study.config import StudyConfig
from study.search.description import as_trained, describe, settings
from study.search.fresh_front import FreshFront, FreshTrial
from study.search.recommendation import regret_text, worth
from study.tasks import Metric
from study.wording import seeds_text


@dataclass(frozen=True)
class Advice:
    """What a search advises.

    Attributes:
        use: The configuration to use.
        why: What it reaches, alone and against the baseline, with intervals.
        survived: How much of its advantage on the search's seeds the fresh ones confirm.
        cost: What it costs, or gains, against the best of the others.
        close: Which trials are too close to tell apart from it.
        front: The front on fresh seeds that the advice is read from.
        elsewhere: What other data sets say of the configuration, or why they are not asked; empty where none are known.
    """

    use: str
    why: str = field(repr=False)
    survived: str = field(repr=False)
    cost: str = field(repr=False)
    close: str = field(repr=False)
    front: FreshFront = field(repr=False)
    elsewhere: str = field(default="", repr=False)

    @property
    def lines(self) -> tuple[str, ...]:
        """Five lines, and one on other data sets where any are known."""
        others = (self.elsewhere,) if self.elsewhere else ()
        return (self.use, self.why, self.survived, self.cost, self.close, *others)


def advise(front: FreshFront, config: StudyConfig, elsewhere: str = "") -> Advice:
    """Advice from a front on fresh seeds.

    Args:
        front: See `fresh_seeds.train_fresh`.
        config: The study's configuration.
        elsewhere: What other data sets say of the recommended configuration; empty where none are known.
    """
    best = front.recommended
    return Advice(
        use=f"use {_named(best)}",
        why=f"why: {_why(front, config)}",
        survived=f"survived: {_survived(front, config)}",
        cost=f"cost: {_cost(front, config)}",
        close=f"too close to call: {_close(front, config)}",
        front=front,
        elsewhere=f"elsewhere: {elsewhere}" if elsewhere else "",
    )


def _named(trial: FreshTrial) -> str:
    return f"trial {trial.searched.number}: {describe(trial.searched.hyperparameters)}"


def _why(front: FreshFront, config: StudyConfig) -> str:
    best, baseline, sparsity, metric = front.recommended, front.baseline, config.sparsity, config.judged_by
    low, high = (metric.digits(bound) for bound in best.interval(metric))
    chosen_by = best.validation
    folds = config.cv or 1
    fresh = seeds_text(len(chosen_by.scores) // folds, config.cv, kind="fresh")
    others = f"{len(best.scores)} others" if config.cv is None else f"as many others, {len(best.scores)} networks,"
    sample = ""
    if front.sample_error is not None:
        sample = f",{metric.plus_minus(front.sample_error)} for a test part of {front.test_samples} samples"
    text = (
        f"chosen by {metric.text(chosen_by.score)} validation {config.score} with {100 * chosen_by.sparsity:.1f} % "
        f"{sparsity} over {fresh}; over {others} {metric.text(best.score)} "
        f"test {config.score} ({low} … {high}{sample}) with {100 * best.sparsity:.1f} % {sparsity}"
    )
    if config.clamps:
        text += f"; {as_trained(best.plain_score, best.score, config)}"
    if baseline is None:
        return f"{text}; there is no baseline, trial 0 did not finish"
    if baseline is best:
        return f"{text}; it is the baseline itself"
    sparser = _sparser(best, baseline, sparsity)
    return f"{text}; {_difference(best, baseline, metric)} against the baseline, trial 0, {sparser}"


def _survived(front: FreshFront, config: StudyConfig) -> str:
    """How much of its advantage the search's choice keeps, on the validation part before and after."""
    first, baseline, metric = front.first_choice, front.baseline, config.judged_by
    if baseline is None:
        return "trial 0, the baseline, did not finish: there is no advantage over it to lose"
    if baseline is first:
        return "the search chose the baseline itself: no advantage could be lost"
    before, _ = first.searched.difference(baseline.searched)
    after, _ = first.validation.difference(baseline.validation)
    sparser_before = first.searched.sparsity - baseline.searched.sparsity
    sparser_after = first.validation.sparsity - baseline.validation.sparsity
    folds = f" x {config.cv} folds" if config.cv else ""
    dropped = "" if first is front.recommended else "; the choice is therefore another"
    return (
        f"of {metric.difference_text(before)} validation {config.score} that trial {first.searched.number}, the "
        f"search's choice, had over the baseline on its {config.seeds} seeds{folds}, "
        f"{metric.difference_text(after)} on fresh ones{_share(before, after)}; of {100 * sparser_before:+.1f} pp "
        f"{config.sparsity}, {100 * sparser_after:+.1f} pp{_share(sparser_before, sparser_after)}{dropped}"
    )


def _share(before: float, after: float) -> str:
    """How much of an advantage is left; nothing is said of what was none."""
    return f" ({max(0.0, after / before):.0%})" if before > 0 else ""


def _cost(front: FreshFront, config: StudyConfig) -> str:
    if not front.others:
        return "none to tell: no other trial is on the front"
    best = front.recommended
    other = max(front.others, key=lambda trial: worth(trial.validation, config))
    text = (
        f"{_difference(best, other, config.judged_by)} against the best of the others, {_named(other)}, "
        f"{_sparser(best, other, config.sparsity)}"
    )
    expected = regret_text(front.regret, config.judged_by)
    return text if expected is None else f"{text}; {expected}"


def _close(front: FreshFront, config: StudyConfig) -> str:
    limit = config.tolerated_difference(front.recommended.score)
    points = f"{config.tolerance:g} {'pp' if config.judged_by.percent else '%'}"
    close = []
    for trial in front.others:
        _, (low, high) = front.recommended.minus(trial)
        if low <= limit and high >= -limit:
            close.append(trial.searched.number)
    if not front.others:
        return "nothing; no other trial was trained on fresh seeds"
    if not close:
        # The baseline is among them, which need not be on the front.
        return f"nothing; all others that were trained on fresh seeds differ by more than {points}"
    label = "trial" if len(close) == 1 else "trials"
    return f"{label} {', '.join(map(str, close))}: the intervals of the difference reach into ±{points}"


def _difference(best: FreshTrial, other: FreshTrial, metric: Metric) -> str:
    mean, interval = best.minus(other)
    low, high = (metric.signed(bound) for bound in interval)
    return f"{metric.difference_text(mean)} ({low} … {high})"


def _sparser(best: FreshTrial, other: FreshTrial, sparsity: str) -> str:
    difference = 100 * (best.sparsity - other.sparsity)
    return f"{abs(difference):.1f} pp {'more' if difference >= 0 else 'less'} {sparsity}"


def advice_rows(advice: Advice, config: StudyConfig) -> list[dict[str, Any]]:
    """One row a trial of the front on fresh seeds, the recommended one with the advice."""
    front, metric = advice.front, config.judged_by
    trials = [("recommended", front.recommended)]
    trials += [("baseline" if other is front.baseline else "front", other) for other in front.others]

    def row(role: str, trial: FreshTrial) -> dict[str, Any]:
        difference, interval = front.recommended.minus(trial)
        low, high = sorted(map(metric.value, interval))
        test_low, test_high = sorted(map(metric.value, trial.interval(metric)))
        used = settings(trial.searched.hyperparameters)
        return {
            "trial": trial.searched.number,
            "role": role,
            **used,
            **({"hidden": "x".join(map(str, used["hidden"]))} if "hidden" in used else {}),
            f"test_{config.score}": metric.value(trial.score),
            **({f"test_{config.metric}": metric.value(trial.plain_score)} if config.clamps else {}),
            f"test_{config.sparsity}": trial.sparsity,
            "recommended_minus_this": metric.value(difference),
            "low": low,
            "high": high,
            "test_interval_low": test_low,
            "test_interval_high": test_high,
            "test_sample_error": front.sample_error if role == "recommended" else None,
            f"validation_{config.score}": metric.value(trial.validation.score),
            **({f"validation_{config.metric}": metric.value(trial.validation.plain_score)} if config.clamps else {}),
            f"validation_{config.sparsity}": trial.validation.sparsity,
            f"search_{config.score}": metric.value(trial.searched.score),
            "expected_regret": front.regret if role == "recommended" else None,
            "advice": " | ".join(advice.lines) if role == "recommended" else None,
        }

    return [row(role, trial) for role, trial in trials]
