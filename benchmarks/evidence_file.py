"""The file of evidence: what it has of a data set, how it is written, and how a run goes on from it."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hardware import taken
from benchmarks.protocol_data import Source
from study.comparison.across_data_sets import estimates_of
from study.comparison.cell_measures import read_cell_measures
from study.comparison.claims import CLAIMS
from study.comparison.evidence import FORMAT, load_evidence, rounded, unchanged
from study.comparison.protocol import Protocol, definition
from study.comparison.summary import ComparisonSummary
from study.data.row_sketch import row_sketch
from study.records.measure_keys import key_on_test
from study.records.open_study import OpenStudy

SHIPPED = Path(__file__).parent.parent / "study" / "comparison" / "evidence.json"
Part = tuple[str, tuple[int, ...]]
"""A part of the protocol: its name, and the numbers of its claims."""


def result(source: Source, parts: list[tuple[OpenStudy, ComparisonSummary]]) -> dict[str, Any]:
    """What the evidence has of the finished comparisons of a data set, one for each part of the protocol."""
    dataset, problem = source.dataset, parts[0][0].comparison
    summaries = [summary for _, summary in parts]
    sizes = [_networks(study) for study, _ in parts]
    return {
        "name": source.planned.name,
        "task": source.planned.task,
        "group": source.planned.group or source.planned.name,
        "source": source.planned.file or f"scikit-learn, {source.planned.built_in}",
        "rows": len(problem.dataset),
        "rows_in_all": len(dataset),
        "features": int(dataset.x.shape[1]),
        "classes": len(dataset.classes),
        "dropped": source.dropped,
        "fingerprints": list(source.fingerprints),
        "sketch": row_sketch(dataset),
        "seeds": problem.config.seeds,
        "networks": sum(count for count, _ in sizes),
        "diverged": sum(count for _, count in sizes),
        "failed_cells": sum(summary.failed for summary in summaries),
        "chosen_at_edges": [rounded(share) for share in summaries[0].at_edges],
        "score": {cell.activation: rounded(cell.accuracy) for cell in summaries[0].accuracy_by_activation},
        "estimates": {
            statement: [
                None if each is None else [rounded(each.value), rounded(each.standard_error)] for each in estimates
            ]
            for summary in summaries
            for statement, estimates in estimates_of(summary).items()
        },
    }


def begun(path: Path, plan: Protocol) -> dict[str, dict[str, Any]]:
    """What a file of evidence has, by the data sets' names: of this protocol, and of claims as they are defined now."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if (content.get("format"), content.get("protocol")) != (FORMAT, plan.hash):
        return {}
    statements = unchanged(content["claims"])
    return {
        each["name"]: each
        | {"estimates": {name: each["estimates"][name] for name in statements if name in each["estimates"]}}
        for each in content["data_sets"]
    }


def has_part(before: dict[str, Any] | None, part: Part) -> bool:
    """Whether what a file has of a data set holds a part of the protocol."""
    statements = {claim.statement for claim in CLAIMS if claim.id in part[1]}
    return before is not None and statements <= before["estimates"].keys()


def joined(before: dict[str, Any] | None, now: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a file has of a data set, and the result of other parts of the protocol."""
    if before is None or now is None:
        return before or now
    counts = {name: before[name] + now[name] for name in ("networks", "diverged", "failed_cells")}
    return before | counts | {"estimates": before["estimates"] | now["estimates"]}


def _networks(study: OpenStudy) -> tuple[int, int]:
    """How many networks a comparison trained, and how many of them diverged."""
    problem, seeds = study.comparison, study.problem.config.seeds
    measured = read_cell_measures(study.storage, study.study_id, problem.design, seeds=seeds, task=problem.task)
    near_zero = [stream.of(cell, key_on_test("near_zero")) for stream in measured.streams for cell in measured.trained]
    return int(sum(each.size for each in near_zero)), int(sum(np.isnan(each).sum() for each in near_zero))


def document(results: list[dict[str, Any]], plan: Protocol) -> dict[str, Any]:
    """The file with the data sets that are done."""
    done = Counter(each["task"] for each in results)
    planned = Counter(each.task for each in plan.data)
    return {
        "format": FORMAT,
        "protocol": plan.hash,
        "rests_on": {task: f"{done[task]} of {count} data sets" for task, count in planned.items()},
        "taken": taken("python -m benchmarks.evidence") | {"command": "python -m benchmarks.evidence FOLDER"},
        "rules": plan.rules,
        "claims": {
            claim.statement: definition(claim)
            for claim in CLAIMS
            if any(claim.statement in each["estimates"] for each in results)
        },
        "data_sets": results,
    }


def write(gathered: dict[str, dict[str, Any] | None], plan: Protocol, path: Path) -> None:
    """Writes the file, one data set a line, and reads it as the package will."""
    content = document([each for each in gathered.values() if each is not None], plan)
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in content.pop("data_sets"))
    head = json.dumps(content, ensure_ascii=False, indent=1)[:-2]
    new = path.with_suffix(".part")
    new.write_text(f'{head},\n "data_sets": [\n{lines}\n]}}\n', encoding="utf-8")
    load_evidence(new)
    os.replace(new, path)
