"""The evidence: all claims on all data sets of the protocol, as one file that is shipped with the package.

    python -m benchmarks.evidence FOLDER

FOLDER holds the CSV files that `study/comparison/protocol.toml` names, or its folders `uci` and `regression` do. Each
data set is one comparison for each part of the protocol, in one SQLite database, the smallest first. The command may
be killed and started again, and goes on where it was; started several times at once, or with --workers, it shares the
work. After each comparison the file is written anew, and is valid with those that are done. `--plan` says how long each
takes, and `--collect` writes the file from what the database has, without training.

What the file already has, of the same protocol and the same data, is kept and not trained again, so that the database
is not needed to go on; `--anew` trains everything.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hardware import taken
from reluctant.errors import ReluctantError, ReluctantWarning
from storage import CohortStorage, open_storage
from study.comparison.across_data_sets import estimates_of
from study.comparison.cell_measures import read_cell_measures
from study.comparison.claims import CLAIMS
from study.comparison.evidence import FORMAT, load_evidence, rounded
from study.comparison.protocol import Protocol, ProtocolSet, definition, protocol
from study.comparison.summary import ComparisonSummary, summarize
from study.data import Dataset, TableOptions, load_dataset
from study.data.row_sketch import row_sketch
from study.estimate import estimate
from study.problem import Comparison
from study.records.measure_keys import key_on_test
from study.records.open_study import OpenStudy, create_or_open
from study.records.own_trials import NoResultsError
from study.tasks import CLASSIFICATION, TASKS
from study.workers.launch import launch
from study.workers.stop import Stop

SHIPPED = Path(__file__).parent.parent / "study" / "comparison" / "evidence.json"
Part = tuple[str, tuple[int, ...]]
"""A part of the protocol: its name, and the numbers of its claims."""


@dataclass(frozen=True)
class Source:
    """A data set of the protocol as it is used.

    Attributes:
        planned: What the protocol says of it.
        place: What the commands call it: a built-in name, or a CSV file.
        dropped: Rows that were dropped, by their class.
        dataset: The data.
        fingerprints: Of the data, and of other forms of the same samples.
    """

    planned: ProtocolSet
    place: str
    dropped: dict[str, int]
    dataset: Dataset
    fingerprints: tuple[str, ...]

    def problem(self, plan: Protocol, part: str, claims: tuple[int, ...], **options: Any) -> Comparison:
        """Its comparison by the protocol, of some claims."""
        named: dict[str, Any] = {"data": self.place, "target": self.planned.target, "claims": claims}
        named["name"] = f"{self.planned.name}-{part}-{plan.hash}"
        if self.planned.task != CLASSIFICATION.name:
            options |= {"task": self.planned.task}
        return Comparison.of(plan.config(len(self.dataset), **(named | options)))


def sources(folder: Path, made: Path, plan: Protocol, wanted: Collection[str] = ()) -> Iterator[Source]:
    """The data sets of the protocol that are there.

    Args:
        folder: Where the CSV files are.
        made: Where tables are written that are joined, or have rows dropped.
        plan: The protocol.
        wanted: Names of data sets; empty: all.
    """
    for planned in plan.data:
        if wanted and planned.name not in wanted:
            continue
        if planned.built_in:
            dataset = load_dataset(planned.built_in)
            yield Source(planned, planned.built_in, {}, dataset, (dataset.fingerprint,))
            continue
        files = [_found(folder, name) for name in (planned.file, planned.official_test) if name]
        missing = [
            name for name, file in zip((planned.file, planned.official_test), files, strict=False) if file is None
        ]
        there = [file for file in files if file is not None]
        if missing:
            print(f"{planned.name} is not done: {', '.join(missing)} is not in {folder}", flush=True)
            continue
        place, dropped = _joined(there, planned, made, plan.fewest_members)
        reading = TableOptions(read_target=TASKS[planned.task].read_target)
        tables = [load_dataset(name, target=planned.target, options=reading) for name in (place, *map(str, there))]
        dataset, others = tables[0], tables
        others += [load_dataset(name) for name in planned.also]
        yield Source(planned, place, dropped, dataset, tuple(dict.fromkeys(each.fingerprint for each in others)))


def _found(folder: Path, name: str) -> Path | None:
    places = (folder / name, folder / "uci" / name, folder / "regression" / name)
    return next((place for place in places if place.is_file()), None)


def _joined(files: list[Path], planned: ProtocolSet, made: Path, fewest: int) -> tuple[str, dict[str, int]]:
    """The file of a data set: as it is, or a new one where parts are joined or rows of rare classes dropped."""
    header, rows = [], []
    for file in files:
        with file.open(newline="", encoding="utf-8") as stream:
            header, *own = csv.reader(stream)
            rows += own
    dropped: dict[str, int] = {}
    if planned.task == "classification":
        place = header.index(str(planned.target))
        members = Counter(row[place] for row in rows)
        dropped = {label: count for label, count in members.items() if count < fewest}
        rows = [row for row in rows if row[place] not in dropped]
    if len(files) == 1 and not dropped:
        return str(files[0]), {}
    made.mkdir(parents=True, exist_ok=True)
    target = made / f"{planned.name}.csv"
    with tempfile.NamedTemporaryFile("w", dir=made, newline="", encoding="utf-8", delete=False) as stream:
        csv.writer(stream).writerows([header, *rows])
    os.replace(stream.name, target)
    return str(target), dropped


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
    same = {claim.statement for claim in CLAIMS if content["claims"].get(claim.statement) == definition(claim)}
    return {
        each["name"]: each | {"estimates": {name: found for name, found in each["estimates"].items() if name in same}}
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


def finished(
    source: Source, database: CohortStorage, plan: Protocol, before: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """What a file has of a data set, with the comparisons that are finished beside it; None where there is neither."""
    names, parts = {study.study_name for study in database.get_all_studies()}, []
    for part in plan.parts:
        if has_part(before, part):
            continue
        problem = source.problem(plan, *part)
        if problem.name in names:
            study = create_or_open(problem, database)
            with suppress(NoResultsError):
                parts.append((study, summarize(study)))
    return joined(before, result(source, parts) if parts else None)


def trained(
    todo: Iterable[tuple[Part, Source]], database: CohortStorage, plan: Protocol, stop: Stop, **options: Any
) -> Iterator[tuple[Source, OpenStudy]]:
    """Trains what is missing of comparisons one after the other, and yields each that is finished.

    Args:
        todo: Parts of the protocol, each with a data set.
        database: Where the comparisons live.
        plan: The protocol.
        stop: Ends it early.
        options: Of all comparisons, in place of those of the protocol.
    """
    for part, source in todo:
        started, name = datetime.now(UTC), f"{source.planned.name}, {part[0]}"
        try:
            study = create_or_open(source.problem(plan, *part, **options), database)
            if not launch(study, stop=stop):
                return
        except ReluctantError as error:
            print(f"{name} is not done: {error}", flush=True)
            continue
        seconds = (datetime.now(UTC) - started).total_seconds()
        print(f"{name}: {len(study.comparison.dataset)} rows, {seconds:.0f} s", flush=True)
        yield source, study


def print_plan(found: list[Source], plan: Protocol) -> None:
    """Prints how long each data set takes on this machine as it is now, from a few measured epochs of each."""
    total = 0.0
    for source, part in product(found, plan.parts):
        problem = source.problem(plan, *part)
        seconds = estimate(problem).seconds
        total += seconds
        rows, seeds, name = len(problem.dataset), problem.config.seeds, f"{source.planned.name}, {part[0]}"
        print(f"{name:<26}{rows:>7} rows {seeds:>3} seeds {seconds:>8.0f} s", flush=True)
    print(f"in all {total / 3600:.1f} hours")


def main() -> None:
    """Trains what is missing, and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--storage", default="evidence.db", help="SQLite file of the comparisons")
    parser.add_argument("--workers", type=int, default=1, help="processes of this command")
    parser.add_argument("--only", default="", help="names of data sets, separated by commas")
    parser.add_argument("--plan", action="store_true", help="say how long each data set takes, and train nothing")
    parser.add_argument("--collect", action="store_true", help="write the file from what is done, and train nothing")
    parser.add_argument("--anew", action="store_true", help="train what the file has as well")
    parser.add_argument("--output", type=Path, default=SHIPPED, help="the file (default: the shipped one)")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ReluctantWarning)
    plan, wanted = protocol(), set(filter(None, options.only.split(",")))
    print(f"protocol {plan.hash}", flush=True)
    if options.plan:
        with tempfile.TemporaryDirectory() as folder:
            print_plan([*sources(options.folder, Path(folder), plan, wanted)], plan)
        return
    found = [*sources(options.folder, Path(f"{options.storage}.data"), plan, wanted)]
    before = {} if options.anew else begun(options.output, plan)
    for each in found:
        if before.get(each.planned.name, {}).get("fingerprints") != [*each.fingerprints]:
            before.pop(each.planned.name, None)
    with Stop() as stop:
        database = open_storage(options.storage)
        gathered = before | {
            each.planned.name: finished(each, database, plan, before.get(each.planned.name)) for each in found
        }
        missing = (
            (part, each)
            for part, each in product(plan.parts, found)
            if not has_part(before.get(each.planned.name), part)
        )
        todo = [] if options.collect else sorted(missing, key=lambda each: _work(*each, plan))
        for source, _ in trained(todo, database, plan, stop, workers=options.workers):
            name = source.planned.name
            gathered[name] = finished(source, database, plan, before.get(name))
            write(gathered, plan, options.output)
        write(gathered, plan, options.output)
        database.close()


def _work(part: Part, source: Source, plan: Protocol) -> tuple[int, int]:
    """The order of work: the first part of all data sets first, the smallest of them first."""
    rows = len(source.dataset)
    return plan.parts.index(part), min(rows, plan.most_rows) * plan.seeds_of(rows)


if __name__ == "__main__":
    main()
