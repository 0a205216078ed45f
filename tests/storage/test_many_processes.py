"""Several processes on one file, some of them killed."""

from __future__ import annotations

import json
import signal
import time

import pytest
from optuna.trial import TrialState

from storage import open_storage


@pytest.fixture
def place(either_place):
    return either_place


CREATE = """
    import sys
    from storage import open_storage
    sys.stdin.readline()
    storage = open_storage(sys.argv[1])
    print(*storage.create_or_get_study("digits", ["maximize"], metric_names=["accuracy"], user_attrs={"seed": 0}))
    storage.close()
"""

DRAIN = """
    import json, sys
    from storage import Result, open_storage
    storage = open_storage(sys.argv[1])
    study_id = storage.study_id("digits")
    print("ready", flush=True)
    sys.stdin.readline()
    numbers = []
    with storage.worker(study_id) as worker:
        while claimed := storage.claim(worker, 3):
            numbers += [trial.number for trial in claimed]
            assert storage.finish(worker, [Result(trial.trial_id, [0.5, 0.5]) for trial in claimed]) == []
    storage.close()
    print(json.dumps(numbers))
"""

PROPOSE = """
    import json, sys
    from optuna.distributions import FloatDistribution
    from storage import ProposedCohort, Proposal, open_storage
    storage = open_storage(sys.argv[1])
    study_id = storage.study_id("digits")
    print("ready", flush=True)
    sys.stdin.readline()
    mine = []
    for first in range(0, 200, 10):
        proposals = [Proposal({"x": n / 200}, {"x": FloatDistribution(0, 1)}) for n in range(first, first + 10)]
        if storage.propose(study_id, ProposedCohort(first, proposals)):
            mine.append(first)
    storage.close()
    print(json.dumps(mine))
"""

HOLD = """
    import sys
    from storage import open_storage
    storage = open_storage(sys.argv[1])
    worker = storage.worker(storage.study_id("digits"))
    print(len(storage.claim(worker, int(sys.argv[2]))), flush=True)
    sys.stdin.read()
"""

TAKE_BACK = """
    import json, sys
    from storage import open_storage
    storage = open_storage(sys.argv[1])
    study_id = storage.study_id("digits")
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(storage.reclaim(study_id)))
    storage.close()
"""

FORK = """
    import os, sys
    from storage import open_storage
    storage = open_storage(sys.argv[1])
    worker = storage.worker(storage.study_id("digits"))
    storage.claim(worker, 2)
    if os.fork() == 0:
        worker.close()
        print("forked", flush=True)
    sys.stdin.read()
"""


def go(processes):
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()


def ready(processes):
    for process in processes:
        assert process.stdout.readline() == "ready\n"


def answers(processes):
    lines = [process.stdout.readline() for process in processes]
    assert [process.wait() for process in processes] == [0] * len(processes)
    return lines


def test_eight_processes_create_a_missing_file(path, start):
    processes = [start(CREATE, path) for _ in range(8)]
    go(processes)
    lines = answers(processes)
    assert sorted(lines) == ["1 False\n"] * 7 + ["1 True\n"]
    assert [entry.name for entry in path.parent.iterdir()] == ["reluctant.db"]
    storage = open_storage(path, create=False)
    assert storage.integrity_check() == []
    storage.close()


def test_six_processes_run_sixty_waiting_trials_once_each(storage, study_id, path, place, make_block, start):
    storage.propose(study_id, make_block(0, 60))
    processes = [start(DRAIN, place) for _ in range(6)]
    ready(processes)
    go(processes)
    ran = [json.loads(line) for line in answers(processes)]
    assert sorted(number for numbers in ran for number in numbers) == list(range(60))
    assert storage.count_by_state(study_id)[TrialState.COMPLETE] == 60
    assert storage.losses(study_id) == []
    assert not path.with_name("reluctant.db.workers").exists()


def miss_renewals(place, path):
    """On a server, a free lock is the death of a worker only where it also missed renewals."""
    if place != path:
        time.sleep(8.5)


def test_three_processes_propose_the_same_blocks_and_each_counts_once(storage, study_id, place, start):
    processes = [start(PROPOSE, place) for _ in range(3)]
    ready(processes)
    go(processes)
    inserted = [json.loads(line) for line in answers(processes)]
    assert sorted(first for mine in inserted for first in mine) == list(range(0, 200, 10))
    trials = storage.read_trials(study_id)
    assert [(trial.number, trial.params["x"]) for trial in trials] == [(n, n / 200) for n in range(200)]


def test_the_trials_of_a_killed_worker_are_taken_back_once(storage, study_id, path, place, make_block, start):
    storage.propose(study_id, make_block(0, 8))
    before = [trial.params for trial in storage.read_trials(study_id)]
    killed = start(HOLD, place, 4)
    living = start(HOLD, place, 2)
    assert killed.stdout.readline() == "4\n"
    assert living.stdout.readline() == "2\n"
    dead = {trial.number for trial in storage.read_trials(study_id) if trial.state == TrialState.RUNNING}
    assert len(storage.living_workers(study_id)) == 2
    assert storage.reclaim(study_id) == []

    reclaimers = [start(TAKE_BACK, place) for _ in range(2)]
    ready(reclaimers)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    miss_renewals(place, path)
    go(reclaimers)
    taken = sorted(number for line in answers(reclaimers) for number in json.loads(line))
    assert len(taken) == 4
    assert set(taken) < dead
    counts = storage.count_by_state(study_id)
    assert (counts[TrialState.WAITING], counts[TrialState.RUNNING]) == (6, 2)
    assert [row["number"] for row in storage.losses(study_id)] == taken
    assert {row["reason"] for row in storage.losses(study_id)} == {"worker died"}
    assert [trial.params for trial in storage.read_trials(study_id)] == before
    assert len(storage.living_workers(study_id)) == 1
    if place == path:
        assert len(list(path.with_name("reluctant.db.workers").iterdir())) == 1
    with storage.worker(study_id) as worker:
        assert [trial.number for trial in storage.claim(worker, 4)] == taken


def test_a_forked_child_does_not_keep_its_dead_parent_alive(storage, study_id, path, place, make_block, start):
    storage.propose(study_id, make_block(0, 2))
    parent = start(FORK, place)
    assert parent.stdout.readline() == "forked\n"
    assert storage.reclaim(study_id) == []
    assert storage.count_by_state(study_id)[TrialState.RUNNING] == 2  # the child's close() was not the worker's
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    miss_renewals(place, path)
    assert storage.reclaim(study_id) == [0, 1]


@pytest.mark.parametrize("attempt", range(2))
def test_writers_killed_at_random_leave_no_partial_trial(storage, study_id, path, place, make_block, start, attempt):
    storage.propose(study_id, make_block(0, 300))
    workers = [start(DRAIN, place) for _ in range(2)]
    ready(workers)
    go(workers)
    time.sleep(0.05 + 0.1 * attempt)
    for worker in workers:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    miss_renewals(place, path)
    storage.reclaim(study_id)
    counts = storage.count_by_state(study_id)
    assert counts[TrialState.WAITING] + counts[TrialState.COMPLETE] == 300
    values = {trial.state: trial.values for trial in storage.read_trials(study_id)}
    assert values.get(TrialState.WAITING) is None
    assert values.get(TrialState.COMPLETE, [0.5, 0.5]) == [0.5, 0.5]
    assert storage.integrity_check() == []
