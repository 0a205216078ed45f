"""A front and an advice as rows."""

from __future__ import annotations

from typing import Any

from search_spaces import ACTIVATIONS
from study.analysis.advice import Advice, settings
from study.analysis.fresh import FreshTrial
from study.analysis.front import Candidate, Front
from study.problem import Problem


def front_rows(front: Front, problem: Problem) -> list[dict[str, Any]]:
    """One row a member of the front, the most accurate first, then the baseline's.

    Accuracies, sparsity and dead units are fractions; differences are to the recommended trial.
    """
    config = problem.config
    shown = ("activation", "negative_slope", "initialization", "dropout")
    searched = [parameter.name for parameter in problem.space.parameters if parameter.name not in shown]

    def row(candidate: Candidate, role: str) -> dict[str, Any]:
        used = problem.space.hyperparameters(candidate.params, problem.defaults)
        difference, difference_error = candidate.difference(front.recommended)
        return {
            "trial": candidate.number,
            "role": role,
            "activation": used.activation,
            "negative_slope": None if ACTIVATIONS[used.activation].slope == "none" else used.negative_slope,
            "initialization": used.initialization,
            "dropout": used.dropout,
            **{name: candidate.params.get(name) for name in searched},
            config.metric: candidate.accuracy,
            "standard_error": candidate.standard_error,
            "difference": difference,
            "difference_standard_error": difference_error,
            f"test_{config.metric}": candidate.test,
            config.sparsity: candidate.sparsity,
            "dead": candidate.dead,
        }

    rows = [row(member, "recommended" if member == front.recommended else "front") for member in front.members]
    if front.baseline is not None:
        rows.append(row(front.baseline, "baseline"))
    return rows


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
