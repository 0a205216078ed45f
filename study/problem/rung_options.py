"""The options of early stopping: completed by defaults that fit the study, checked, and as rungs."""

from __future__ import annotations

from typing import Any

from study.config import ConfigError, StudyConfig
from study.training.rungs import Halving, phases, rung_epochs

RUNG_OPTIONS = ("min_epochs", "reduction_factor", "bracket", "min_seeds")
_REDUCTION_FACTOR = 3
_COHORT = 64
"""Trials of a cohort at least: of two brackets enough pass the rung to be trained side by side."""
_BRACKET = 27
"""Trials of a bracket at least, where the cohort has so many: of fewer too few go on to span a front."""
_FEWEST_EPOCHS, _FEWEST_COHORTS = 5, 3
"""Of studies in which trials are stopped early without being asked for: the rung is after about a fifth of a training,
and the sampler, which knows outcomes from the third cohort on, has some."""
_EARLIER = ((64, 3), (32, 1))
"""Trials of a cohort at least, and the latest first rung of a short study, in earlier versions; the last one first."""


def completed_rungs(config: StudyConfig) -> dict[str, Any]:
    """The options of early stopping that a configuration does not give, with defaults that fit its others.

    The pruner is among them, and where it stops trials, the size of a cohort.

    Raises:
        ConfigError: One of them is given and has no meaning, or does not fit the study.
    """
    given = [name for name in RUNG_OPTIONS if getattr(config, name) is not None]
    pruner = config.pruner or ("halving" if given or _stops_by_default(config) else "none")
    if pruner == "halving":
        return _usual(config)
    if given:
        raise ConfigError(
            f"--{given[0].replace('_', '-')} is given, and --pruner is none, which stops no trial; leave one of the "
            "two out"
        )
    return {"pruner": pruner}


