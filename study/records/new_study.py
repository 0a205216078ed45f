"""What is written of a study when it is created: what it is about, for us, for stock Optuna and for the dashboard."""

from __future__ import annotations

from typing import Any

from study.data.quantities import quantity_text
from study.problem import Problem
from study.problem.network_options import network_parts, network_text
from study.problem.rung_options import RUNG_OPTIONS, rungs_text
from study.records.attributes import (
    CONVENTIONS_VERSION,
    DATA,
    IDENTITY,
    OFFICIAL_TEST,
    PRUNER_BY_DEFAULT,
    READER_VERSION,
    VERSIONS,
    installed_versions,
)
from study.wording import markdown


def system_attributes(problem: Problem) -> dict[str, Any]:
    """The system attributes of a new study, all but its configuration: identity, data, versions and the note.

    Args:
        problem: The search or the comparison.
    """
    return {
        IDENTITY: problem.identity,
        DATA: {
            "name": problem.dataset.name,
            **({} if problem.dataset.reading is None else {READER_VERSION: problem.dataset.reading.reader}),
            CONVENTIONS_VERSION: problem.conventions.version,
            **({OFFICIAL_TEST: True} if problem.dataset.test_rows is not None else {}),
            **{part: len(getattr(problem.split, part)) for part in ("training", "validation", "test")},
        },
        PRUNER_BY_DEFAULT: not {"pruner", *RUNG_OPTIONS} & problem.config.model_fields_set,
        VERSIONS: installed_versions(),
        "dashboard:note_ver": 1,
        "dashboard:note_str:0": _note(problem),
    }


def user_attributes(problem: Problem) -> dict[str, Any]:
    """The user attributes of a new study, which every program that reads Optuna's studies shows.

    Args:
        problem: The search or the comparison.
    """
    return {
        "data": problem.dataset.origin,
        "space": problem.space.name,
        **{field: getattr(problem.config, field) for field in ("seeds", "epochs", "batch_size", "optimizer")},
        **network_parts(problem.config, problem.architecture),
        **({"classes": len(problem.split.classes)} if problem.split.classes else {"task": problem.task.name}),
        "floor": problem.judge.floor,
        "reference_point": problem.judge.reference_point,
    }


def _learned(problem: Problem) -> str:
    """What is to be predicted, in words."""
    if problem.split.classes:
        return f"{len(problem.split.classes)} classes"
    return f"regression of {problem.dataset.target or 'its target'}: {quantity_text(problem.dataset.y)}"


def _note(problem: Problem) -> str:
    """The study's page in the dashboard, as Markdown."""
    config, judge = problem.config, problem.judge
    seeds = f"{config.seeds} seeds" if config.cv is None else config.replicates_text
    rows = {
        "data": f"{problem.dataset.name} ({len(problem.dataset)} samples, {_learned(problem)})",
        "space": problem.space.name,
        "network": f"{network_text(config, problem.architecture)}, {config.optimizer}, "
        f"learning rate {config.learning_rate:g}",
        "training": f"{config.epochs_text}, batches of {config.batch_size}, {seeds} a trial",
        **({} if (stopped := rungs_text(config)) is None else {"stopped early": stopped}),
        "objectives": f"{', '.join(judge.metric_names)} ({config.sparsity}: sparsity, over live units"
        + (
            ", where activations of at most 1 % of their layer's root mean square are set to 0)"
            if config.clamps
            else ")"
        )
        if config.objective == "front"
        else judge.metric_names[0],
        "feasible": f"every seed {'above' if judge.metric.higher_is_better else 'below'} {judge.floor:.4f}"
        + (", the mean over folds," if config.cv else "")
        + (", what a constant guess reaches" if config.min_accuracy is None else ""),
        "sampler": problem.sampler_text,
        "study seed": str(config.seed),
        "baseline": "trial 0: " + ", ".join(map(str, problem.space.baseline(problem.defaults).values())),
    }
    lines = [f"| **{key}** | {markdown(value)} |" for key, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])
