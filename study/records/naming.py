"""The names of studies: a study is given another one, and is found by one that it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage import CohortStorage
from study.config import read_config
from study.records.attributes import CONFIG


def rename(storage: CohortStorage, study_id: int, name: str) -> None:
    """Gives a study another name; its trials, measures and workers stay what they are.

    Raises:
        ConfigError: It is no name.
        StudyNameTakenError: A study has this name already.
        StudyDeletedError: There is no such study.
    """
    given = str(read_config({"name": name}).name)

    def change(attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {CONFIG: attributes[CONFIG] | {"name": given}} if CONFIG in attributes else {}

    storage.rename_study(study_id, given, change)


def present_name(storage: CohortStorage, study_id: int, name: str) -> str:
    """The name of a study now, for one who knew it under an earlier name; that one where its study is gone."""
    names = storage.names_of(study_id)
    return names[-1] if name in names else name


def first_name(storage: CohortStorage, study_id: int, name: str) -> str:
    """The first name of a study, by which its checkpoints are named, and its workers on Ray."""
    return next(iter(storage.names_of(study_id)), name)
