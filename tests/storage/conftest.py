from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import kill
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from storage import Claimed, CohortStorage, Curve, LayerMeasures, Proposal, ProposedCohort, Result, open_storage

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "activation": CategoricalDistribution(("relu", "leaky_relu", "tanh", None)),
    "negative_slope": FloatDistribution(0.001, 0.7, log=True),
    "dropout": FloatDistribution(0.0, 0.6),
    "width": IntDistribution(16, 256, step=16),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reluctant.db"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Created once and copied: creation waits for the disk many times."""
    created = tmp_path_factory.mktemp("empty") / "reluctant.db"
    open_storage(created).close()
    return created


@pytest.fixture
def place(path: Path, empty_database: Path) -> Path | str:
    """A database with all tables: an SQLite file, where a test does not ask for both kinds."""
    shutil.copy(empty_database, path)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def either_place(request: pytest.FixtureRequest, path: Path, empty_database: Path) -> Path | str:
    """A database with all tables, of either kind."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    shutil.copy(empty_database, path)
    return path


@pytest.fixture
def storage(place: Path | str) -> Iterator[CohortStorage]:
    opened = open_storage(place)
    yield opened
    opened.close()


@pytest.fixture
def study_id(storage: CohortStorage) -> int:
    return storage.create_or_get_study("digits", ["maximize", "maximize"], metric_names=["accuracy", "sparsity"])[0]


@pytest.fixture
def distributions() -> dict[str, BaseDistribution]:
    return DISTRIBUTIONS


@pytest.fixture
def make_block() -> Callable[..., ProposedCohort]:
    """`make_block(first_number, count)`: parameters depend on the number alone; the slope is conditional."""

    def make(first_number: int, count: int) -> ProposedCohort:
        proposals = []
        for number in range(first_number, first_number + count):
            params: dict[str, Any] = {"activation": "relu", "dropout": number / 1000, "width": 16 * (1 + number % 16)}
            if number % 2:
                params |= {"activation": "leaky_relu", "negative_slope": 0.001 * (1 + number)}
            proposals.append(Proposal(params, {name: DISTRIBUTIONS[name] for name in params}))
        return ProposedCohort(first_number, proposals)

    return make


@pytest.fixture
def make_result() -> Callable[..., Result]:
    """`make_result(claimed)`: values depend on the number alone; every fourth trial is infeasible."""

    def make(claimed: Claimed, **changes: Any) -> Result:
        given: dict[str, Any] = {
            "values": [0.5 + claimed.number / 1000, 1 / (1 + claimed.number)],
            "constraints": {"accuracy": 0.1 if claimed.number % 4 == 3 else -0.1},
            "user_attrs": {"dead_units": claimed.number},
            "system_attrs": {"mark": [claimed.number]},
            "layers": [
                LayerMeasures(replicate, layer, {"near_zero": claimed.number + layer / 10, "dead": float(replicate)})
                for replicate in range(2)
                for layer in range(2)
            ],
            "curves": [Curve(replicate, "loss", [1.0, 0.5, float(claimed.number)]) for replicate in range(2)],
        }
        return Result(claimed.trial_id, **{**given, **changes})

    return make


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`start(script, *arguments)`: a process of its own that runs the script; all are ended with the test."""
    running: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append(process)
        return process

    yield run
    for process in running:
        kill(process)
