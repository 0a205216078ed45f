"""How a study was run: the end of its report."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from storage.losses import RESULT_DISCARDED
from study.config import Scope, StudyConfig
from study.problem import Problem
from study.problem.network_options import network_text
from study.problem.rung_options import rungs_text
from study.records.open_study import OpenStudy


def provenance(study: OpenStudy) -> dict[str, str]:
    """Command, data, seeds, versions and hardware of a study, each as text."""
    problem, config = study.problem, study.problem.config
    split, workers = problem.split, study.storage.workers(study.study_id)
    details = [worker["details"] for worker in workers]
    data = problem.data_summary
    learned = f"{len(split.classes)} classes ({_some(split.classes)})" if split.classes else data.target_text
    found = {
        "command": command(study),
        "data": f"{problem.dataset.origin}: {len(problem.dataset)} samples, {len(split.features)} features after "
        f"preprocessing, {learned}",
        "file": "; ".join(data.notes),
        "rows of each class": data.class_text,
        "columns": data.columns_text,
        "fingerprint": problem.dataset.fingerprint,
        "split": _split_text(problem),
        "seeds": f"{config.seeds} a trial{' that was trained to the end' if config.pruner == 'halving' else ''}"
        + (f", each on all {config.cv} folds" if config.cv else "")
        + (f", each with {streams} random streams" if (streams := problem.replicates // config.replicates) > 1 else "")
        + f", study seed {config.seed}",
        "network": network_text(config, problem.architecture)
        + (", where the trial does not say otherwise" if problem.architecture.user is None else ""),
        "training": f"{config.epochs_text}, batches of {config.batch_size}, {config.optimizer}",
        "stopped early": rungs_text(config) or "",
        "versions": _distinct(", ".join(f"{k} {v}" for k, v in d.get("versions", {}).items()) for d in details),
        "hardware": _distinct(_hardware(d) for d in details),
        "workers": workers_text(workers),
        "taken back": losses_text([row["reason"] for row in study.storage.losses(study.study_id)]),
    }
    return {name: value for name, value in found.items() if value}


def workers_text(workers: Sequence[Mapping[str, Any]]) -> str:
    """How many workers a study had at a time, and how many were started in all.

    Args:
        workers: The study's workers, as the storage returns them.
    """
    # One that ends in the moment in which another starts was not at work with it.
    ends = [(each["ended"] or each["last_active"], -1) for each in workers]
    moments = sorted([*ends, *((each["started"], 1) for each in workers)])
    most = max(accumulate(change for _, change in moments), default=0)
    return f"{most} at a time, {len(workers)} started in all" if most < len(workers) else str(most)


def losses_text(reasons: Sequence[str]) -> str:
    """How often trials were taken back from their workers, and why; empty where that never happened.

    Example:
        >>> losses_text(["worker died", "lease expired", "worker died"])
        '3 times a trial, which then waited to be trained again (worker died: 2, lease expired: 1)'
    """
    counts = Counter(reasons)
    late = counts.pop(RESULT_DISCARDED, 0)
    parts = []
    if counts:
        times = "once" if counts.total() == 1 else f"{counts.total()} times"
        each = ", ".join(f"{reason}: {count}" for reason, count in counts.most_common())
        parts.append(f"{times} a trial, which then waited to be trained again ({each})")
    if late:
        parts.append(f"{late} late result{'' if late == 1 else 's'} discarded")
    return "; ".join(parts)


def command(study: OpenStudy) -> str:
    """The command that starts the same study in the same database: what differs from the defaults.

    Options of early stopping are all named, since their defaults depend on the total.
    """
    problem, config = study.problem, study.problem.config
    shown = config.model_dump(mode="json")
    defaults = StudyConfig.model_validate({}).model_dump(mode="json")
    # Where and how it ran is no part of what makes a study this study.
    names = (*StudyConfig.options(Scope.IDENTITY), "test", "rows", "drop", "keep", "image_size", "space")
    options = {name: shown[name] for name in StudyConfig.options() if name in names and shown[name] != defaults[name]}
    options["trials"] = study.total
    words = ["reluctant", problem.command, config.data]
    for name, value in options.items():
        if name in problem.derived_fields:
            continue
        words += [f"--{name.replace('_', '-')}", ",".join(map(str, value)) if isinstance(value, list) else str(value)]
    return shlex.join([*words, "--storage", study.storage.place, "--name", study.name])


def _split_text(problem: Problem) -> str:
    """The sizes of the parts, which of them the data themselves name, and which each seed has of its own."""
    split = problem.split
    text = f"{len(split.training)} training, {len(split.validation)} validation, {len(split.test)} test samples"
    if problem.config.cv:
        text = f"cross-validation over {problem.config.cv} folds, the first of {text}"
    if division := problem.data_summary.division:
        text += f"; {division}"
    official = problem.dataset.test_rows is not None
    if official:
        text += "; the test part is the one that comes with the data"
    if problem.splits_each_seed:
        text += "; each seed divides the rest anew" if official else "; a split of its own for each seed"
    return text


def _hardware(details: Mapping[str, Any]) -> str:
    known = {
        "processor": "{}",
        "cores": "{} cores",
        "threads": "{} threads",
        "device": "device {}",
        "python": "Python {}",
    }
    return ", ".join(form.format(details[name]) for name, form in known.items() if details.get(name))


def _distinct(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _some(names: tuple[str, ...], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
