"""A study on a Ray cluster of three nodes that loses one and gets another: python -m benchmarks.faults.on_ray.

The driver is killed too, and started again. The nodes are processes of this machine, the database is PostgreSQL; the
study is held against one by a single worker in an SQLite file, to the bit. `--local` first trains it by two and by four
processes in an SQLite file, and by two on PostgreSQL. Exit status 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import optuna
import ray
from optuna.trial import TrialState
from ray.cluster_utils import Cluster

from benchmarks.faults.compare import contents, faults_of
from storage import CohortStorage, StudyNotFoundError, open_storage
from study.config import read_config
from study.problem import Search
from study.records.open_study import create_or_open
from study.workers.ray_actors import NAMESPACE
from study.workers.worker import work

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))  # the tests' PostgreSQL server
import postgres

RUN = ("run", "digits", "--cohort", "12", "--seeds", "2", "--hidden", "32,32", "--sampler", "tpe", "--name", "s")


def main() -> int:
    """Runs the study, kills a node when the first trials are done, and compares."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.on_ray", description=__doc__)
    parser.add_argument("--trials", type=int, default=180)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--local", action="store_true", help="by several processes of this machine too")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = postgres.binaries()
    if found is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory() as folder, postgres.Server(found, durable=True) as server:
        given = {"data": "digits", "cohort": 12, "seeds": 2, "hidden": "32,32", "sampler": "tpe", "name": "s"}
        problem = Search.of(read_config(given | {"trials": options.trials, "epochs": options.epochs}))
        alone = open_storage(Path(folder) / "alone.db")
        work(create_or_open(problem, alone))
        expected = contents(alone, "s")
        alone.close()

        command = [sys.executable, "-m", "reluctant", *RUN, "--trials", str(options.trials)]
        command += ["--epochs", str(options.epochs)]
        faults, finished_by = [], {}
        if options.local:
            places = {"two.db": 2, "four.db": 4, server.url(server.new_database()): 2}
            for place, workers in places.items():
                who = f"{workers} processes on {'PostgreSQL' if '://' in place else 'SQLite'}"
                run = [*command, "--workers", str(workers), "--quiet"]
                environment = {**os.environ, "RELUCTANT_STORAGE": place}
                subprocess.run(run, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
                storage = open_storage(place if "://" in place else Path(folder) / place)
                faults += [f"{who}: {fault}" for fault in faults_of(storage, "s", options.trials, expected)]
                finished_by[who] = sorted(storage.finished_trials(storage.study_id("s")).values())
                storage.close()

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        url = server.url(server.new_database())
        storage = open_storage(url)
        command += ["--ray", cluster.address, "--workers"]
        started = time.monotonic()
        with tempfile.TemporaryFile("w+") as said:
            environment = {**os.environ, "RELUCTANT_STORAGE": url, "NO_COLOR": "1"}
            driver = subprocess.Popen([*command, "3"], cwd=folder, env=environment, stdout=said, stderr=said)
            killed_at = _wait_for(storage, driver)
            cluster.remove_node(nodes[0], allow_graceful=False)
            cluster.add_node(num_cpus=1)
            driver.kill()
            driver.wait()
            # The next driver asks for fewer, and is to find and end them all the same.
            driver = subprocess.Popen([*command, "2"], cwd=folder, env=environment, stdout=said, stderr=said)
            status = driver.wait(timeout=300)
            said.seek(0)
            lines = [line for line in said.read().splitlines() if line.startswith("worker")]
        seconds = time.monotonic() - started
        ray.init(address=cluster.address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
        left = ray.util.list_named_actors()
        ray.shutdown()
        cluster.shutdown()
        faults += [f"actors are left: {left}"] if left else []
        faults += [] if status == 0 else [f"the driver ended with {status}: {lines}"]
        faults += faults_of(storage, "s", options.trials, expected)
        losses = len(storage.losses(storage.study_id("s")))
        finished_by["3 workers on Ray"] = sorted(storage.finished_trials(storage.study_id("s")).values())
        workers = len(storage.workers(storage.study_id("s")))
        storage.close()
    report = {"seconds": round(seconds, 1), "killed when done": killed_at, "workers": workers, "trials lost": losses}
    print(json.dumps({**report, "trials by worker": finished_by, "lines": lines, "faults": faults}, indent=2))
    return 1 if faults else 0


def _wait_for(storage: CohortStorage, driver: subprocess.Popen[bytes]) -> int:
    """Waits until a part of the study is done and all three workers train; returns how many trials are done."""
    while driver.poll() is None:
        with suppress(StudyNotFoundError):
            study_id = storage.study_id("s")
            done = storage.count_by_state(study_id)[TrialState.COMPLETE]
            if done and len(storage.held_trials(study_id)) >= 3:
                return done
        time.sleep(0.05)
    return 0


if __name__ == "__main__":
    sys.exit(main())
