"""The front of a search as rows, for JSON and CSV, and as cells of text, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces import SearchSpace
from study.config import StudyConfig
from study.records.own_trials import OwnTrial
from study.search.description import settings
from study.search.front import Front
from study.tasks import Metric
from study.wording import percent, value_text

_ALWAYS = ("activation", "negative_slope", "initialization", "dropout")
"""Hyperparameters that have a column in every study; others have one where they are searched."""
_CLAMPING = "clamping_difference"
"""Name of the score of the clamped network minus that of the network as it was trained."""


def front_rows(front: Front, config: StudyConfig, space: SearchSpace) -> list[dict[str, Any]]:
    """One row a member of the front, the best by the metric first, then the baseline's.

    Values of a metric that is read in per cent, sparsity and dead units are fractions; differences are to the
    recommended trial, whose row says what the recommendation rests on. It comes last but one where it is the baseline
    and no member.

    Args:
        front: The front, with test scores or without.
        config: The study's configuration.
        space: What the study searches.
    """
    metric = config.judged_by
    searched = [parameter.name for parameter in space.parameters if parameter.name not in _ALWAYS]

    def row(trial: OwnTrial, role: str) -> dict[str, Any]:
        used = settings(trial.hyperparameters)
        difference, difference_error = trial.difference(front.recommended)
        return {
            "trial": trial.number,
            "role": role,
            **{name: used.get(name) for name in _ALWAYS},
            **{name: trial.params.get(name) for name in searched},
            config.score: metric.value(trial.score),
            "standard_error": trial.standard_error,
            "difference": metric.value(difference),
            "difference_standard_error": difference_error,
            f"test_{config.score}": _value(metric, trial.test_score),
            **(_as_trained(trial, config) if config.clamps else {}),
            config.sparsity: trial.sparsity,
            "dead": trial.dead,
            "basis": front.basis if role == "recommended" else None,
            "expected_regret": front.regret if role == "recommended" else None,
        }

    chosen = front.recommended.number
    rows = [row(member, "recommended" if member.number == chosen else "front") for member in front.members]
    if chosen not in {member.number for member in front.members}:
        rows.append(row(front.recommended, "recommended"))
    if front.baseline is not None:
        rows.append(row(front.baseline, "baseline"))
    return rows


def _value(metric: Metric, score: float | None) -> float | None:
    return None if score is None else metric.value(score)


def _as_trained(trial: OwnTrial, config: StudyConfig) -> dict[str, float | None]:
    """What a trial reaches as it was trained, and how much its score, that of the clamped network, differs."""
    metric = config.judged_by
    return {
        config.metric: metric.value(trial.plain_score),
        _CLAMPING: metric.value(trial.score - trial.plain_score),
        f"test_{config.metric}": _value(metric, trial.plain_test_score),
    }


def front_cells(rows: Sequence[Mapping[str, Any]], config: StudyConfig) -> list[dict[str, str]]:
    """`front_rows` as a person reads them: fractions in per cent, errors beside their values.

    Args:
        rows: From `front_rows`.
        config: The study's configuration.
    """
    special = {"standard_error", "difference_standard_error"}
    metric = config.judged_by

    def digits(value: float | None) -> str:
        return "–" if value is None or value != value else metric.digits(metric.score(value))

    cells = []
    for row in rows:
        cell: dict[str, str] = {}
        for name, value in row.items():
            if name in special:
                continue
            if name == config.score:
                cell[metric.headed(name)] = digits(value) + metric.plus_minus(row["standard_error"])
            elif name == "difference":
                same = row["role"] == "recommended"
                text = metric.signed(metric.score(value)) + metric.plus_minus(row["difference_standard_error"])
                cell[f"difference{metric.points}"] = "–" if same else text
            elif name == f"test_{config.score}":
                cell[metric.headed("test")] = digits(value)
            elif name == config.metric:
                cell[metric.headed(name)] = digits(value)
            elif name == _CLAMPING:
                cell[f"clamping{metric.points}"] = metric.signed(metric.score(value))
            elif name in (config.sparsity, "dead"):
                cell[f"{name} %"] = percent(value, digits=1)
            elif name in ("role", "basis", "expected_regret", f"test_{config.metric}"):
                continue
            else:
                cell[{"negative_slope": "slope"}.get(name, name)] = value_text(value)
        cell["role"] = {"recommended": "← recommended", "baseline": "baseline"}.get(row["role"], "")
        cells.append(cell)
    return cells
