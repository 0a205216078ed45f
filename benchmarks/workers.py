"""Many workers on one database: python -m benchmarks.workers starts|queue|crowd|speed [--output FILE.json].

starts: eight processes create a missing SQLite file at once, 20 times. queue: 60 enqueued trials, eight workers, 20
times. crowd: 16 workers on one SQLite file for a minute. speed: a 400-trial study (width 128) by one worker of one
thread, by two, and by two on PostgreSQL, alternating.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

import optuna
from optuna.trial import TrialState

from storage import open_storage
from study.config import read_config
from study.machine import available_threads, processor
from study.problem import Search
from study.records.attributes import installed_versions
from study.records.open_study import create_or_open
from study.workers.worker import work

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))  # the tests' PostgreSQL server
import postgres

SMALL = {"data": "iris", "seeds": 1, "epochs": 2, "hidden": "16", "name": "s"}
WIDE = {"data": "digits", "seeds": 1, "epochs": 30, "hidden": "128,128", "trials": 400, "pruner": "none", "name": "s"}


def main() -> None:
    """Runs one of the benchmarks, prints and writes JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("what", choices=["starts", "queue", "crowd", "speed"])
    parser.add_argument("--repeats", type=int, default=20, help="of starts and queue; rounds of speed")
    parser.add_argument("--seconds", type=float, default=60.0, help="of crowd")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    multiprocessing.set_start_method("forkserver")
    multiprocessing.set_forkserver_preload(["study.workers.worker", "study.records.open_study"])
    with tempfile.TemporaryDirectory(prefix="reluctant-workers-") as folder:
        found = {"starts": starts, "queue": queue, "crowd": crowd, "speed": speed}[options.what](Path(folder), options)
    report = {
        "command": "python -m benchmarks.workers " + " ".join(sys.argv[1:]),
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "threads": available_threads(),
        "versions": installed_versions(),
        **found,
    }
    print(json.dumps(report, indent=2))
    if options.output is not None:
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def starts(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """How often eight processes at once all got the study, which one of them created."""
    good = 0
    for repeat in range(options.repeats):
        answers = _at_once(8, _create, str(folder / f"{repeat}.db"))
        good += sorted(map(str, answers)) == ["False"] * 7 + ["True"]
    return {"repeats": options.repeats, "succeeded": good}


def queue(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """How often 60 enqueued trials were each run exactly once by eight workers."""
    good, seconds = 0, []
    for repeat in range(options.repeats):
        place = str(folder / f"{repeat}.db")
        storage = open_storage(place)
        study = create_or_open(Search.of(read_config(SMALL | {"trials": 60})), storage)
        stock = optuna.load_study(study_name="s", storage=storage)
        for number in range(60):
            stock.enqueue_trial({"activation": "relu", "dropout": number / 100})
        started = time.monotonic()
        answers = _at_once(8, _work, place)
        seconds.append(time.monotonic() - started)
        counts = storage.count_by_state(study.study_id)
        ran = storage.finished_trials(study.study_id)
        exact = counts[TrialState.COMPLETE] == 60 == sum(counts.values()) == sum(ran.values())
        good += exact and not storage.losses(study.study_id) and all(isinstance(a, tuple) for a in answers)
        storage.close()
    return {"repeats": options.repeats, "exact": good, "median seconds": median(seconds)}


def crowd(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What 16 workers do on one file: errors, rate, and the share of time in which they had nothing to train."""
    place = str(folder / "crowd.db")
    storage = open_storage(place)
    config = read_config(SMALL | {"trials": 1_000_000, "cohort": 64, "sampler": "random"})
    study = create_or_open(Search.of(config), storage)
    answers = _at_once(16, _work, place, options.seconds)
    done = storage.count_by_state(study.study_id)[TrialState.COMPLETE]
    storage.close()
    well = [answer for answer in answers if isinstance(answer, tuple)]
    return {
        "workers": 16,
        "cohort": 64,
        "seconds": options.seconds,
        "trials": done,
        "trials per second": done / options.seconds,
        "waited, share of the time": sum(waited for _, waited in well) / (options.seconds * 16),
        "errors": [answer for answer in answers if not isinstance(answer, tuple)],
    }


def speed(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds from the start of the processes to the end of the study, and ratios within each round."""
    found = postgres.binaries()
    if found is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    rounds = []
    with postgres.Server(found, durable=True) as server:
        for repeat in range(options.repeats):
            places = {
                "one": (1, str(folder / f"one{repeat}.db")),
                "two": (2, str(folder / f"two{repeat}.db")),
                "two on PostgreSQL": (2, server.url(server.new_database())),
            }
            rounds.append({name: _timed(count, place) for name, (count, place) in places.items()})
            print(rounds[-1], file=sys.stderr, flush=True)
    return {
        "rounds": rounds,
        "two / one": median(one["two"] / one["one"] for one in rounds),
        "PostgreSQL / SQLite": median(one["two on PostgreSQL"] / one["two"] for one in rounds),
    }


def _timed(count: int, place: str) -> float:
    storage = open_storage(place)
    create_or_open(Search.of(read_config(WIDE)), storage)
    command = [sys.executable, "-m", "reluctant", "worker", "s", "--threads", "1", "--quiet"]
    environment = {**os.environ, "RELUCTANT_STORAGE": place, "OMP_NUM_THREADS": "1"}
    started = time.monotonic()
    workers = [subprocess.Popen(command, env=environment) for _ in range(count)]
    assert [worker.wait() for worker in workers] == [0] * count
    seconds = time.monotonic() - started
    assert storage.count_by_state(storage.study_id("s"))[TrialState.COMPLETE] == WIDE["trials"]
    storage.close()
    return seconds


def _at_once(count: int, task: Any, *arguments: Any) -> list[Any]:
    """What `count` processes return that begin at the same moment; an error is its text."""
    context = multiprocessing.get_context("forkserver")
    barrier, answers = context.Barrier(count), context.Queue()
    processes = [context.Process(target=_run, args=(barrier, answers, task, arguments)) for _ in range(count)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    return found


def _run(barrier: Barrier, answers: Any, task: Any, arguments: tuple[Any, ...]) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    barrier.wait()
    try:
        answers.put(task(*arguments))
    except Exception as error:  # it is what is counted
        answers.put(f"{type(error).__name__}: {error}")


def _create(place: str) -> bool:
    storage = open_storage(place)
    _, created = storage.create_or_get_study("s", ["maximize"], user_attrs={"seed": 0})
    storage.close()
    return created


def _work(place: str, seconds: float = 600.0) -> tuple[int, float]:
    """Trials that this worker finished, and seconds that it waited."""
    from study.records.open_study import reopen

    storage = open_storage(place)
    study = reopen(storage, "s", overrides={"threads": 1}, keep=False)
    last: dict[str, Any] = {}
    until = time.monotonic() + seconds
    work(study, stop=lambda: time.monotonic() >= until, report=lambda progress: last.update(progress=progress))
    storage.close()
    return last["progress"].trained, last["progress"].waited


if __name__ == "__main__":
    main()
