"""Whether a study came through: whole, sound, and equal to the bit to an undisturbed one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from optuna.trial import TrialState
from sqlalchemy import func, select

from storage import CohortStorage
from storage.tables import FINISHES, LEASES, TRIAL_TABLES, TRIALS

# How long training took, and nothing else, is another's every time.
_OF_THE_CLOCK = {"seconds_per_slot_of_cohort"}
# On a server, a worker that was killed counts as dead when it has missed renewals of its leases.
_SECONDS_OF_GRACE = 15.0


def contents(storage: CohortStorage, name: str) -> dict[str, Any]:
    """Everything in a study that must not depend on its history, as text that shows every bit."""
    study_id = storage.study_id(name)
    trials = storage.read_trials(study_id)
    kept = {
        "states": [(trial.number, trial.state.name) for trial in trials],
        "parameters": [trial.params for trial in trials],
        "values": [trial.values for trial in trials],
        "constraints": [trial.constraints for trial in trials],
        "measures": [
            {name: value for name, value in trial.user_attrs.items() if name not in _OF_THE_CLOCK} for trial in trials
        ],
        "seeds": [trial.system_attrs for trial in trials],
        "layers": storage.layer_measures(study_id),
        "curves": storage.learning_curves(study_id),
    }
    return {name: json.dumps(value, sort_keys=True) for name, value in kept.items()}


def faults_of(storage: CohortStorage, name: str, total: int, expected: dict[str, Any]) -> list[str]:
    """What is wrong with a study that has ended; empty where nothing is.

    Args:
        storage: Its database; no worker lives.
        name: Its name.
        total: The trials that it is to have.
        expected: `contents` of the undisturbed study.
    """
    study_id = storage.study_id(name)
    until = time.monotonic() + _SECONDS_OF_GRACE
    while storage.living_workers(study_id) and time.monotonic() < until:
        time.sleep(0.1)
    storage.reclaim(study_id)
    trials = storage.read_trials(study_id)
    found = []
    if [trial.number for trial in trials] != list(range(total)):
        found.append(f"numbers are not 0 to {total - 1}: {[trial.number for trial in trials]}")
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    odd = [(t.number, t.state.name, t.user_attrs.get("failure")) for t in trials if t.state not in ended]
    if odd:
        found.append(f"neither complete nor stopped early: {odd}")
    with storage.engine.connect() as connection:
        leases = connection.execute(select(func.count()).select_from(LEASES)).scalar_one()
        finished = connection.execute(select(FINISHES.c.trial_id).order_by(FINISHES.c.trial_id)).scalars().all()
        orphans = {
            table.name: count
            for table in TRIAL_TABLES
            if (
                count := connection.execute(
                    select(func.count()).where(table.c.trial_id.not_in(select(TRIALS.c.trial_id)))
                ).scalar_one()
            )
        }
    if leases:
        found.append(f"{leases} leases are left")
    if finished != sorted(trial._trial_id for trial in trials):
        found.append("trials and those on record as finished by a worker differ")
    if orphans:
        found.append(f"rows without a trial: {orphans}")
    if storage.living_workers(study_id):
        found.append("a worker seems alive")
    found += storage.integrity_check()
    seen = contents(storage, name)
    found += [f"{part} differ from those of the undisturbed study" for part in seen if seen[part] != expected[part]]
    return found


def left_beside(database: Path) -> list[str]:
    """Files beside an SQLite file that should be gone when no worker lives."""
    return sorted(path.name for path in database.parent.glob(f"{database.name}.*"))
