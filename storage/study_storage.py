"""`StudyStorage`: studies are created, described, renamed and deleted, each in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.exceptions import DuplicatedStudyError
from optuna.storages._base import DEFAULT_STUDY_NAME_PREFIX
from optuna.study import StudyDirection
from sqlalchemy.exc import IntegrityError

from storage import reading, studies
from storage.errors import StudyDeletedError, StudyNameTakenError
from storage.study_reader import StudyReader
from storage.transactions import place_of, snapshot, writing


class StudyStorage(StudyReader):
    """Optuna's storage, with studies that are created, changed and deleted as a whole."""

    @property
    def place(self) -> str:
        """The database as users know it: a path, or a URL without its password."""
        return place_of(self.engine)

    def create_or_get_study(
        self,
        name: str,
        directions: Sequence[str | StudyDirection],
        *,
        metric_names: Sequence[str] | None = None,
        user_attrs: Mapping[str, Any] | None = None,
        system_attrs: Mapping[str, Any] | None = None,
    ) -> tuple[int, bool]:
        """Look a study up by its name, and create it where it does not exist.

        Processes that ask at the same time get the same study, which one of them creates in one transaction. An
        existing study is returned unchanged.

        Args:
            name: Name of the study.
            directions: "maximize" or "minimize" for each objective.
            metric_names: Names of the objectives.
            user_attrs: Optuna user attributes of the study.
            system_attrs: Optuna system attributes of the study.

        Returns:
            The id of the study, and whether this call created it.
        """
        sides = [d if isinstance(d, StudyDirection) else StudyDirection[d.upper()] for d in directions]
        with snapshot(self.engine) as connection:
            found = studies.find(connection, name)
        if found is not None:
            return found, False
        studies.check_name(name)
        try:
            with writing(self.engine) as connection:
                found = studies.find(connection, name)
                if found is not None:
                    return found, False
                created = studies.create(connection, name, sides, metric_names, user_attrs or {}, system_attrs or {})
                return created, True
        except IntegrityError:  # on a server, another process may have created it first
            return self.study_id(name), False

    def study_id(self, name: str) -> int:
        """Look up the id of a study by its name.

        Raises:
            StudyNotFoundError: There is no such study; the text names the nearest one.
        """
        with snapshot(self.engine) as connection:
            return studies.find_or_explain(connection, name, self.place)

    def set_study_attrs(
        self,
        study_id: int,
        *,
        user_attrs: Mapping[str, Any] | None = None,
        system_attrs: Mapping[str, Any] | None = None,
    ) -> None:
        """Insert or replace attributes of a study, in one transaction."""
        with writing(self.engine, study_id) as connection:
            studies.set_attributes(connection, study_id, user_attrs or {}, system_attrs or {})

    def change_study_attr(self, study_id: int, key: str, change: Callable[[Any, int], Any]) -> Any:
        """Replace a system attribute of a study by what a function makes of it, in one transaction.

        Args:
            study_id: The study.
            key: The attribute.
            change: Called with the attribute's value and with the number of trials in the study; returns the new value.
                It must not use this storage. Where it raises, nothing is written.

        Returns:
            The new value.

        Raises:
            StudyDeletedError: The study was deleted.
        """
        with writing(self.engine, study_id) as connection:
            before = studies.system_attribute(connection, study_id, key)
            after = change(before, sum(reading.count_by_state(connection, study_id).values()))
            if after != before:
                studies.set_attributes(connection, study_id, {}, {key: after})
            return after

    def rename_study(
        self, study_id: int, name: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda attributes: {}
    ) -> None:
        """Give a study another name, in one transaction; its workers know it by its id, and go on.

        Args:
            study_id: The study.
            name: Its new name.
            change: Called with the study's system attributes; returns those to replace. It must not use this storage.

        Raises:
            StudyNameTakenError: A study has this name; nothing was written.
            StudyDeletedError: There is no such study.
        """
        try:
            with writing(self.engine, study_id) as connection:
                studies.rename(connection, study_id, name, change, self.place)
        except IntegrityError:  # on a server, another process may have taken it in between
            raise StudyNameTakenError(f"there is a study {name!r} in {self.place} already") from None

    def delete_study(self, study_id: int) -> None:
        """Delete a study with all of its rows, in one transaction.

        Raises:
            KeyError: There is no such study.
        """
        try:
            with writing(self.engine, study_id) as connection:
                studies.remove(connection, study_id)
        except StudyDeletedError:
            raise KeyError(f"there is no study with the id {study_id}") from None

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Create a study as Optuna does; rows of studies that stock Optuna deleted go in the same transaction.

        Raises:
            DuplicatedStudyError: A study of this name exists.
        """
        name = f"{DEFAULT_STUDY_NAME_PREFIX}{uuid.uuid4()}" if study_name is None else study_name
        try:
            with writing(self.engine) as connection:
                return studies.create(connection, name, directions, None, {}, {})
        except IntegrityError:
            raise DuplicatedStudyError(f"a study named {name!r} exists already in {self.place}") from None
