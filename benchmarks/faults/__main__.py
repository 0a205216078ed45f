"""Faults at seeded, random moments: python -m benchmarks.faults [--minutes 5] [--storage postgres] [--workers 4].

Studies under every sampler, one after the other, by several workers that are killed (SIGKILL), ended (SIGTERM) and
stopped for longer than their leases (SIGSTOP, SIGCONT); on PostgreSQL the server is restarted. Each study is held
against an undisturbed one by one worker, to the bit. Exit status 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from benchmarks.faults.compare import contents, faults_of, left_beside
from benchmarks.faults.crowd import KINDS, Crowd
from storage import StorageUnreachableError, open_storage
from study.config import read_config
from study.machine import available_threads, processor
from study.problem import Problem, Search
from study.records.attributes import installed_versions
from study.records.open_study import create_or_open
from study.workers.worker import work

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))  # the tests' PostgreSQL server
import postgres

STUDY = {"data": "digits", "seeds": 2, "cohort": 16, "hidden": "32,32"}
SAMPLERS = ("tpe", "qmc", "random")


@dataclass(frozen=True)
class Outage:
    """Restarts of a server, spread evenly over the run."""

    server: postgres.Server
    moments: list[float]

    def due(self) -> bool:
        """Restarts it where its time has come; the first in a hurry, the second as by a crash, and so on."""
        if not self.moments or time.monotonic() < self.moments[0]:
            return False
        self.moments.pop(0)
        self.server.stop("fast" if len(self.moments) % 2 else "immediate")
        time.sleep(1.0)
        self.server.start()
        return True


def main() -> int:
    """Runs study after study until the time is over; prints and writes what happened."""
    options = _options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="reluctant-faults-") as folder, _server(options) as server:
        expected = {sampler: undisturbed(Path(folder), sampler, options) for sampler in options.samplers}
        began = time.monotonic()
        until = began + 60 * options.minutes
        span = (until - began) / (options.restarts + 1)
        outage = None if server is None else Outage(server, [began + span * (k + 1) for k in range(options.restarts)])
        rounds: list[dict[str, Any]] = []
        while time.monotonic() < until:
            sampler = options.samplers[len(rounds) % len(options.samplers)]
            place = (
                str(Path(folder) / f"round{len(rounds)}.db") if server is None else server.url(server.new_database())
            )
            rounds.append(disturbed(place, sampler, options, moments, outage, until, expected[sampler]))
            shown = " ".join(f"{key} {value}" for key, value in rounds[-1]["happened"].items())
            verdict = "; ".join(rounds[-1]["faults"]) or "as if undisturbed"
            print(f"{sampler:<7} {rounds[-1]['seconds']:6.1f} s  {shown}: {verdict}", flush=True)
    report = _report(options, rounds, time.monotonic() - began)
    print(json.dumps({key: value for key, value in report.items() if key != "rounds"}, indent=2))
    if options.output is not None:
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if report["faults"] else 0


def undisturbed(folder: Path, sampler: str, options: argparse.Namespace) -> dict[str, Any]:
    """What a study by one worker holds in the end."""
    storage = open_storage(folder / f"undisturbed-{sampler}.db")
    try:
        work(create_or_open(_problem(sampler, options), storage))
        return contents(storage, "s")
    finally:
        storage.close()


def disturbed(
    place: str,
    sampler: str,
    options: argparse.Namespace,
    moments: random.Random,
    outage: Outage | None,
    until: float,
    expected: dict[str, Any],
) -> dict[str, Any]:
    """One study under faults: what happened, and what was wrong in the end."""
    storage = open_storage(place)
    study = create_or_open(_problem(sampler, options), storage)
    crowd = Crowd(
        "s",
        place,
        options.workers,
        ("--threads", str(min(2, available_threads())), "--checkpoint-every", str(options.checkpoint_every)),
        moments,
        lease=options.lease,
        contact_lost=outage is not None,
        slow=options.slow,
    )
    started, next_at = time.monotonic(), time.monotonic()
    done = 0
    while not crowd.finished:
        crowd.tend()
        if outage is not None and outage.due():
            crowd.happened["restart"] += 1
        now = time.monotonic()
        if now >= next_at and now < until:
            crowd.strike(options.kinds)
            next_at = now + moments.expovariate(1.0 / options.every)
            with suppress(StorageUnreachableError):
                done = storage.count_by_state(study.study_id)[TrialState.COMPLETE]
        if crowd.errors or now > until + 300:
            crowd.errors.append(f"{done} of {options.trials} trials were complete at the end")
            break
        time.sleep(0.02)
    crowd.wait(60)
    faults = crowd.errors + faults_of(storage, "s", options.trials, expected)
    losses = Counter(row["reason"] for row in storage.losses(study.study_id))
    storage.close()
    if storage.file is not None:
        faults += [f"{name} is left" for name in left_beside(storage.file)]
    happened = {**crowd.happened, **{f"trials lost ({reason})": count for reason, count in sorted(losses.items())}}
    return {"sampler": sampler, "seconds": time.monotonic() - started, "happened": happened, "faults": faults}


def _problem(sampler: str, options: argparse.Namespace) -> Problem:
    given = {"sampler": sampler, "trials": options.trials, "epochs": options.epochs, "name": "s"}
    return Search.of(read_config(STUDY | given))


def _server(options: argparse.Namespace) -> AbstractContextManager[postgres.Server | None]:
    if options.storage == "sqlite":
        return nullcontext()
    found = postgres.binaries()
    if found is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    return postgres.Server(found, durable=True)


def _report(options: argparse.Namespace, rounds: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    happened: Counter[str] = Counter()
    for one in rounds:
        happened.update(one["happened"])
    return {
        "command": "python -m benchmarks.faults " + " ".join(sys.argv[1:]),
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "threads": available_threads(),
        "python": platform.python_version(),
        "versions": installed_versions(),
        "seconds": round(seconds, 1),
        "studies": len(rounds),
        "trials": options.trials * len(rounds),
        "kills and stops": sum(happened[kind] for kind in KINDS),
        "happened": dict(happened),
        "faults": [fault for one in rounds for fault in one["faults"]],
        "rounds": rounds,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long faults go on")
    parser.add_argument("--storage", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--restarts", type=int, default=0, help="of PostgreSQL's server")
    parser.add_argument("--every", type=float, default=2.0, help="mean seconds between faults")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--lease", type=float, default=4.0, help="seconds")
    parser.add_argument("--slow", type=float, default=0.0, help="seconds that every SQLite commit takes longer")
    parser.add_argument("--trials", type=int, default=96, help="of each study")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--checkpoint-every", type=float, default=0.3, help="seconds")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    options.kinds = tuple(options.kinds)
    return options


if __name__ == "__main__":
    sys.exit(main())
