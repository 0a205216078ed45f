"""Which workers are alive, whose trials are reclaimed, and what happens to a trial that ends its workers."""

from __future__ import annotations

import signal
import time

import pytest
from optuna.trial import TrialState

from storage import StorageError, open_storage
from storage.liveness import Liveness, _Renewal
from storage.losses import LEASE_EXPIRED, WORKER_DIED
from storage.tables import BEATS

HOLD = """
    import sys
    from storage import Result, open_storage
    storage = open_storage(sys.argv[1])
    worker = storage.worker(storage.study_id("digits"), lease=float(sys.argv[2]))
    claimed = storage.claim(worker, int(sys.argv[3]))
    print(*[trial.number for trial in claimed], flush=True)
    while sys.stdin.readline():
        lost = storage.finish(worker, [Result(trial.trial_id, [0.5, 0.5]) for trial in claimed])
        claimed = storage.claim(worker, 2)
        print(len(lost), *[trial.number for trial in claimed], flush=True)
"""

BUSY = """
    import sys, time
    from storage import open_storage
    storage = open_storage(sys.argv[1])
    worker = storage.worker(storage.study_id("digits"), lease=1.0)
    storage.claim(worker, 1)
    print("busy", flush=True)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        sum(range(1000))
    print("done", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place(either_place):
    return either_place


def numbers(process):
    return [int(word) for word in process.stdout.readline().split()]


def die(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_a_stopped_worker_on_a_server_loses_its_trials_once_and_goes_on(postgres_url, make_block, start):
    storage = open_storage(postgres_url)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    storage.propose(study_id, make_block(0, 4))
    # It may be stopped within a transaction, which then ends.
    stopped = start(HOLD, f"{postgres_url}?options=-c%20idle_in_transaction_session_timeout%3D1s", 1.0, 2)
    assert numbers(stopped) == [0, 1]
    (token,) = storage.living_workers(study_id)
    time.sleep(1.5)
    assert storage.reclaim(study_id) == []  # renewed meanwhile
    stopped.send_signal(signal.SIGSTOP)
    assert until(lambda: storage.reclaim(study_id)) == [0, 1]
    assert storage.reclaim(study_id) == []
    assert storage.living_workers(study_id) == set()
    assert storage.losses(study_id) == []  # its trials are not to blame
    stopped.send_signal(signal.SIGCONT)
    stopped.stdin.write("\n")
    stopped.stdin.flush()
    assert numbers(stopped) == [2, 0, 1]  # both results discarded, and it goes on with what waits
    assert storage.living_workers(study_id) == {token}
    assert {row["reason"] for row in storage.losses(study_id)} == {"result discarded"}
    storage.close()


def test_a_worker_that_was_stopped_and_that_nobody_missed_keeps_its_trials(storage, study_id, place, make_block, start):
    storage.propose(study_id, make_block(0, 2))
    stopped = start(HOLD, place, 1.0, 2)
    assert numbers(stopped) == [0, 1]
    stopped.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    stopped.send_signal(signal.SIGCONT)
    until(lambda: storage.living_workers(study_id))
    stopped.stdin.write("\n")
    stopped.stdin.flush()
    assert numbers(stopped) == [0]
    assert storage.losses(study_id) == []


def test_leases_are_renewed_while_python_is_busy(storage, study_id, place, make_block, start):
    storage.propose(study_id, make_block(0, 1))
    busy = start(BUSY, place)
    assert busy.stdout.readline() == "busy\n"
    end = time.monotonic() + 3.5
    while time.monotonic() < end:
        assert storage.reclaim(study_id) == []
        time.sleep(0.1)
    assert busy.stdout.readline() == "done\n"


def test_a_trial_that_ends_its_workers_is_trained_alone_and_fails_in_the_end(
    storage, study_id, place, make_block, start
):
    storage.propose(study_id, make_block(0, 6))
    held = []
    for _ in range(5):
        process = start(HOLD, place, 10, 3)
        held.append(numbers(process))
        die(process)
        # A server needs a moment to see that a session's other end is gone.
        assert until(lambda: storage.reclaim(study_id)) == held[-1]
    # Twice together, then the lowest alone, three times.
    assert held == [[0, 1, 2], [0, 1, 2], [0], [0], [0]]
    trial = storage.read_trials(study_id)[0]
    assert trial.state is TrialState.FAIL
    assert trial.user_attrs["failure"] == (
        "lost 5 times, 3 of them while trained alone (worker died: 3); it probably ends its worker"
    )
    assert trial.datetime_start is not None
    with storage.worker(study_id) as worker:
        # The others were not alone when they were lost, and are given their chance.
        assert [t.number for t in storage.claim(worker, 3)] == [1]
        assert [t.number for t in storage.claim(worker, 3)] == [2]
        assert [t.number for t in storage.claim(worker, 3)] == [3, 4, 5]
    assert storage.count_by_state(study_id)[TrialState.WAITING] == 5
    assert len(storage.losses(study_id)) == 3 + 3 + 3


def test_suspects_do_not_hold_up_the_others(storage, study_id, place, make_block, start):
    storage.propose(study_id, make_block(0, 4))
    for _ in range(2):
        process = start(HOLD, place, 10, 1)
        assert numbers(process) == [0]
        die(process)
        assert until(lambda: storage.reclaim(study_id)) == [0]
    with storage.worker(study_id) as one, storage.worker(study_id) as other:
        assert [t.number for t in storage.claim(one, 4)] == [0]
        assert [t.number for t in storage.claim(other, 4)] == [1, 2, 3]


def test_results_whose_commit_was_not_heard_of_are_not_lost(storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker, storage.worker(study_id) as other:
        claimed = storage.claim(worker, 3, cohort=make_block(0, 3))
        results = [make_result(trial) for trial in claimed]
        assert storage.finish(worker, results[:2]) == []
        assert storage.finish(worker, results) == []
        assert storage.finish(other, results) == [trial.trial_id for trial in claimed]
    assert storage.count_by_state(study_id)[TrialState.COMPLETE] == 3
    assert {row["token"] for row in storage.losses(study_id)} == {other.token}


@pytest.mark.parametrize("seconds", [7200, -7200], ids=["forward", "back"])
def test_a_clock_that_jumps_takes_nothing_back(storage, study_id, make_block, make_result, seconds):
    def jump():
        with storage.engine.begin() as connection:
            connection.execute(BEATS.update().values(expires=BEATS.c.expires - seconds))

    with storage.worker(study_id, lease=60) as worker, storage.worker(study_id, lease=2) as other:
        claimed = storage.claim(worker, 1, cohort=make_block(0, 1))
        end = time.monotonic() + 3
        while time.monotonic() < end:
            jump()
            assert storage.reclaim(study_id) == []
            assert storage.living_workers(study_id) == {worker.token, other.token}
            time.sleep(0.2)
        assert storage.finish(worker, [make_result(claimed[0])]) == []
    assert storage.losses(study_id) == []


@pytest.mark.parametrize("seconds", [7200, -7200], ids=["forward", "back"])
def test_a_clock_that_jumped_hides_no_death(storage, study_id, place, make_block, start, seconds):
    storage.propose(study_id, make_block(0, 2))
    process = start(HOLD, place, 1.0, 2)
    assert numbers(process) == [0, 1]
    die(process)
    with storage.engine.begin() as connection:
        connection.execute(BEATS.update().values(expires=BEATS.c.expires - seconds))
    assert until(lambda: storage.reclaim(study_id)) == [0, 1]
    assert {row["reason"] for row in storage.losses(study_id)} == {WORKER_DIED}


def test_a_reclaimer_that_was_stopped_itself_gives_others_time_to_renew(monkeypatch):
    moment = [0.0]
    monkeypatch.setattr("storage.liveness.time.monotonic", lambda: moment[0])
    liveness = Liveness(engine=None, locks=None)
    renewal = _Renewal(lease=120.0, expires=1000.0)
    assert liveness._watch("token", renewal) == 0.0
    moment[0] = 3600.0
    assert liveness._watch("token", renewal) == 60.0
    moment[0] = 3610.0
    assert liveness._watch("token", renewal) == 70.0
    assert liveness._watch("token", _Renewal(lease=120.0, expires=1001.0)) == 0.0


def test_a_worker_without_its_database_knows_when_its_leases_are_over(postgres_server, postgres_template):
    url = postgres_server.url(postgres_server.new_database(postgres_template))
    storage = open_storage(url)
    study_id, _ = storage.create_or_get_study("digits", ["maximize"])
    worker = storage.worker(study_id, lease=1.0)
    postgres_server.stop()
    try:
        assert not worker.lost
        until(lambda: worker.lost)
        with pytest.raises(StorageError):
            worker.close()
    finally:
        postgres_server.start()
    storage.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_the_server_costs_nobody_a_trial(
    postgres_server, postgres_url, make_block, make_result, start, mode
):
    storage = open_storage(postgres_url)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    storage.propose(study_id, make_block(0, 4))
    process = start(HOLD, postgres_url, 2.0, 2)
    assert numbers(process) == [0, 1]
    with storage.worker(study_id, lease=2.0) as worker:
        claimed = storage.claim(worker, 2)
        postgres_server.stop(mode)
        postgres_server.start()
        assert storage.reclaim(study_id) == []
        tokens = [row["token"] for row in storage.workers(study_id)]
        until(lambda: len(storage._locks.tokens_held(tokens)) == 2)
        assert storage.finish(worker, [make_result(trial) for trial in claimed]) == []
        die(process)
        assert until(lambda: storage.reclaim(study_id)) == [0, 1]
    # Whichever is seen first: the end of its new session, or that it renews its lease no more.
    losses = storage.losses(study_id)
    assert len(losses) == 2
    assert {row["reason"] for row in losses} <= {WORKER_DIED, LEASE_EXPIRED}
    storage.close()


def test_a_worker_whose_session_is_cut_keeps_its_trials(postgres_server, postgres_url, make_block, make_result, start):
    storage = open_storage(postgres_url)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    storage.propose(study_id, make_block(0, 1))
    process = start(HOLD, postgres_url, 5.0, 1)
    assert numbers(process) == [0]
    (token,) = storage.living_workers(study_id)
    for _ in range(3):
        until(lambda: storage._locks.tokens_held([token]))
        postgres_server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
            f"AND database = (SELECT oid FROM pg_database WHERE datname = '{postgres_url.rpartition('/')[2]}')"
        )
        until(lambda: not storage._locks.tokens_held([token]))
        assert storage.reclaim(study_id) == []
        assert storage.living_workers(study_id) == {token}
    until(lambda: storage._locks.tokens_held([token]))
    assert storage.losses(study_id) == []
    die(process)
    began = time.monotonic()
    assert until(lambda: storage.reclaim(study_id)) == [0]
    assert time.monotonic() - began < 4.0  # missed renewals, well before the lease expires
    storage.close()


def test_a_session_that_the_server_still_knows_does_not_hold_up_its_worker(postgres_url, make_block):
    storage = open_storage(postgres_url)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    storage.propose(study_id, make_block(0, 1))
    with storage.worker(study_id, lease=1.0) as worker:
        storage.claim(worker, 1)
        cut_off = worker._lock._connection
        worker._lock._connection = None  # as after a partition: the server has not noticed
        time.sleep(1.5)
        assert storage.reclaim(study_id) == []
        assert not worker.lost
        cut_off.close()
        until(lambda: worker._lock._held)
        assert storage.reclaim(study_id) == []
    storage.close()
