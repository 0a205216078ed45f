"""Comparisons in front of a person: trained with their progress shown, then their verdicts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from reluctant.exit_codes import DONE, INTERRUPTED
from study.cli.console import Messages, ProgressView, print_rows
from study.cli.stop import Stop
from study.comparison.across_data_sets import AcrossDataSets, compare_data_sets
from study.comparison.layer_timing import store_layer_times
from study.comparison.summary import ComparisonSummary, summarize
from study.comparison.verdicts import ContrastEstimate
from study.config import ConfigError, StudyConfig
from study.estimate import estimate
from study.problem import Problem
from study.records.open_study import OpenStudy, create_or_open, reopen
from study.workers.launch import launch
from study.workers.worker import work

if TYPE_CHECKING:
    from storage import CohortStorage

DEFAULTS = {"seeds": "10", "hidden": "64"}
"""Options of a comparison whose defaults are not those of a search."""


def problems(data: Sequence[str], targets: Sequence[str], config: StudyConfig) -> list[Problem]:
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
    tables = [source for source in data if _is_table(source)]
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
        found.append(Problem.comparison(config.model_copy(update=own)))
    if config.name is not None and len(found) > 1:
        found = [
            Problem(
                problem.config.model_copy(update={"name": f"{config.name}-{problem.dataset.name}"}),
                problem.dataset,
                problem.space,
                problem.design,
            )
            for problem in found
        ]
    for problem in found:
        _ = problem.judge  # divides the data: what cannot be divided is said before anything is written
    names = [problem.name for problem in found]
    if len(set(names)) < len(names):
        raise ConfigError(f"two of the data sets are the same, or of one name ({', '.join(names)}); give each once")
    return found


def studies_of(wanted: Sequence[Problem], database: CohortStorage, *, saved: str | None) -> list[OpenStudy]:
    """The comparisons in their database.

    Args:
        wanted: What was asked for.
        database: Where they live.
        saved: Name of a study that, where it exists, is meant with the options that it was started with.

    Raises:
        KindError: That study is a search.
        IdentityError: A name belongs to another study.
    """
    if saved is not None and saved in {study.study_name for study in database.get_all_studies()}:
        study = reopen(database, saved)
        study.need_comparison()
        return [study]
    return [create_or_open(problem, database) for problem in wanted]


def print_plans(wanted: Sequence[Problem]) -> None:
    """Prints what comparisons would cost."""
    rows = []
    for problem in wanted:
        cost = estimate(problem)
        config, split = problem.config, problem.split
        rows.append(
            {
                "study": problem.name,
                "rows": f"{len(split.training)} + {len(split.validation)} + {len(split.test)}",
                "cells": config.trials,
                "seeds": config.seeds,
                "epochs": config.epochs,
                "networks": cost.slots,
                "MiB": round(cost.memory / 2**20),
                "seconds": f"about {cost.seconds:.0f}",
            }
        )
    print_rows(rows, "table")


def _is_table(source: str) -> bool:
    return source.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".parquet"))


def work_and_print(studies: Sequence[OpenStudy], messages: Messages, form: str, *, quiet: bool) -> None:
    """Trains what is missing of each comparison, then prints all verdicts; or says how to go on."""
    found = []
    with Stop(seconds=studies[0].problem.config.timeout) as stop:
        for study in studies:
            config, judge = study.problem.config, study.problem.judge
            messages.info(
                f"comparison {study.name} in {study.storage.place}: {study.total} cells x {config.seeds} seeds, "
                f"{config.epochs} epochs"
            )
            view = ProgressView(
                messages, metric_names=judge.metric_names, reference=judge.reference_point[:1], quiet=quiet
            )
            with view:
                run = launch if config.workers > 1 else work
                complete = run(study, stop=stop, report=view, log=messages.info)
            if not complete:
                line = f"reluctant resume {shlex.quote(study.name)} --storage {shlex.quote(study.storage.place)}"
                messages.warn(
                    f"{'interrupted' if stop.signalled else 'time is up'}; everything finished is kept; "
                    f"continue with the same command, or: {line}"
                )
                raise typer.Exit(INTERRUPTED if stop.signalled else DONE)
            store_layer_times(study)
            found.append(summarize(study))
    print_comparisons(found, form)


def print_comparisons(comparisons: Sequence[ComparisonSummary], form: str) -> None:
    """Prints verdicts on stdout: of each comparison, and of all together where there are several."""
    several = compare_data_sets(comparisons) if len(comparisons) > 1 else None
    if form == "json":
        print(json.dumps(as_json(comparisons, several), indent=2, allow_nan=False))
    elif form == "csv":
        print_rows([row for comparison in comparisons for row in _rows(comparison)], "csv")
    else:
        for comparison in comparisons:
            print("\n".join(_lines(comparison)))
        if several is not None:
            _print_several(comparisons, several)


def as_json(comparisons: Sequence[ComparisonSummary], several: AcrossDataSets | None) -> dict[str, Any]:
    """What `--format json` prints."""
    return {
        "claims": [
            {"study": comparison.name, "data": comparison.data} | finding.as_dict()
            for comparison in comparisons
            for finding in comparison.verdicts
        ],
        "studies": [
            {
                "study": comparison.name,
                "data": comparison.data,
                "seeds": comparison.seeds,
                "epochs": comparison.epochs,
                "test_over_training": comparison.ratio,
                "level": comparison.level,
                "timed_on": comparison.machine,
            }
            for comparison in comparisons
        ],
        "together": None if several is None else asdict(several),
    }


def _rows(comparison: ComparisonSummary) -> list[dict[str, Any]]:
    return [
        {
            "study": comparison.name,
            "data": comparison.data,
            "id": finding.id,
            "statement": finding.statement,
            "estimate": finding.estimate,
            "low": None if finding.interval is None else finding.interval[0],
            "high": None if finding.interval is None else finding.interval[1],
            "unit": finding.unit,
            "rope_low": finding.rope[0],
            "rope_high": finding.rope[1],
            "verdict": finding.verdict,
            "estimated": finding.deciding.name,
            "change": finding.change,
        }
        for finding in comparison.verdicts
    ]


def _lines(comparison: ComparisonSummary) -> list[str]:
    """A comparison as a person reads it."""
    count = sum(len(finding.estimates) for finding in comparison.verdicts)
    lines = [
        f"{comparison.data}: {comparison.seeds} seeds, each with a split of its own, {comparison.epochs} epochs",
        f"{count} intervals that hold together with 95 % ({100 * comparison.level:.2f} % each)",
        "",
    ]
    for finding in comparison.verdicts:
        association = " (an association)" if finding.association else ""
        lines.append(f"{finding.id:>2}  {finding.statement}{association}: {finding.verdict.upper()}")
        others = [evidence for evidence in finding.estimates if evidence is not finding.deciding]
        lines += [f"    {_evidence(evidence)}" for evidence in (finding.deciding, *others)]
        lines.append(f"    would change it: {finding.change}")
    return [*lines, ""]


def _evidence(evidence: ContrastEstimate) -> str:
    if evidence.estimate is None:
        return f"{evidence.name}: no value"
    interval = "no interval"
    if evidence.interval is not None:
        low, high = evidence.interval
        interval = f"{low:+.2f} … {high:+.2f}"
    least, most = evidence.rope
    rope = f"±{most:g}" if least == -most and most else f"{least:g}" if least == most else f"{least:g} … {most:g}"
    return f"{evidence.name}: {evidence.estimate:+.2f} {evidence.unit} ({interval}), ROPE {rope}: {evidence.verdict}"


def _print_several(comparisons: Sequence[ComparisonSummary], several: AcrossDataSets) -> None:
    rows = [
        {
            "": str(finding.id),
            "claim": finding.statement,
            **{comparison.data: comparison.verdicts[place].verdict for comparison in comparisons},
        }
        for place, finding in enumerate(comparisons[0].verdicts)
    ]
    print_rows(rows, "table", table=rows)
    print(
        f"\n{len(several.data)} data sets, one mean each (Wilcoxon signed-rank, Holm; "
        f"the smallest p that so many can give is {several.smallest_p:.3g})"
    )
    contrasts = [
        {
            "": str(across.id),
            "contrast": across.name,
            "median": f"{across.median:+.2f} {across.unit}",
            "range": f"{min(across.means):+.2f} … {max(across.means):+.2f}",
            "p": f"{across.p:.3g}",
        }
        for across in several.contrasts
    ]
    print_rows(contrasts, "table", table=contrasts)
    ranking = several.ranking
    print(
        f"\nmean rank by test accuracy, 1 is best (Friedman p = {ranking.friedman_p:.3g}; "
        f"ranks less than {ranking.critical_difference:.2f} apart are not told apart)"
    )
    ranks = [
        {"activation": name, "rank": f"{rank:.2f}"}
        | dict(zip(several.data, [f"{100 * a:.2f}" for a in row], strict=True))
        for name, rank, row in zip(ranking.activations, ranking.ranks, ranking.accuracies, strict=True)
    ]
    print_rows(ranks, "table", table=ranks)
