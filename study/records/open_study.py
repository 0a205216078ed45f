"""Opening a study: its configuration meets its data, its space and its database."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reluctant.errors import ReluctantError, ReluctantWarning
from search_spaces.space_files import parse_space
from storage import CohortStorage, StudyNotFoundError
from study.config import ConfigError
from study.data import DataNotFoundError
from study.machine import check_device
from study.problem import Comparison, Problem, Search, kind_of, read_data
from study.problem.network_of_study import check_shapes, checked_network, where_it_is
from study.records.attributes import CONFIG, IDENTITY, VERSIONS, resolve_name, restored_config
from study.records.earlier_studies import (
    as_begun,
    conventions_of,
    possible_names,
    reader_of,
    tell_of_an_earlier_reader,
)
from study.records.naming import present_name
from study.records.new_study import system_attributes, user_attributes
from study.records.same_study import IdentityError, check_identity, check_versions


class KindError(ReluctantError, ValueError):
    """A search is needed and the study is a comparison, or the reverse."""


@dataclass(frozen=True)
class OpenStudy:
    """A study in its database.

    Attributes:
        problem: The search or the comparison.
        storage: The database.
        study_id: The study's id there.
        name: The study's name.
        total: Number of trials that it was to have when it was opened; whoever trains it reads it again.
    """

    problem: Problem
    storage: CohortStorage
    study_id: int
    name: str
    total: int

    @property
    def search(self) -> Search:
        """The problem of a search.

        Raises:
            KindError: The study is a comparison.
        """
        if isinstance(self.problem, Search):
            return self.problem
        raise KindError(self.problem.refusal(self.name))

    @property
    def comparison(self) -> Comparison:
        """The problem of a comparison.

        Raises:
            KindError: The study is a search.
        """
        if isinstance(self.problem, Comparison):
            return self.problem
        raise KindError(self.problem.refusal(self.name))

    def continued(self, overrides: Mapping[str, Any]) -> OpenStudy:
        """The same study with other options of this run, which are stored with it, under the name that it has now.

        Args:
            overrides: Options of this run by name.

        Raises:
            ConfigError: The study has more trials already than it is to have, or an option has no meaning for it.
            NetworkError: The file of a user's network is gone, or has another content by now.
        """
        now = self.problem.config.model_dump() | {"threads": None, "timeout": None} | dict(overrides)
        identity, name = self.problem.identity, present_name(self.storage, self.study_id, self.name)
        what = f"study {name!r}"
        now["network"] = where_it_is(now["network"], identity, _places(self.storage), what=what)
        config = restored_config(now)
        # With the identity that is stored: the file may be another by now, and the study is the same.
        problem = replace(self.problem, config=config, stored_identity=identity)
        check_device(config.device)
        check_shapes(checked_network(problem.architecture, problem.sizes), identity, what=what)
        _check_run(problem, name, overrides)
        wanted = config.trials if "trials" in overrides else None
        total = _store_config(self.storage, self.study_id, _saved(problem, name), total=wanted)
        return replace(self, problem=problem, name=name, total=total)


def create_or_open(problem: Problem, storage: CohortStorage) -> OpenStudy:
    """Opens the study of a problem; it is created if there is none of its name.

    Args:
        problem: The search or the comparison; its number of trials becomes the study's total.
        storage: The database.

    Raises:
        IdentityError: The name belongs to a study of another identity; the text names the differences.
        ConfigError: The study has more trials already than it is to have.
    """
    problem = as_begun(problem, storage)
    config, name = problem.config, problem.name
    judge = problem.judge
    problem.check_memory()
    study_id, created = storage.create_or_get_study(
        name,
        ["maximize"] * len(judge.metric_names),
        metric_names=judge.metric_names,
        user_attrs=user_attributes(problem),
        system_attrs={CONFIG: _saved(problem, name), **system_attributes(problem)},
    )
    for former in possible_names(problem) if created else ():
        if (renamed := storage.renamed_from(former)) is not None:
            warnings.warn(
                f"the study that was called {former!r} is now {renamed!r}, and a new study is begun here; "
                "`reluctant resume` continues the other one by its new name",
                ReluctantWarning,
                stacklevel=2,
            )
            break
    total = config.trials
    if not created:
        saved = _attributes(storage, study_id, name)
        check_identity(saved[IDENTITY], problem.identity, name)
        check_versions(saved[VERSIONS])
        wanted = config.trials if "trials" in config.model_fields_set else None
        total = _store_config(storage, study_id, _saved(problem, name), total=wanted)
    return OpenStudy(problem, storage, study_id, name, total)


def reopen(
    storage: CohortStorage,
    name: str | None,
    *,
    data: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    keep: bool = True,
    folders: Sequence[Path] = (),
) -> OpenStudy:
    """Opens a study that exists, with the configuration that it was started with.

    Args:
        storage: The database.
        name: The study's name; None: the only study there is.
        data: The path of the data, if they were moved.
        overrides: Options of this run. None stands for an option that was not used.
        keep: Whether these options are stored with the study, as they are not by one of several workers.
        folders: Where the file of a user's network may lie, beside its former path, the folder of the database, and the
            working folder.

    Raises:
        StudyNotFoundError: There is no study of that name; or no name was given, and there is not exactly one study.
        IdentityError: The data are not those of the study.
        NetworkError: The file of a user's network is gone, or has another content.
        ConfigError: The study has more trials already than it is to have.
    """
    name = resolve_name(storage, name)
    study_id = storage.study_id(name)
    saved = _attributes(storage, study_id, name)
    options = {key: value for key, value in (overrides or {}).items() if value is not None}
    fields = saved[CONFIG] | {"threads": None, "timeout": None} | options | {"name": name}
    what = f"study {name!r}"
    places = _places(storage, *folders)
    fields["network"] = where_it_is(fields.get("network", "mlp"), saved[IDENTITY], places, what=what)
    config = restored_config(fields if data is None else fields | {"data": data})
    check_device(config.device)
    space = parse_space(saved[IDENTITY]["space"], name=config.space, where=f"the space of {name}")
    try:
        dataset = read_data(config, reader=reader_of(saved))
    except DataNotFoundError as error:
        raise DataNotFoundError(f"{error}; if the data of study {name!r} moved, --data PATH names where to") from None
    stored = kind_of(saved[IDENTITY]).stored(config, dataset, space, saved[IDENTITY])
    problem = replace(stored, conventions=conventions_of(saved))
    if problem.dataset.fingerprint != saved[IDENTITY]["data"]:
        raise IdentityError(
            f"the data in {config.data} are not those of study {name!r} "
            f"(fingerprint {problem.dataset.fingerprint[:12]}, needed {saved[IDENTITY]['data'][:12]}); "
            "--data PATH names where the original lies"
        )
    check_shapes(checked_network(problem.architecture, problem.sizes), saved[IDENTITY], what=what)
    _check_run(problem, name, options)
    check_versions(saved[VERSIONS])
    tell_of_an_earlier_reader(problem, name)
    if not keep:
        return OpenStudy(problem, storage, study_id, name, config.trials)
    wanted = config.trials if "trials" in options else None
    total = _store_config(storage, study_id, _saved(problem, name), total=wanted)
    return OpenStudy(problem, storage, study_id, name, total)


def _places(storage: CohortStorage, *folders: Path) -> list[Path]:
    """Where the file of a user's network may lie, beside its former path."""
    return [*folders, *([] if storage.file is None else [storage.file.parent]), Path.cwd()]


