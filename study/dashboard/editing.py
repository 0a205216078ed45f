"""What the dashboard may change: each of optuna-dashboard's editing routes keeps our studies whole, or is refused.

A study of ours is more than Optuna's rows, and a worker may be training it. Renaming, as optuna-dashboard does it,
copies the rows that Optuna knows into a new study and deletes the old one; here it is done in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from reluctant.errors import ReluctantError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from storage import CohortStorage

_View = Callable[..., Any]
_STUDY, _TRIAL = "/api/studies/<study_id:int>", "/api/studies/<study_id:int>/<trial_id:int>"

KEPT_WHOLE = frozenset(
    {
        ("POST", "/api/studies"),  # a new study of Optuna's
        ("PUT", f"{_STUDY}/note"),
        ("PUT", f"{_TRIAL}/note"),
    }
)
"""Routes that change nothing that is ours: they are optuna-dashboard's."""

DONE_HERE = frozenset({("POST", f"{_STUDY}/rename"), ("DELETE", _STUDY)})
"""Routes that are answered here in optuna-dashboard's place."""

_TRAINED = "the trials of a study of reluctant are trained by its workers alone: `reluctant resume STUDY`"
_PREFERENCES = "a study of reluctant is judged by what it measures, and takes no preferences"
REFUSED_FOR_OURS: Mapping[tuple[str, str], str] = {
    ("POST", "/api/trials/<trial_id:int>/tell"): _TRAINED,
    ("POST", "/api/trials/<trial_id:int>/user-attrs"): _TRAINED,
    ("POST", f"{_TRIAL}/skip"): _TRAINED,
    ("POST", f"{_STUDY}/preference"): _PREFERENCES,
    ("PUT", f"{_STUDY}/preference_feedback_component"): _PREFERENCES,
    ("POST", f"{_STUDY}/preference/<history_id>"): _PREFERENCES,
    ("DELETE", f"{_STUDY}/preference/<history_id>"): _PREFERENCES,
}
"""Routes that are optuna-dashboard's for studies of other programs, and refused for ours with a reason."""

_ARTIFACTS = "this dashboard keeps no artifacts; `reluctant export STUDY --model DIR` writes a trained network"
_NO_MODEL = "this dashboard asks no language model; `reluctant export STUDY` writes all trials, to be filtered anywhere"
REFUSED: Mapping[tuple[str, str], str] = {
    ("POST", "/api/artifacts/<study_id:int>"): _ARTIFACTS,
    ("POST", "/api/artifacts/<study_id:int>/<trial_id:int>"): _ARTIFACTS,
    ("DELETE", "/api/artifacts/<study_id:int>/<artifact_id:re:[0-9a-fA-F-]+>"): _ARTIFACTS,
    ("DELETE", "/api/artifacts/<study_id:int>/<trial_id:int>/<artifact_id:re:[0-9a-fA-F-]+>"): _ARTIFACTS,
    ("POST", "/api/llm/trial_filter_query"): _NO_MODEL,
    ("POST", "/api/llm/generate_plotly_graph_query"): _NO_MODEL,
    ("POST", "/api/llm/re_generate_plotly_graph_query"): _NO_MODEL,
    ("POST", "/incompatible-rdb-schema"): "`optuna storage upgrade --storage URL` migrates Optuna's tables",
}
"""Routes that are refused for every study, with a reason."""


class Editing:
    """A Bottle plugin that decides about every route that is no reading; a route that is not known here is refused.

    Args:
        storage: The studies.
        cached: The same studies behind Optuna's cache.
    """

    name, api = "reluctant-editing", 2

    def __init__(self, storage: CohortStorage, cached: BaseStorage) -> None:
        self._storage, self._cached = storage, cached

    def apply(self, view: _View, route: Any) -> _View:
        """The view of a route, or what answers in its place."""
        known = (route.method, route.rule)
        if route.method in ("GET", "HEAD") or known in KEPT_WHOLE:
            return view
        if known in DONE_HERE:
            return self._rename if route.method == "POST" else self._delete
        if known in REFUSED_FOR_OURS:
            return self._for_others(view, REFUSED_FOR_OURS[known])
        reason = REFUSED.get(known, "what this changes is not known to keep studies of reluctant whole")
        return lambda **named: _refused(403, reason)

    def _for_others(self, view: _View, reason: str) -> _View:
        def answer(**named: Any) -> Any:
            study_id = named.get("study_id")
            if study_id is None:
                study_id = self._storage.study_of_trial(named["trial_id"])
            return _refused(403, reason) if self._is_ours(study_id) else view(**named)

        return answer

    def _is_ours(self, study_id: int | None) -> bool:
        from study.records.attributes import IDENTITY

        try:
            return study_id is not None and IDENTITY in self._storage.get_study_system_attrs(study_id)
        except KeyError:
            return False

    def _rename(self, study_id: int) -> Any:
        from bottle import request, response
        from optuna_dashboard._serializer import serialize_frozen_study
        from optuna_dashboard._storage import get_study

        from storage import StudyDeletedError
        from study.records.naming import rename

        name = (request.json or {}).get("study_name")
        if not isinstance(name, str):
            return _refused(400, "study_name, the new name, is missing")
        try:
            rename(self._storage, study_id, name)
        except StudyDeletedError as error:
            return _refused(404, str(error))
        except ReluctantError as error:
            return _refused(400, str(error))
        response.status = 201
        study = get_study(self._cached, study_id)
        return _refused(404, f"study {study_id} is gone") if study is None else serialize_frozen_study(study)

    def _delete(self, study_id: int) -> Any:
        from bottle import response

        from study.workers.deletion import delete_study

        try:
            delete_study(self._storage, study_id)
        except KeyError:
            return _refused(404, f"study_id={study_id} is not found")
        response.status = 204
        return {}


def _refused(status: int, reason: str) -> dict[str, str]:
    from bottle import response

    response.status = status
    return {"reason": reason}