def other_rungs(config: StudyConfig) -> list[dict[str, Any]]:
    """What `completed_rungs` was where the same command began a study with another total, or in an earlier version.

    Args:
        config: It is complete.

    Raises:
        ConfigError: What was asked for did not fit them.
    """
    asked = config.model_fields_set
    as_asked = config.model_copy(update=dict.fromkeys({*RUNG_OPTIONS} - asked))
    if not {"pruner", *RUNG_OPTIONS} & asked:
        cohort = config.cohort if "cohort" in asked else StudyConfig.model_fields["cohort"].default
        without = dict.fromkeys(RUNG_OPTIONS) | {"pruner": "none", "cohort": cohort}
        return [without] if config.pruner == "halving" else [_usual(as_asked)]
    if config.pruner == "none":
        return []
    factor, epochs = config.reduction_factor or _REDUCTION_FACTOR, config.epochs
    return [
        _completed(as_asked, cohort, first_rung=max(1, min(latest, epochs // factor**2), epochs // factor**3))
        for cohort, latest in _EARLIER
    ]


def _stops_by_default(config: StudyConfig) -> bool:
    """Whether a study of its size finds as much sooner where trials are stopped early (docs/stopping-early.md)."""
    cohort = config.cohort if "cohort" in config.model_fields_set else _COHORT
    large = cohort >= _BRACKET and config.trials >= _FEWEST_COHORTS * cohort and config.epochs >= _FEWEST_EPOCHS
    return large and config.sampler == "tpe"


def _usual(config: StudyConfig) -> dict[str, Any]:
    """The options of early stopping of this version, where trials are stopped."""
    # Earlier epochs say too little of how a trial ends, and after a second rung too few would be trained to the end.
    return _completed(config, _COHORT, first_rung=-(-config.epochs // 5))


def _completed(config: StudyConfig, least: int, *, first_rung: int) -> dict[str, Any]:
    """The options of early stopping with rungs, and the size of a cohort.

    Args:
        config: What it gives stays.
        least: Trials of a cohort at least.
        first_rung: Epoch of the first rung.

    Raises:
        ConfigError: What is given does not fit.
    """
    cohort = config.cohort if "cohort" in config.model_fields_set else _cohort(config.bracket, least)
    _check(config, cohort)
    factor = config.reduction_factor or _REDUCTION_FACTOR
    first = config.min_epochs or first_rung
    rungs = rung_epochs(min_epochs=first, reduction_factor=factor, epochs=config.epochs)
    return {
        "pruner": "halving",
        "cohort": cohort,
        "min_epochs": first,
        "reduction_factor": factor,
        "bracket": config.bracket or _bracket(cohort, max(_BRACKET, factor ** len(rungs))),
        "min_seeds": config.min_seeds or 1,
    }


def halving_of(config: StudyConfig) -> Halving | None:
    """The rungs of a study whose configuration is complete; None where no trial is stopped early."""
    if config.pruner != "halving":
        return None
    given = {name: int(getattr(config, name)) for name in RUNG_OPTIONS}
    factor = given["reduction_factor"]
    return Halving(
        rungs=rung_epochs(min_epochs=given["min_epochs"], reduction_factor=factor, epochs=config.epochs),
        reduction_factor=factor,
        bracket=given["bracket"],
        first_replicates=given["min_seeds"] * (config.cv or 1),
    )


def trained_share(config: StudyConfig) -> float:
    """Which part of the epochs of all trials and replicates a study trains; 1 where no trial is stopped early.

    Args:
        config: Complete; its trials compete in whole brackets, as nearly all do.

    Example:
        >>> config = StudyConfig(pruner="halving", cohort=9, epochs=9)
        >>> round(trained_share(config.model_copy(update=completed_rungs(config))), 3)
        0.383
    """
    halving = halving_of(config)
    if halving is None:
        return 1.0
    parts = phases(halving, epochs=config.epochs, replicates=config.replicates)
    return sum(part.slots * part.epochs for part in parts) / (halving.bracket * config.replicates * config.epochs)


def rungs_text(config: StudyConfig) -> str | None:
    """Who is stopped where, in words; None where no trial is stopped early.

    Example:
        >>> config = StudyConfig(pruner="halving", cohort=9, epochs=9)
        >>> rungs_text(config.model_copy(update=completed_rungs(config)))
        'of each 9 trials, after epoch 2 the best 3 go on; up to there with 1 of 3 seeds'
    """
    halving = halving_of(config)
    if halving is None:
        return None
    left, parts = halving.bracket, list[str]()
    for epoch in halving.rungs:
        left = -(-left // halving.reduction_factor)
        parts.append(f"after epoch {epoch} the best {left}{'' if parts else ' go on'}")
    seeds = "" if config.min_seeds == config.seeds else f"; up to there with {config.min_seeds} of {config.seeds} seeds"
    return f"of each {halving.bracket} trials, {', '.join(parts)}{seeds}"


def _check(config: StudyConfig, cohort: int) -> None:
    """Refuses options that do not fit each other.

    Raises:
        ConfigError: What was seen, and what would fit.
    """
    if config.epochs < 2:
        raise ConfigError(
            f"trials are to be stopped early, and --epochs is {config.epochs}, which leaves no epoch before the last; "
            f"give 2 epochs or more, or leave {_asked(config)} out"
        )
    if cohort < 2:
        raise ConfigError(
            "trials are to be stopped early, and --cohort is 1, so that no trial has another to be compared with; give "
            f"a larger --cohort, or leave {_asked(config)} out"
        )
    if config.min_epochs is not None and config.min_epochs >= config.epochs:
        raise ConfigError(
            f"--min-epochs is {config.min_epochs}, and --epochs is {config.epochs}: nobody could be stopped before the "
            f"end; give 1 to {config.epochs - 1}, or leave it out"
        )
    if config.bracket is not None and cohort % config.bracket:
        fit = [size for size in range(2, cohort + 1) if cohort % size == 0]
        raise ConfigError(
            f"--bracket is {config.bracket}, which does not divide --cohort {cohort}; give one of "
            f"{', '.join(map(str, fit))}, or leave it out"
        )
    if config.min_seeds is not None and config.min_seeds > config.seeds:
        raise ConfigError(
            f"--min-seeds is {config.min_seeds}, and --seeds is {config.seeds}; give 1 to {config.seeds}, or leave it "
            "out"
        )


def _asked(config: StudyConfig) -> str:
    """The options that ask for trials to be stopped early."""
    return ", ".join(
        f"--{name.replace('_', '-')}" for name in ("pruner", *RUNG_OPTIONS) if name in config.model_fields_set
    )


def _cohort(bracket: int | None, least: int) -> int:
    """Trials of a cohort where none are asked for: at least so many, and whole brackets, where one is given."""
    return least if bracket is None else -(-least // bracket) * bracket


def _bracket(cohort: int, wanted: int) -> int:
    """The smallest part of a cohort, among equal ones, that has so many trials; the whole cohort where none has."""
    return next((size for size in range(max(2, wanted), cohort) if cohort % size == 0), cohort)
