"""Comparisons in front of a person: trained, then their verdicts; or what they would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from study.cli.console import Messages, print_rows
from study.cli.machine_text import json_text
from study.cli.print_comparisons import print_comparisons
from study.cli.train import end_early, resume_command, train
from study.comparison.layer_timing import store_layer_times
from study.comparison.with_evidence import summarize_with_evidence
from study.config import ConfigError, StudyConfig
from study.data.load import is_table
from study.estimate import estimate
from study.problem import Comparison
from study.records.open_study import OpenStudy, create_or_open, reopen
from study.workers.stop import Stop

if TYPE_CHECKING:
    from storage import CohortStorage


def comparisons(data: Sequence[str], targets: Sequence[str], config: StudyConfig) -> list[Comparison]:
    """One comparison a data set, all read before any is trained.

    Args:
        data: What the data sets are called, as `load_dataset` takes them.
        targets: Columns to predict, of each table in turn; one serves all tables.
        config: What all have in common.

    Raises:
        ConfigError: Layers differ in width, there are not as many targets as tables, or two data sets are one.
    """
    if len(config.hidden) > 1:
        raise ConfigError(
            f"--hidden is {','.join(map(str, config.hidden))}; a comparison varies the depth itself, "
            "and needs one number"
        )
    tables = [source for source in data if is_table(source)]
    if len(targets) not in (0, 1, len(tables)):
        raise ConfigError(
            f"{len(targets)} times --target for {len(tables)} tables ({', '.join(tables) or 'none'}); "
            "give one for all of them, or one for each, in their order"
        )
    columns = dict(zip(tables, targets if len(targets) == len(tables) else [*targets] * len(tables), strict=False))
    if targets and not tables:
        columns = dict.fromkeys(data, targets[0])
    found = []
    for source in data:
        own = {"data": source, "target": columns.get(source)}
        found.append(Comparison.of(config.model_copy(update=own)))
    if config.name is not None and len(found) > 1:
        found = [
            replace(each, config=each.config.model_copy(update={"name": f"{config.name}-{each.dataset.name}"}))
            for each in found
        ]
    for problem in found:
        _ = problem.judge  # divides the data: what cannot be divided is said before anything is written
    names = [problem.name for problem in found]
    if len(set(names)) < len(names):
        raise ConfigError(f"two of the data sets are the same, or of one name ({', '.join(names)}); give each once")
    return found


def open_comparisons(
    wanted: Sequence[Comparison], database: CohortStorage, *, stored: str | None, overrides: Mapping[str, Any]
) -> list[OpenStudy]:
    """The comparisons in their database.

    Args:
        wanted: What was asked for.
        database: Where they live.
        stored: Name of a study that, where it exists, is meant with the options that it was started with.
        overrides: Options of this run, for that study.

    Raises:
        KindError: That study is a search.
        IdentityError: A name belongs to another study.
    """
    if stored is not None and stored in {study.study_name for study in database.get_all_studies()}:
        study = reopen(database, stored, overrides=overrides)
        _ = study.comparison  # refuses a search
        return [study]
    return [create_or_open(problem, database) for problem in wanted]


def print_plans(wanted: Sequence[Comparison], form: str) -> None:
    """Prints what comparisons would cost, and what becomes of their data."""
    rows, costs = [], [estimate(problem) for problem in wanted]
    for problem, cost in zip(wanted, costs, strict=True):
        config, split = problem.config, problem.split
        rows.append(
            {
                "study": problem.name,
                "rows": f"{len(split.training)} + {len(split.validation)} + {len(split.test)}",
                **({"design": "reduced"} if problem.design.channels else {}),
                "cells": config.trials,
                "seeds": config.seeds,
                "streams": problem.design.streams,
                "epochs": config.epochs,
                **({} if config.patience is None else {"patience": config.patience}),
                "networks": cost.slots,
                "MiB": round(cost.memory / 2**20),
                "seconds": f"{'about' if config.patience is None else 'at most'} {cost.seconds:.0f}",
            }
        )
    if form == "json":
        plans = zip(rows, wanted, costs, strict=True)
        print(
            json_text([{**row, "plan": asdict(cost), "summary": each.data_summary.values} for row, each, cost in plans])
        )
        return
    print_rows(rows, form)
    if form == "table":
        for problem in wanted:
            print("\n".join(problem.data_summary.lines()))


def resume(study: OpenStudy, messages: Messages, *, quiet: bool, lease: float | None = None) -> None:
    """Trains what is missing of a comparison that exists, then prints its verdicts."""
    train_and_print_verdicts([study], messages, "table", quiet=quiet, lease=lease)


def train_and_print_verdicts(
    studies: Sequence[OpenStudy], messages: Messages, form: str, *, quiet: bool, lease: float | None = None
) -> None:
    """Trains what is missing of each comparison, then prints all verdicts; or says how to continue."""
    found = []
    with Stop(seconds=studies[0].problem.config.timeout) as stop:
        for study in studies:
            config = study.problem.config
            design = study.comparison.design
            messages.info(
                f"comparison {study.name} in {study.storage.place}: {study.total} cells x {config.seeds} seeds x "
                f"{design.streams} streams, {config.epochs_text}"
            )
            if design.reduced_text:
                messages.info(design.reduced_text)
            for line in study.problem.data_summary.lines():
                messages.info(line)
            if not train(study, messages, stop=stop, quiet=quiet, lease=lease):
                end_early(stop, messages, f"continue with the same command, or: {resume_command(study)}")
            store_layer_times(study)
            found.append(summarize_with_evidence(study))
    print_comparisons(found, form)
