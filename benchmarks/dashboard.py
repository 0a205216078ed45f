"""How long the dashboard takes to open a large study and to poll it.

python -m benchmarks.dashboard [--trials 10000] [--polls 10]

The trials are made up, with as many parameters, measures and seeds as real ones have. Times are those of a client on
the same machine, in seconds, compressed answers read whole.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

from search_spaces.points import random_params
from storage import CohortStorage, LayerMeasures, Proposal, ProposedCohort, Result, open_storage
from study.config import StudyConfig, digest
from study.problem import Search
from study.records.attributes import BY_SEED, IDENTITY_DIGEST
from study.records.open_study import create_or_open
from study.training import Budget, fit

_BLOCK = 500


def main() -> None:
    """Makes a study, opens it as a browser would, and prints the times as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--polls", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "reluctant.db"
        storage = open_storage(place)
        make_study(storage, options.trials)
        storage.close()
        print(json.dumps(measure(place, options.trials, options.polls), indent=2))


def make_study(storage: CohortStorage, trials: int) -> None:
    """A study over digits with so many made-up trials."""
    problem = Search.of(StudyConfig.model_validate({"data": "digits", "trials": trials, "pruner": "none"}))
    study = create_or_open(problem, storage)
    generator, identity = np.random.default_rng(0), digest(problem.identity)
    (real,) = fit(
        [problem.defaults], problem.split, Budget(epochs=1, seeds=1), problem.streams, clamp=problem.config.clamps
    )
    names, layers = real.names(), range(len(problem.config.hidden))
    with storage.worker(study.study_id) as worker:
        for first in range(0, trials, _BLOCK):
            points = [random_params(problem.space, generator) for _ in range(min(_BLOCK, trials - first))]
            proposals = [Proposal(point, problem.space.distributions(point)) for point in points]
            storage.propose(study.study_id, ProposedCohort(first, proposals))
            results = []
            for claimed in storage.claim(worker, _BLOCK):
                values = {name: float(generator.random()) for name in names}
                results.append(
                    Result(
                        claimed.trial_id,
                        [values[problem.config.score], values[problem.config.sparsity]],
                        constraints={"accuracy_floor": -0.1},
                        user_attrs=values,
                        system_attrs={BY_SEED: {n: [v] * 3 for n, v in values.items()}, IDENTITY_DIGEST: identity},
                        layers=[LayerMeasures(r, layer, values) for r in range(3) for layer in layers],
                    )
                )
            storage.finish(worker, results)


def measure(place: Path, trials: int, polls: int) -> dict[str, float]:
    """Seconds until the dashboard answers, until a study's page has its trials, and of a poll: median and largest."""
    command = [str(Path(sys.executable).parent / "reluctant"), "dashboard", "--port", "0", "--storage", str(place)]
    begun = time.perf_counter()
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        line = server.stderr.readline()
        started = time.perf_counter() - begun
        address, token = next(word for word in line.split() if word.startswith("http://")).split("/?token=")

        def ask(path: str) -> float:
            headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
            at = time.perf_counter()
            with urllib.request.urlopen(urllib.request.Request(address + path, headers=headers)) as answer:
                answer.read()
            return time.perf_counter() - at

        opened = ask("/api/studies/1?after=0")
        times = []
        for _ in range(polls):
            time.sleep(1.2)
            times.append(ask(f"/api/studies/1?after={trials}"))
    finally:
        server.terminate()
        server.wait()
    return {
        "trials": trials,
        "start": round(started, 2),
        "open": round(opened, 2),
        "poll": round(statistics.median(times), 3),
        "largest_poll": round(max(times), 3),
    }


if __name__ == "__main__":
    main()
