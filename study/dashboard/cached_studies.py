"""Optuna's cache of studies, for studies that other commands rename and delete meanwhile."""

from __future__ import annotations

from typing import Any

from optuna.storages._cached_storage import _CachedStorage
from optuna.study._frozen import FrozenStudy

from study.records.attributes import IDENTITY


class CachedStudies(_CachedStorage):
    """Studies behind Optuna's cache: without it, every poll of a page reads every trial again.

    Optuna's own keeps a study's name and its trials for ever. But SQLite gives the id of a deleted study to the next.
    """

    def __init__(self, *backend: Any) -> None:
        super().__init__(*backend)
        self._seen: dict[int, object] = {}

    def get_study_name_from_id(self, study_id: int) -> str:
        """The present name of a study.

        Raises:
            KeyError: There is no such study.
        """
        name: str = self._backend.get_study_name_from_id(study_id)
        return name

    def get_all_studies(self) -> list[FrozenStudy]:
        """All studies; what is kept of one that has become another is forgotten."""
        studies: list[FrozenStudy] = super().get_all_studies()
        found = {study._study_id: _what_it_is(study) for study in studies}
        for study_id, seen in self._seen.items():
            if found.get(study_id) != seen:
                self._forget(study_id)
        self._seen = found
        return studies

    def _forget(self, study_id: int) -> None:
        with self._lock:
            study = self._studies.pop(study_id, None)
            for number in () if study is None else study.trials:
                trial_id = self._study_id_and_number_to_trial_id.pop((study_id, number), None)
                if trial_id is not None:
                    self._trial_id_to_study_id_and_number.pop(trial_id, None)


def _what_it_is(study: FrozenStudy) -> object:
    return study.directions, study.system_attrs.get(IDENTITY, study.study_name)
