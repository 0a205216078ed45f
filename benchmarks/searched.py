"""A search with the defaults of the command, from a configuration to the recommended trial and its test score."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from storage import open_storage
from study.config import StudyConfig
from study.problem import Search
from study.records.open_study import create_or_open
from study.records.own_trials import OwnTrial
from study.search.from_database import StoredSearch
from study.search.held_out_scores import front_with_test
from study.workers.worker import work


@dataclass(frozen=True)
class Searched:
    """What a search found.

    Attributes:
        recommended: The recommended trial, with its mean test score.
        trials: All finished trials.
        seconds: From the creation of the study to the front, without the second training that gives test scores.
    """

    recommended: OwnTrial
    trials: list[OwnTrial]
    seconds: float


def searched(config: StudyConfig) -> tuple[Searched, Search]:
    """Searches in a database of its own, which is removed; returns what was found, and the problem."""
    problem = Search.of(config)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        storage = open_storage(Path(folder) / "search.db")
        study = create_or_open(problem, storage)
        work(study)
        search = StoredSearch.of(study)
        trials = search.own_trials()
        front = search.front(trials)
        seconds = time.perf_counter() - started
        found = Searched(front_with_test(study, front).recommended, trials, seconds)
        storage.close()
    return found, problem
