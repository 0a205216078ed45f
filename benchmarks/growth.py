"""What a proposal and its storage cost as a study grows: 100, 1,000, 2,000, 5,000 and 20,000 trials.

    python -m benchmarks.growth [--sizes 100 1000 2000 5000 20000] [--keep FOLDER] [--output FILE.json]
    python -m benchmarks.growth --samplers tpe qmc random nsga2 nsga3 gp cmaes --sizes 100 300 1000

One study of short trainings (iris, a hidden layer of 8 units, 2 epochs) goes on and on; its phases are medians over
pieces of the last trials before each size, and its memory is taken before these. Then the commands that read it are
timed as whole processes, and a usual study of 2,000 trials (digits, 64, 64, 20 epochs, one network a trial) tells for
how much of its time training waits for proposals and the database.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import optuna

from benchmarks.hardware import taken
from benchmarks.ways import Recipe, measured_phases, ours
from storage import open_storage
from study.config import read_config
from study.problem import Problem, Search
from study.records.open_study import OpenStudy, create_or_open
from study.records.trial_feed import TrialFeed
from study.workers.worker import work

MEBI = 2**20
WINDOW, PIECE = 640, 128
STUDY = 2000
COMMANDS = {
    "front, measuring it on the test part": ["front", "--format", "csv"],
    "front": ["front", "--format", "csv"],
    "status": ["status", "--format", "csv"],
    "export": ["export", "--output", "trials.csv"],
}


def main() -> None:
    """Runs the benchmark, prints a table and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 2000, 5000, 20000])
    parser.add_argument("--keep", type=Path, help="keep the study's database in this folder")
    parser.add_argument("--samplers", nargs="+", help="grow a study for each of these, and nothing else")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.samplers:
        _grow_samplers(options)
        return
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        rows = grow(folder / "growth.db", sorted(options.sizes))
        commands = {name: _seconds(arguments, folder) for name, arguments in COMMANDS.items()}
    for name, seconds in commands.items():
        print(f"reluctant {name}: {seconds:.2f} s at {rows[-1]['trials']} trials")
    run = ours(Recipe(), STUDY)
    waiting = 1.0 - run.phases["fit"] / run.seconds
    print(f"training waits for {100 * waiting:.1f} % of a study of {STUDY} trials, {run.seconds:.1f} s")
    report = taken("python -m benchmarks.growth") | {"rows": rows, "command_seconds": commands}
    report["waiting"] = {"trials": STUDY, "seconds": run.seconds, "share": waiting, "phases": run.phases}
    _write(report, options.output or Path("benchmarks/growth.json"))


def _grow_samplers(options: argparse.Namespace) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows = {}
    for sampler in options.samplers:
        print(sampler)
        with tempfile.TemporaryDirectory() as folder:
            rows[sampler] = grow(Path(folder) / "growth.db", sorted(options.sizes), sampler)
    report = taken("python -m benchmarks.growth") | {"rows": rows}
    _write(report, options.output or Path("benchmarks/growth-samplers.json"))


def _write(report: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def grow(database: Path, sizes: list[int], sampler: str = "tpe") -> list[dict[str, Any]]:
    """One row a size: milliseconds a trial of each phase, memory, file, time to open."""
    given = {"data": "iris", "hidden": "8", "epochs": 2, "seeds": 1, "name": "growth", "min_accuracy": 0.0}
    given |= {"sampler": sampler, "trials": sizes[0]} | ({"objective": "weighted"} if sampler == "cmaes" else {})
    problem = Search.of(read_config(given))
    storage = open_storage(database)
    study = create_or_open(problem, storage)
    print(f"{'trials':>7} │ {'propose':>8}{'claim':>7}{'finish':>7}{'fit':>7} ms a trial │ open, s │ MiB: memory, file")
    rows = []
    for size in sizes:
        _go_on(study, problem, size - WINDOW)
        # Of the worker alone, before the study is opened again below.
        memory = _resident() / MEBI
        pieces = []
        for stop in range(size - WINDOW + PIECE, size + 1, PIECE):
            if (counted := stop - _count(study)) > 0:
                with measured_phases() as phases:
                    _go_on(study, problem, stop)
                pieces.append({name: 1e3 * seconds / counted for name, seconds in phases().items()})
        row: dict[str, Any] = {"trials": size, "pieces": len(pieces)}
        row["ms_a_trial"] = {name: median(piece[name] for piece in pieces) for name in sorted(pieces[-1])}
        started = time.perf_counter()
        again = open_storage(database, create=False)
        feed = TrialFeed(again, study.study_id)
        feed.refresh()
        row["open_seconds"] = time.perf_counter() - started
        again.close()
        row["memory_mib"] = memory
        row["file_mib"] = (
            sum(path.stat().st_size for path in database.parent.glob("growth.db*") if path.is_file()) / MEBI
        )
        rows.append(row)
        ms = row["ms_a_trial"]
        print(
            f"{size:>7} │ {ms['propose']:>8.2f}{ms['claim']:>7.2f}{ms['finish']:>7.2f}{ms['fit']:>7.2f}            │"
            f" {row['open_seconds']:>7.2f} │ {row['memory_mib']:.0f}, {row['file_mib']:.0f}",
            flush=True,
        )
        del feed
    storage.close()
    return rows


def _go_on(study: OpenStudy, problem: Problem, total: int) -> None:
    """Works on until there are so many trials, as `resume --trials` does."""
    if total > _count(study):
        raised = replace(problem, config=problem.config.model_copy(update={"trials": total}))
        work(create_or_open(raised, study.storage))


def _count(study: OpenStudy) -> int:
    return sum(study.storage.count_by_state(study.study_id).values())


def _resident() -> int:
    """Bytes of memory that this process holds now."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def _seconds(arguments: list[str], folder: Path) -> float:
    """Wall-clock of a whole command."""
    command = [sys.executable, "-m", "reluctant", arguments[0]]
    if arguments[0] != "status":
        command.append("growth")
    started = time.perf_counter()
    subprocess.run(
        [*command, *arguments[1:], "--storage", "growth.db"], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
