"""All trials of a study as rows, for files and DataFrames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from optuna.trial import FrozenTrial

from study.records.attributes import BY_SEED
from study.records.own_trials import known_feasible


def trial_rows(trials: Sequence[FrozenTrial], metric_names: Sequence[str]) -> list[dict[str, Any]]:
    """One row a trial: number, state, times, parameters, values, feasibility, and every measure with its seeds'.

    Of a trial that was stopped early these are the measures at the rung where it was, and it has no values.
    A user's attribute that has the name of one of these columns stands in `user_NAME`.
    """
    rows, by_seed = [], []
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
        if (feasible := known_feasible(trial)) is not None:
            row["feasible"] = feasible
        rows.append(row)
        by_seed.append(
            {
                f"{measure}_seed{seed}": number
                for measure, numbers in trial.system_attrs.get(BY_SEED, {}).items()
                for seed, number in enumerate(numbers)
            }
        )
    taken = {name for row in (*rows, *by_seed) for name in row}
    return [
        row | {_free_name(name, taken): value for name, value in trial.user_attrs.items()} | seeds
        for row, trial, seeds in zip(rows, trials, by_seed, strict=True)
    ]


def _free_name(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name = f"user_{name}"
    return name