def _check_run(problem: Problem, name: str, options: Mapping[str, Any]) -> None:
    """Refuses options of a run that have no meaning for a study, and networks that do not fit this machine."""
    if unused := sorted(problem.unused_options & options.keys()):
        raise ConfigError(
            f"--{unused[0].replace('_', '-')} is given, and study {name!r} is a {problem.kind}, which has no use "
            "for it; leave it out"
        )
    problem.check_total(name)
    problem.check_memory()


def _saved(problem: Problem, name: str) -> dict[str, Any]:
    """The configuration as it is stored: the data by an absolute path, nothing about this process or its secrets."""
    return problem.config.stored | {"data": problem.dataset.origin, "name": name, "space": problem.space.name}


def _attributes(storage: CohortStorage, study_id: int, name: str) -> dict[str, Any]:
    attributes = storage.get_study_system_attrs(study_id)
    if IDENTITY not in attributes:
        raise StudyNotFoundError(
            f"study {name!r} was not started by reluctant; it can be looked at (dashboard, export), but not run"
        )
    return attributes


def _store_config(storage: CohortStorage, study_id: int, current: Mapping[str, Any], *, total: int | None) -> int:
    """Stores a study's current configuration; the total is read, checked and stored in one transaction.

    Args:
        storage: The database.
        study_id: The study's id.
        current: The configuration as it is now.
        total: The number of trials that the user asked for; None: it stays what it was.

    Returns:
        The study's total.

    Raises:
        ConfigError: The study has more trials already.
    """

    def change(saved: Mapping[str, Any], have: int) -> dict[str, Any]:
        if total is not None and total < have:
            raise ConfigError(
                f"--trials is {total}; study {current['name']!r} has {have} already, and these are kept; "
                f"give {have} or more"
            )
        return {**current, "trials": int(saved["trials"]) if total is None else total}

    return int(storage.change_study_attr(study_id, CONFIG, change)["trials"])
