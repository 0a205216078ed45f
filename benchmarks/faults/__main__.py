"""Faults at seeded, random moments: python -m benchmarks.faults [--minutes 5] [--faults 500] [--storage postgres].

Studies under every sampler, one after the other, by several workers that are killed (SIGKILL), ended (SIGTERM) and
stopped for longer than their leases (SIGSTOP, SIGCONT), while clocks jump, totals are raised and studies deleted.
SQLite files lose their locks, get second names, are removed, replaced and moved; a PostgreSQL server, whose default
isolation is `repeatable read`, has its sessions cut and its connections taken, and is restarted. Each study is held
against an undisturbed one by one worker, to the bit, and each worker that cannot go on must end with a message and an
exit status that say so. Exit status 1 where anything differs. With `--pruner halving --bracket 4 --patience 10`, trials
are stopped early, and replicates end before the last epoch.
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
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna

from benchmarks.faults.compare import contents, faults_of, left_beside
from benchmarks.faults.crowd import KINDS as OF_PROCESSES
from benchmarks.faults.crowd import Crowd
from benchmarks.faults.server_strikes import OF_SERVERS, ServerStrikes, postgres
from benchmarks.faults.starter import Starter
from benchmarks.faults.strikes import OF_DATABASES, OF_FILES, FileStrikes, Strikes
from storage import open_storage
from study.config import read_config
from study.machine import available_threads, processor
from study.problem import Problem, Search
from study.records.attributes import installed_versions
from study.records.open_study import create_or_open
from study.workers.worker import work

STUDY = {"data": "digits", "seeds": 2, "cohort": 16, "hidden": "32,32"}
SAMPLERS = ("tpe", "qmc", "random")
# Few, so that they can be taken all.
_CONNECTIONS = 30
_OF_SQLITE = (*OF_PROCESSES, *OF_DATABASES, *OF_FILES)
_OF_POSTGRESQL = (*OF_PROCESSES, *OF_DATABASES, *OF_SERVERS)


def main() -> int:
    """Runs study after study until the time is over; prints and writes what happened."""
    options = _options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    moments = random.Random(options.seed)
    with (
        tempfile.TemporaryDirectory(prefix="reluctant-faults-") as folder,
        _server(options) as server,
        Starter() as starter,
    ):
        expected = {sampler: undisturbed(Path(folder), sampler, options) for sampler in options.samplers}
        began = time.monotonic()
        until = began + 60 * options.minutes
        rounds: list[dict[str, Any]] = []
        while time.monotonic() < until and (wanted := options.faults - sum(one["faults done"] for one in rounds)) > 0:
            sampler = options.samplers[len(rounds) % len(options.samplers)]
            place = (
                str(Path(folder) / f"round{len(rounds)}.db") if server is None else server.url(server.new_database())
            )
            disturbance = Disturbance(place, sampler, options, moments, starter, server, until, wanted)
            rounds.append(disturbed(disturbance, expected[sampler]))
            shown = " ".join(f"{key} {value}" for key, value in rounds[-1]["happened"].items())
            verdict = "; ".join(rounds[-1]["faults"]) or "as if undisturbed"
            print(f"{sampler:<7} {rounds[-1]['seconds']:6.1f} s  {shown}: {verdict}", flush=True)
            _write(options, rounds, time.monotonic() - began)
    report = _write(options, rounds, time.monotonic() - began)
    print(json.dumps({key: value for key, value in report.items() if key != "rounds"}, indent=2))
    return 1 if report["faults"] else 0


def undisturbed(folder: Path, sampler: str, options: argparse.Namespace) -> dict[str, Any]:
    """What a study by one worker holds in the end."""
    storage = open_storage(folder / f"undisturbed-{sampler}.db")
    try:
        work(create_or_open(_problem(sampler, options), storage))
        return contents(storage, "s")
    finally:
        storage.close()


@dataclass(frozen=True)
class Disturbance:
    """One study under faults.

    Attributes:
        place: Its database.
        sampler: Its sampler.
        options: Those of the command.
        moments: Decides what happens, and when.
        starter: Starts its workers.
        server: Its server; None: it is an SQLite file.
        until: The moment at which faults end.
        wanted: The number of faults after which they end.
    """

    place: str
    sampler: str
    options: argparse.Namespace
    moments: random.Random
    starter: Starter
    server: postgres.Server | None
    until: float
    wanted: int

    def begin(self) -> Strikes:
        """Creates the study; its first workers start when `tend` is called."""
        options = self.options
        crowd = Crowd(
            "s",
            self.place,
            options.workers,
            ("--threads", str(min(2, available_threads())), "--checkpoint-every", str(options.checkpoint_every)),
            self.moments,
            self.starter,
            lease=options.lease,
            slow=options.slow,
        )
        problem = _problem(self.sampler, options)
        if self.server is None:
            return FileStrikes(self.place, problem, crowd, options.kinds)
        return ServerStrikes(self.place, problem, crowd, options.kinds, server=self.server)


def disturbed(disturbance: Disturbance, expected: dict[str, Any]) -> dict[str, Any]:
    """What happened to one study under faults, and what was wrong in the end."""
    options, moments, until = disturbance.options, disturbance.moments, disturbance.until
    strikes = disturbance.begin()
    crowd = strikes.crowd
    started, next_at = time.monotonic(), time.monotonic()
    try:
        while not strikes.finished:
            crowd.tend()
            strikes.tend()
            now = time.monotonic()
            if next_at <= now < until and strikes.faults < disturbance.wanted:
                strikes.strike()
                next_at = time.monotonic() + moments.expovariate(1.0 / options.every)
            if crowd.errors or strikes.errors or now > until + 300:
                crowd.errors.append(f"{strikes.done()} of {options.trials} trials had ended at the end")
                break
            time.sleep(0.02)
        crowd.wait(60)
        strikes.close()
        storage = strikes.patiently(lambda: open_storage(disturbance.place))
        faults = crowd.errors + strikes.errors + faults_of(storage, "s", options.trials, expected)
        losses = Counter(row["reason"] for row in storage.losses(storage.study_id("s")))
        storage.close()
    finally:
        crowd.end()
    if storage.file is not None:
        faults += [f"{name} is left" for name in left_beside(storage.file)]
    lost = {f"trials lost ({reason})": count for reason, count in sorted(losses.items())}
    return {
        "sampler": disturbance.sampler,
        "seconds": round(time.monotonic() - started, 1),
        "faults done": strikes.faults,
        "happened": {**strikes.happened, **crowd.happened, **lost},
        "faults": faults,
    }


def _problem(sampler: str, options: argparse.Namespace) -> Problem:
    given = {"sampler": sampler, "trials": options.trials, "epochs": options.epochs, "name": "s"}
    early = {"pruner": options.pruner, "bracket": options.bracket, "patience": options.patience}
    return Search.of(read_config(STUDY | given | early))


def _server(options: argparse.Namespace) -> AbstractContextManager[postgres.Server | None]:
    if options.storage == "sqlite":
        return nullcontext()
    found = postgres.binaries()
    if found is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    server = postgres.Server(found, durable=True)
    server.configure(max_connections=_CONNECTIONS, default_transaction_isolation="'repeatable read'")
    return server


def _write(options: argparse.Namespace, rounds: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Writes and returns what happened so far."""
    happened: Counter[str] = Counter()
    for one in rounds:
        happened.update(one["happened"])
    report = {
        "command": "python -m benchmarks.faults " + " ".join(sys.argv[1:]),
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "threads": available_threads(),
        "python": platform.python_version(),
        "versions": installed_versions(),
        "seconds": round(seconds, 1),
        "studies": len(rounds),
        "trials": options.trials * len(rounds),
        "faults done": sum(one["faults done"] for one in rounds),
        "kills and stops": sum(happened[kind] for kind in OF_PROCESSES),
        "happened": dict(happened),
        "faults": [fault for one in rounds for fault in one["faults"]],
        "rounds": rounds,
    }
    if options.output is not None:
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long faults go on")
    parser.add_argument("--storage", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--faults", type=int, default=1_000_000, help="how many at most")
    parser.add_argument("--every", type=float, default=2.0, help="mean seconds between faults")
    parser.add_argument(
        "--kinds", nargs="+", choices=[*_OF_SQLITE, *OF_SERVERS], help="of faults; all that there are by default"
    )
    parser.add_argument("--lease", type=float, default=4.0, help="seconds")
    parser.add_argument("--slow", type=float, default=0.0, help="seconds that every SQLite commit takes longer")
    parser.add_argument("--trials", type=int, default=96, help="of each study")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument(
        "--pruner", choices=["none", "halving"], default="none", help="whether trials are stopped early"
    )
    parser.add_argument("--bracket", type=int, help="trials that compete with one another, where they are")
    parser.add_argument("--patience", type=int, help="epochs after its best one at which a replicate ends")
    parser.add_argument("--checkpoint-every", type=float, default=0.3, help="seconds")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    options.kinds = tuple(options.kinds or (_OF_SQLITE if options.storage == "sqlite" else _OF_POSTGRESQL))
    return options


if __name__ == "__main__":
    sys.exit(main())
