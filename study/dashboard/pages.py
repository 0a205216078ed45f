"""Additions to optuna-dashboard's answers: feasible trials as the best, our figures, and a note with advice.

They are added while an answer is sent: a visit writes nothing, and what is shown is up to date.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

    from storage import CohortStorage

_View = Callable[..., Any]
Plugin = Callable[[_View], _View]
# A study that grows is drawn anew no more often than this.
_DRAWN_FOR_SECONDS = 20.0
_WARMED_FOR_SECONDS = 5.0


class Extras:
    """Our figures and advice for every study, drawn when first asked for and when the study has changed.

    Args:
        storage: The studies.
        cached: The same studies behind Optuna's cache.

    Attributes:
        cached: The studies behind Optuna's cache.
    """

    def __init__(self, storage: CohortStorage, cached: BaseStorage) -> None:
        self._storage, self.cached = storage, cached
        self._drawn: dict[int, tuple[object, float, list[dict[str, str]], str]] = {}
        self._lock = threading.Lock()

    def of(self, study_id: int) -> tuple[list[dict[str, str]], str]:
        """The figures of a study in optuna-dashboard's form, and advice as Markdown."""
        from study.report.dashboard_figures import dashboard_content

        with self._lock:
            trials = self.cached.get_all_trials(study_id, deepcopy=False)
            finished = sum(trial.state.is_finished() for trial in trials)
            # What fresh seeds said, and the tolerance, may change without a new trial.
            state = finished, self._storage.get_study_system_attrs(study_id)
            known = self._drawn.get(study_id)
            if known is None or (state != known[0] and time.monotonic() - known[1] > _DRAWN_FOR_SECONDS):
                figures, advice = dashboard_content(self._storage, study_id, trials)
                objects = [{"id": panel.id, "graph_object": panel.figure.to_json()} for panel in figures]
                known = self._drawn[study_id] = state, time.monotonic(), objects, advice
            return known[2], known[3]

    def warm(self, stop: Callable[[], bool]) -> None:
        """Draws the studies, the newest first, for a few seconds, so that the first visitor does not wait.

        Args:
            stop: Asked before each study.
        """
        until = time.monotonic() + _WARMED_FOR_SECONDS
        for study in reversed(self.cached.get_all_studies()):
            if stop() or time.monotonic() > until:
                return
            with contextlib.suppress(KeyError):  # deleted meanwhile
                self.of(study._study_id)

    def plugin(self, *, advise: bool) -> Plugin:
        """A Bottle plugin that adds figures and advice to the answer that a study's page asks for.

        Args:
            advise: Whether the note gets the advice too. Where notes can be edited it must not: saving would keep it.
        """

        def wrap(view: _View) -> _View:
            def answer(*args: Any, **named: Any) -> Any:
                result = view(*args, **named)
                if isinstance(result, dict) and "plotly_graph_objects" in result:
                    figures, advice = self.of(named["study_id"])
                    theirs = {each["id"] for each in result["plotly_graph_objects"]}
                    result["plotly_graph_objects"] += [each for each in figures if each["id"] not in theirs]
                    if advise and advice:
                        body = result["note"]["body"]
                        result["note"]["body"] = f"{body}\n\n{advice}" if body else advice
                return result

            return answer

        return wrap


def feasible_best(storage: BaseStorage) -> Plugin:
    """A Bottle plugin that lists only feasible trials as the best; optuna-dashboard itself ignores constraints.

    Args:
        storage: The studies.
    """
    from optuna.study import StudyDirection
    from optuna.trial import TrialState
    from optuna_dashboard._pareto_front import get_pareto_front_trials
    from optuna_dashboard._serializer import serialize_frozen_trial

    from study.records.own_trials import is_feasible

    def best(study_id: int) -> list[FrozenTrial]:
        complete = storage.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        feasible = [trial for trial in complete if is_feasible(trial)]
        directions = storage.get_study_directions(study_id)
        if len(directions) > 1:
            return list(get_pareto_front_trials(feasible, directions))
        sign = 1 if directions[0] is StudyDirection.MAXIMIZE else -1
        return sorted(feasible, key=lambda trial: -sign * trial.values[0])[:1]

    def plugin(view: _View) -> _View:
        def answer(*args: Any, **named: Any) -> Any:
            result = view(*args, **named)
            # Where no infeasible trial is among the best, none has displaced a feasible one.
            if isinstance(result, dict) and any(
                value > 0 for trial in result.get("best_trials", ()) for value in trial["constraints"]
            ):
                study_id = named["study_id"]
                attributes = storage.get_study_system_attrs(study_id)
                result["best_trials"] = [
                    serialize_frozen_trial(study_id, trial, attributes) for trial in best(study_id)
                ]
            return result

        return answer

    return plugin
