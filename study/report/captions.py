"""What captions say of trials that a figure does not show, or not like the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from study.records.own_trials import OwnTrial
from study.report.search_data import SearchData
from study.training.engines.base import MEASURED_SAMPLES
from study.wording import numbers_in_short

MEASURED = f"at most {MEASURED_SAMPLES:,}"
"""How many samples of a part layers are measured on."""


def tried_text(own: Sequence[OwnTrial], stopped: int, seeds: str) -> str:
    """How many trials a search has, how many of them are of no use, and how many seeds they have.

    Args:
        own: The trials that were trained to the end.
        stopped: How many were stopped early.
        seeds: The seeds of a trial, in words.

    Example:
        >>> tried_text([], 0, "3 seeds"), tried_text([], 12, "3 seeds")
        ('0 trials, 3 seeds each', '12 trials (12 stopped early), 3 seeds for each that was trained to the end')
    """
    diverged = sum(trial.diverged for trial in own)
    unfit = sum(not trial.feasible and not trial.diverged for trial in own)
    parts = [
        f"{count} {what}"
        for count, what in ((stopped, "stopped early"), (diverged, "diverged"), (unfit, "infeasible"))
        if count
    ]
    left, count = f" ({', '.join(parts)})" if parts else "", len(own) + stopped
    whose = "for each that was trained to the end" if stopped else "each"
    return f"{count:,} trial{'' if count == 1 else 's'}{left}, {seeds} {whose}"


def counted(data: SearchData) -> str:
    """Which trials stand in brackets."""
    return f"infeasible and diverged ones included{', stopped ones left out' if _stops(data) else ''}"


def without_points(data: SearchData, concerned: Callable[[OwnTrial], bool] = lambda trial: True) -> str:
    """How many trials have no point in a figure, as the end of its caption; empty where every trial has one.

    Args:
        data: The search.
        concerned: Whether a trial belongs into the figure.
    """
    own = [trial for trial in data.own if concerned(trial)]
    diverged = sum(trial.diverged for trial in own)
    drawn, every = sum(map(concerned, data.drawn)), len(own) - diverged
    text = f" {_of(diverged, len(own))} diverged, and {_has(diverged)} no point." if diverged else ""
    if drawn < every:
        text += f" Drawn are {drawn:,} of {'the other ' if diverged else ''}{every:,} trials."
    return text + (" Trials that were stopped early have no point." if _stops(data) else "")


def below_the_picture(shown: Sequence[OwnTrial], low: float) -> str:
    """How many points lie below a score at which a figure is cut, as the end of its caption; empty where none.

    Args:
        shown: The trials that the figure draws.
        low: The lowest score that can be seen.
    """
    below = sum(trial.score < low for trial in shown)
    lie = "lies" if below == 1 else "lie"
    return f" {below:,} of {len(shown):,} points {lie} below the picture of the scores." if below else ""


def off_the_axis(shown: Sequence[OwnTrial], parameter: str, name: str) -> str:
    """How many trials have no place on a logarithmic axis, as the end of a caption; empty where all have one.

    Args:
        shown: The trials that have the parameter.
        parameter: The parameter on the axis.
        name: What the caption calls it.
    """
    zero = sum(trial.params[parameter] <= 0 for trial in shown)
    return f" {_of(zero, len(shown))} {_has(zero)} {name} 0, which a logarithmic axis cannot show." if zero else ""


def infeasible(trials: Sequence[OwnTrial]) -> str:
    """How many of a figure's points are of infeasible trials, as a sentence; empty where none is."""
    count = sum(not trial.feasible for trial in trials)
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f" {_of(count, len(trials))} with a point {verb} infeasible: some seed does not beat the floor."


def hopeless(data: SearchData) -> str:
    """The activations without a feasible trial, as the end of a caption; empty where each has one."""
    tried: dict[str, list[OwnTrial]] = {}
    tried_or_ended = "trained to the end" if _stops(data) else "tried"
    for trial in data.own:
        tried.setdefault(trial.hyperparameters.activation, []).append(trial)
    names = [
        f"{name} ({len(trials)} {tried_or_ended}, of which {sum(trial.diverged for trial in trials)} diverged)"
        for name, trials in tried.items()
        if name not in data.best_by_activation
    ]
    return f" Without a feasible trial: {', '.join(names)}." if names else ""


def _stops(data: SearchData) -> bool:
    """Whether trials of a search are stopped early."""
    return data.config.pruner == "halving"


def zero_gradients(count: int) -> str:
    """How many gradients of 0 a logarithmic axis hides, as the end of a caption; empty where none."""
    if not count:
        return ""
    have = "layer has" if count == 1 else "layers have"
    return f" {count} {have} a gradient of 0, which a logarithmic axis cannot show."


def not_kept(what: str, trials: Collection[OwnTrial], known: Collection[int]) -> str:
    """Of which trials a database lacks something, as a sentence at the end of a caption; empty where of none.

    Args:
        what: What is kept with each trial.
        trials: The trials that a figure is about; of those that diverged nothing is expected.
        known: Numbers of the trials of which it is kept.
    """
    lacking = [trial.number for trial in trials if trial.number not in known and not trial.diverged]
    if not lacking:
        return ""
    return (
        f" The database has no {what} of {numbers_in_short(lacking)}: reluctant keeps them in tables of its own, which "
        "a copy that another program made does not have."
    )


def seeds_that_diverged(curves: Mapping[str, int], seeds: int) -> str:
    """Whose mean curves are of fewer seeds than others, as the end of a caption; empty where all have the same.

    Args:
        curves: How many curves each mean is of, by the name of a line.
        seeds: How many they would be.
    """
    few = [f"{count} for {name}" for name, count in curves.items() if count < seeds]
    return f" Seeds that diverged have no curve, so that the means are over {', '.join(few)}." if few else ""


def of_baseline(data: SearchData) -> str:
    """What a figure's cross is, as the end of a caption; empty where the study has no baseline."""
    baseline = data.front.baseline
    if baseline is None:
        return ""
    if baseline.diverged:
        return (
            " The cross is the baseline, trial 0. It diverged: each seed that did counts as a constant guess, and its "
            "sparsity as 0."
        )
    return " The cross is the baseline, trial 0."


def _of(count: int, every: int) -> str:
    return f"{count:,} of {every:,} trials"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"
