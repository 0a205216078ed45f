"""Attributes stored with a study and its trials, read without the study's data and without torch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from pydantic import ValidationError

from storage import CohortStorage, StudyNotFoundError
from study.config import ConfigError, StudyConfig

RECORDED_VERSIONS = ("reluctant", "torch", "numpy", "scikit-learn", "optuna")
BY_SEED = "reluctant:by_seed"
"""System attribute of a trial: each measure's values, seed by seed. Dashboards show user attributes only."""
IDENTITY_DIGEST = "reluctant:identity"
"""System attribute of a trial: digest of the identity of the study that trained it."""
RUNGS = "reluctant:rungs"
"""System attribute of a trial that competes: its epochs, violations and values at the rungs that it reached."""
BRACKET = "reluctant:bracket"
"""System attribute of a trial that competes: the first number of its bracket."""
STOPPED_AT = "stopped_at_epoch"
"""User attribute of a trial that was stopped early: the epoch of the rung."""
BEYOND_TOTAL = "reluctant:lost_beyond_total"
"""System attribute of a study: how often trials were lost, by number, that its total cuts off a bracket."""
IDENTITY = "reluctant:identity"
"""System attribute of a study: everything that its results depend on."""
DATA = "reluctant:data"
"""System attribute of a study: the name of its data set, and how many samples each part has."""
READER_VERSION = "reader"
"""Key of `DATA` under which a study has the version of the reader that its table was read by."""
CONVENTIONS_VERSION = "conventions"
"""Key of `DATA` under which a study has the version of its conventions of measurement."""
OFFICIAL_TEST = "official test part"
"""Key of `DATA` that is true where the test part is the one that comes with the data; missing where it is not."""
PRUNER_BY_DEFAULT = "reluctant:pruner_by_default"
"""System attribute of a study: whether neither a pruner nor rungs were asked for; missing in studies that an earlier
version began."""
CONFIG, VERSIONS = "reluctant:config", "reluctant:versions"
"""System attributes of a study: its configuration, and the library versions that it was started with."""


def saved_config(storage: CohortStorage, study_id: int) -> StudyConfig | None:
    """The configuration that a study was started with; None where `reluctant` did not start it."""
    saved = storage.get_study_system_attrs(study_id).get(CONFIG)
    return None if saved is None else restored_config(saved | {"threads": None})


def installed_versions() -> dict[str, str]:
    """Versions of the libraries that a study's numbers depend on."""
    return {name: metadata.version(name) for name in RECORDED_VERSIONS}


def restored_config(fields: Mapping[str, Any]) -> StudyConfig:
    """The configuration of a study that exists, from the fields that were stored.

    Raises:
        ConfigError: This version of reluctant does not know an option.
    """
    try:
        # A study that names no pruner is of a version that had none.
        return StudyConfig.model_validate({"pruner": "none"} | dict(fields))
    except ValidationError as error:
        strange = ", ".join(sorted({str(e["loc"][0]) for e in error.errors() if e["loc"]}))
        raise ConfigError(
            f"study {fields['name']!r} has options that this reluctant cannot read ({strange}); "
            "a newer one wrote it; upgrade reluctant"
        ) from None


def resolve_name(storage: CohortStorage, name: str | None) -> str:
    """The name of the study that is meant: by its name, by the beginning of its name, or as the only study there is.

    Args:
        storage: The database.
        name: A name, or its beginning up to a hyphen, such as `census` for `census-core-e9cb5c`; None: the only study.

    Returns:
        The study's name; the given one where no study is meant by it, and whoever looks it up is told so.

    Raises:
        StudyNotFoundError: The names of several studies begin so; or no name was given, and the database does not hold
            exactly one study.
    """
    names = [study.study_name for study in storage.get_all_studies()]
    if name is not None:
        if name in names or storage.renamed_from(name) is not None:
            return name
        begun = [each for each in names if each.startswith(f"{name}-")]
        if len(begun) > 1:
            raise StudyNotFoundError(f"{len(begun)} studies begin with {name!r}; give more of one: {', '.join(begun)}")
        return begun[0] if begun else name
    if len(names) == 1:
        return names[0]
    if not names:
        raise StudyNotFoundError(f"{storage.place} holds no study; start one with `reluctant run`")
    raise StudyNotFoundError(f"{storage.place} holds {len(names)} studies; name one of them: {', '.join(names)}")
