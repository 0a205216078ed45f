"""The evidence: all claims on all data sets of the protocol, as one file that is shipped with the package.

    python -m benchmarks.evidence FOLDER

FOLDER holds the CSV files that `study/comparison/protocol.toml` names, or its folders `uci` and `regression` do. Each
data set is one comparison for each part of the protocol, in one SQLite database, the smallest first. The command may
be killed and started again, and goes on where it was; started several times at once, or with --workers, it shares the
work. After each comparison the file is written anew, and is valid with those that are done. `--plan` says how long each
takes, and `--collect` writes the file from what the database has, without training.

What the file already has, of the same protocol and the same data, is kept and not trained again, so that the database
is not needed to go on; `--anew` takes the data sets from the database alone, and trains what is missing there.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.evidence_file import SHIPPED, Part, begun, has_part, joined, result, write
from benchmarks.protocol_data import Source, sources
from reluctant.errors import ReluctantError, ReluctantWarning
from storage import CohortStorage, open_storage
from study.comparison.protocol import Protocol, protocol
from study.comparison.summary import summarize
from study.estimate import estimate
from study.records.open_study import OpenStudy, create_or_open
from study.records.own_trials import NoResultsError
from study.workers.launch import launch
from study.workers.stop import Stop


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
    parser.add_argument("--anew", action="store_true", help="take nothing of these data sets from the file")
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
    before = begun(options.output, plan)
    for each in found:
        name = each.planned.name
        differs = name in before and before[name]["fingerprints"] != [*each.fingerprints]
        if differs:
            print(f"{name} is not what {options.output} has, and is trained anew", flush=True)
        if differs or options.anew:
            before.pop(name, None)
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
