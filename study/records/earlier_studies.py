"""The study that the same command began with other defaults, and what it goes on with."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reluctant.errors import ReluctantWarning
from search_spaces.space_files import parse_space, was_preset
from storage import CohortStorage, StudyNotFoundError
from study.config import SPARSITY_AS_TRAINED, USUAL_LEARNING_RATE, ConfigError, StudyConfig
from study.data import FIRST_READER, READER, DataError
from study.problem import Problem
from study.problem.rung_options import RUNG_OPTIONS, other_rungs
from study.records.attributes import CONVENTIONS_VERSION, DATA, IDENTITY, PRUNER_BY_DEFAULT, READER_VERSION
from study.training.conventions import FIRST_CONVENTIONS, Conventions

_OF_RUNGS = ("pruner", "cohort", *RUNG_OPTIONS)


def reader_of(attributes: Mapping[str, Any]) -> int:
    """The version of the reader that a study's table was read by; the first one where the study says nothing."""
    return int(attributes.get(DATA, {}).get(READER_VERSION, FIRST_READER))


def conventions_of(attributes: Mapping[str, Any]) -> Conventions:
    """The conventions that a study was begun with; the first ones where the study says nothing."""
    return Conventions(version=int(attributes.get(DATA, {}).get(CONVENTIONS_VERSION, FIRST_CONVENTIONS)))


def as_begun(problem: Problem, storage: CohortStorage) -> Problem:
    """The problem as the study has it that the same command began, with another total or an earlier version.

    The same command then finds the same study, though a new one would stop trials early or would not, would read the
    same file in another way, would be judged by another sparsity, would search another preset of the same name, or
    would have other designs.

    Args:
        problem: What the command asks for.
        storage: The database.
    """
    try:
        attributes = storage.get_study_system_attrs(storage.study_id(problem.name))
    except StudyNotFoundError:
        attributes = {}
    if attributes.get(IDENTITY) != problem.identity:
        for study in storage.get_all_studies():
            if problem.config.name not in (None, study.study_name) or IDENTITY not in study.system_attrs:
                continue
            earlier = _as_study_has_it(problem, study.system_attrs)
            if earlier is not None and earlier.name == study.study_name:
                tell_of_an_earlier_reader(earlier, earlier.name)
                _tell_of_other_defaults(problem, earlier)
                problem, attributes = earlier, study.system_attrs
                break
    return replace(problem, conventions=conventions_of(attributes)) if IDENTITY in attributes else problem


def possible_names(problem: Problem) -> list[str]:
    """The name of a new study of the problem, and those that it would have under other defaults of early stopping."""
    try:
        others = other_rungs(problem.config)
    except ConfigError:
        others = []
    configs = [_with_defaults(problem.config, rungs) for rungs in others]
    return [problem.name, *(replace(problem, config=config).name for config in configs)]


def _as_study_has_it(problem: Problem, attributes: Mapping[str, Any]) -> Problem | None:
    """The problem with all in which a study of the same command may differ; None where the study is another one."""
    ours, theirs = problem.identity, attributes[IDENTITY]
    if ours.get("design") != theirs.get("design"):
        begun = problem.begun_as(theirs)
        if begun is None:
            return None
        problem, ours = begun, begun.identity
    if "task" in ours and "task" not in theirs:
        try:
            classes = problem.of_classes()
        except DataError:
            return None
        if classes is None:
            return None
        problem, ours = classes, classes.identity
    differing = {key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)}
    if not differing <= {"data", "sparsity", "space", "learning_rate", *_OF_RUNGS}:
        return None
    if differing & {*_OF_RUNGS}:
        stored = {name: theirs.get(name) for name in _OF_RUNGS} | {"pruner": theirs.get("pruner", "none")}
        # Earlier versions stopped trials where they were asked to.
        if "pruner" in differing and not attributes.get(PRUNER_BY_DEFAULT, stored["pruner"] == "none"):
            return None
        try:
            possible = other_rungs(problem.config)
        except ConfigError:
            return None
        begun_with = next((rungs for rungs in possible if rungs == stored), None)
        if begun_with is None:
            return None
        problem = replace(problem, config=_with_defaults(problem.config, begun_with))
    if "learning_rate" in differing:
        if "learning_rate" in problem.config.model_fields_set or theirs["learning_rate"] != USUAL_LEARNING_RATE:
            return None
        problem = replace(problem, config=problem.config.model_copy(update={"learning_rate": USUAL_LEARNING_RATE}))
    if "sparsity" in differing:
        if "sparsity" in problem.config.model_fields_set or theirs["sparsity"] != SPARSITY_AS_TRAINED:
            return None
        problem = replace(problem, config=problem.config.model_copy(update={"sparsity": SPARSITY_AS_TRAINED}))
    if "space" in differing:
        if not was_preset(problem.config.space, theirs["space"]):
            return None
        problem = replace(
            problem, space=parse_space(theirs["space"], name=problem.space.name, where="an earlier preset")
        )
    if "data" in differing:
        reading = problem.dataset.reading
        if reading is None or reading.reader == FIRST_READER or reader_of(attributes) != FIRST_READER:
            return None
        try:
            problem = problem.read_by(FIRST_READER)
        except DataError:
            return None
    return problem if problem.identity == theirs else None


def _with_defaults(config: StudyConfig, values: Mapping[str, Any]) -> StudyConfig:
    """A configuration with other values of options of which some were asked for; no others count as such."""
    changed = config.model_copy(update=values)
    changed.model_fields_set.intersection_update(config.model_fields_set)
    return changed


def tell_of_an_earlier_reader(problem: Problem, name: str) -> None:
    """Warns that a study's data are read as an earlier version of reluctant read them, where they are."""
    reading = problem.dataset.reading
    if reading is not None and reading.reader < READER:
        warnings.warn(
            f"study {name!r} was begun by an earlier version of reluctant; its data are read as they were then (reader "
            f"{reading.reader} of {READER}); start a study of another name to have them read as new ones are",
            ReluctantWarning,
            stacklevel=3,
        )


def _tell_of_other_defaults(asked: Problem, begun: Problem) -> None:
    """Warns of the defaults that a study was begun with and new ones no longer have, where there are any."""
    kept = []
    if begun.config.sparsity != asked.config.sparsity:
        kept.append(f"--sparsity {begun.config.sparsity}, where new ones have {asked.config.sparsity}")
    ours, theirs = asked.config, begun.config
    if ours.learning_rate != theirs.learning_rate and ours.what_is_learned.name == theirs.what_is_learned.name:
        kept.append(f"--learning-rate {theirs.learning_rate:g}, where new ones have {ours.learning_rate:g}")
    of_rungs = [name for name in _OF_RUNGS if getattr(ours, name) != getattr(theirs, name)]
    if of_rungs:
        then, now = (
            ", ".join(
                f"--{name.replace('_', '-')} {value}"
                for name in of_rungs
                if (value := getattr(config, name)) is not None
            )
            for config in (theirs, ours)
        )
        kept.append(f"{then}, where new ones of {ours.trials} trials have {now}")
    if begun.space.text != asked.space.text:
        kept.append(f"the space {begun.space.name} as it was then")
    if kept:
        warnings.warn(
            f"study {begun.name!r} was begun with other defaults, and goes on with {', and '.join(kept)}; start a "
            "study of another --name to have what new ones have",
            ReluctantWarning,
            stacklevel=3,
        )
