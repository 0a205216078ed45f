"""The workers of a database's studies, as they go on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from optuna.trial import TrialState
from rich.console import Console, Group
from rich.live import Live

from storage import CohortStorage, StorageUnreachableError
from study.cli.console import Messages, cells_of, table_of, table_width
from study.cli.machine_text import json_text
from study.records.attributes import saved_config
from study.wording import numbers_in_short

_PERIOD = timedelta(minutes=1)
_SECONDS = 2.0


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
                "pruned": counts[TrialState.PRUNED],
                "failed": counts[TrialState.FAIL],
                "workers": len(storage.living_workers(study._study_id)),
                "last_activity": None if last is None else last.isoformat(sep=" ", timespec="seconds"),
            }
        )
    return rows


def worker_rows(storage: CohortStorage) -> list[dict[str, Any]]:
    """One row a living worker: where it runs, what it trains, its rate over the last minute, what was lost to it."""
    rows = []
    for study in storage.get_all_studies():
        study_id = study._study_id
        living = storage.living_workers(study_id)
        if not living:
            continue
        now = datetime.now(UTC)
        held, finished = storage.held_trials(study_id), storage.finished_trials(study_id)
        lately = storage.finished_trials(study_id, since=now - _PERIOD)
        lost = Counter(row["token"] for row in storage.losses(study_id))
        for worker in storage.workers(study_id):
            token = worker["token"]
            if token not in living:
                continue
            age = now - worker["started"]
            minutes = max(min(age, _PERIOD) / timedelta(minutes=1), 1 / 60)
            rows.append(
                {
                    "study": study.study_name,
                    "host": worker["host"],
                    "pid": worker["pid"],
                    "minutes": round(age / timedelta(minutes=1), 1),
                    "trains": numbers_in_short(held[token]).partition(" ")[2] if token in held else None,
                    "finished": finished.get(token, 0),
                    "per_minute": round(lately.get(token, 0) / minutes, 1),
                    "taken_back": lost[token],
                }
            )
    return rows


def lost_row(storage: CohortStorage) -> dict[str, int]:
    """How many trials were taken back or discarded in all, by reason."""
    reasons: Counter[str] = Counter()
    for study in storage.get_all_studies():
        reasons.update(row["reason"] for row in storage.losses(study._study_id))
    return dict(sorted(reasons.items()))


def follow(storage: CohortStorage, messages: Messages, form: str, *, stop: Callable[[], bool]) -> None:
    """Shows studies and workers every two seconds: in place on a terminal, else one JSON line or table after another.

    Args:
        storage: The database.
        messages: Told where the database cannot be reached for a while.
        form: `table` or `json`.
        stop: Asked all the time.
    """
    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False, screen=False) if console.is_terminal else _Plain(console) as shown:
        while not stop():
            try:
                studies, workers, lost = status_rows(storage), worker_rows(storage), lost_row(storage)
            except StorageUnreachableError as error:
                messages.warn(str(error))
            else:
                if form == "json":
                    print(json_text({"studies": studies, "workers": workers, "lost": lost}, indent=None), flush=True)
                else:
                    tables = [cells_of(studies), cells_of(workers)]
                    if not console.is_terminal:
                        console.width = max(console.width, *map(table_width, tables))
                    parts: list[Any] = [table_of(tables[0]), ""]
                    parts += [table_of(tables[1])] if workers else ["no worker is alive"]
                    parts += (
                        ["taken back or discarded so far: " + ", ".join(f"{name} {n}" for name, n in lost.items())]
                        if lost
                        else []
                    )
                    shown.update(Group(*parts), refresh=True)
            until = time.monotonic() + _SECONDS
            while time.monotonic() < until and not stop():
                time.sleep(0.05)


class _Plain:
    """What `Live` is on a terminal, for everything else: one text after another."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> _Plain:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, renderable: Any, *, refresh: bool) -> None:
        """Prints it."""
        self._console.print(renderable, soft_wrap=True)
        self._console.print()
