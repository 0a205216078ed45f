"""Studies and trials as rows: what `status` and `export` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from storage import CohortStorage
from study.saved import BY_SEED, saved_config


def status_rows(storage: CohortStorage) -> list[dict[str, Any]]:
    """One row a study: totals, states, living workers, and when it was last active (UTC)."""
    rows = []
    for study in storage.get_all_studies():
        config = saved_config(storage, study._study_id)
        counts = storage.count_by_state(study._study_id)
        last = storage.last_activity(study._study_id)
        rows.append(
            {
                "study": study.study_name,
                "total": None if config is None else config.trials,
                "complete": counts[TrialState.COMPLETE],
                "running": counts[TrialState.RUNNING],
                "waiting": counts[TrialState.WAITING],
                "failed": counts[TrialState.FAIL] + counts[TrialState.PRUNED],
                "workers": len(storage.living_workers(study._study_id)),
                "last_activity": None if last is None else last.isoformat(sep=" ", timespec="seconds"),
            }
        )
    return rows


def trial_rows(trials: Sequence[FrozenTrial], metric_names: Sequence[str]) -> list[dict[str, Any]]:
    """One row a trial: number, state, times, parameters, values, feasibility, and every measure with its seeds'."""
    rows = []
    for trial in trials:
        row: dict[str, Any] = {
            "number": trial.number,
            "state": trial.state.name,
            "started": trial.datetime_start,
            "completed": trial.datetime_complete,
            **{f"param_{name}": value for name, value in trial.params.items()},
        }
        if trial.values is not None:
            row |= {f"value_{name}": value for name, value in zip(metric_names, trial.values, strict=False)}
            row["feasible"] = all(value <= 0 for value in trial.constraints.values())
        row |= trial.user_attrs
        for measure, numbers in trial.system_attrs.get(BY_SEED, {}).items():
            row |= {f"{measure}_seed{seed}": number for seed, number in enumerate(numbers)}
        rows.append(row)
    return rows


def numbers_in_short(numbers: Sequence[int]) -> str:
    """Trial numbers in short, neighbours joined.

    Example:
        >>> numbers_in_short([3, 4, 5, 9])
        'trials 3-5, 9'
    """
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    joined = ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
    return f"trial{'s' if len(numbers) != 1 else ''} {joined}"
