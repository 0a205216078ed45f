"""Blocks in processes of their own: the same bits, the same stops, and nothing of them left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cohorts import COHORT, Remembers
from problems import make_problem

from search_spaces.architectures import ARCHITECTURES
from study.training import Budget, Interrupted, Snapshot, Streams, Trainer, TrainingProcessError, fit, processes
from study.training.pipes import receive, send
from study.training.processes import can_fork, can_fork_for_gradients

pytestmark = pytest.mark.skipif(not can_fork(), reason="blocks train in threads here")

SPLIT = make_problem(rows=83, features=13, classes=5)
LONG = Budget(epochs=10**6, seeds=2, batch_size=19)


def trainer(budget: Budget, streams: Streams | None = None) -> Trainer:
    return Trainer(SPLIT, budget, streams or Streams(3), threads=2)


def children() -> list[int]:
    """The processes that this one has forked or started."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in path.read_text("ascii").split()]


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_they_give_the_bits_of_one_process_and_the_states_of_its_slots() -> None:
    budget = Budget(epochs=4, seeds=2, batch_size=19)
    here, there = Remembers(), Remembers()
    whole = fit(COHORT, SPLIT, budget, Streams(3), threads=2, keeper=here)
    with trainer(budget) as training:
        assert training.fit(COHORT, keeper=there) == whole
        assert training.fit(COHORT[:3]) == whole[:3]
        half = {slot: states[2] for slot, states in there.states.items()}
        assert training.fit(COHORT, keeper=Remembers(dict(half))) == whole
    assert there.given == here.given
    assert {slot: sorted(states) for slot, states in there.states.items()} == {
        slot: sorted(states) for slot, states in here.states.items()
    }
    for slot, states in here.states.items():
        for epoch, state in states.items():
            assert all(x.equal(there.states[slot][epoch].tensors[name]) for name, x in state.tensors.items())


def test_a_message_holds_little_more_than_the_numbers_of_its_tensors() -> None:
    """Torch's own way writes an archive for each tensor, which took longer than an epoch of its network."""
    ours, theirs = multiprocessing.Pipe()
    few = [torch.arange(8, dtype=dtype) for dtype in (torch.float32, torch.float64, torch.int64) * 40]
    others = [torch.zeros(3, dtype=torch.bfloat16), torch.arange(6.0).reshape(2, 3).T, torch.tensor(1.5)]
    with ours, theirs:
        send(ours, few + others)
        content = theirs.recv_bytes()
        assert len(content) < 200 * len(few) + 4000
        send(ours, few + others)
        for sent, received in zip(few + others, receive(theirs), strict=True):
            assert (received.dtype, received.stride()) == (sent.dtype, sent.stride())
            assert received.equal(sent)


def test_every_replicate_has_the_split_that_is_its_own() -> None:
    budget = Budget(epochs=2, seeds=3, batch_size=19)
    splits = [make_problem(rows=83, features=13, classes=5, seed=seed) for seed in range(3)]
    with Trainer(splits, budget, Streams(3), threads=2) as training:
        assert training.fit(COHORT[:4]) == fit(COHORT[:4], splits, budget, Streams(3))


def test_where_gradients_cannot_be_computed_in_a_child_blocks_train_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with builds of torch for GPUs, in a process that has computed some before."""
    budget, trials = Budget(epochs=1, batch_size=19), COHORT[:2]
    architecture = replace(ARCHITECTURES["mlp"], engine="modules")
    whole = fit(trials, SPLIT, budget, Streams(3), architecture=architecture)
    monkeypatch.setattr("study.training.processes._compute_gradient", lambda: os._exit(1))
    assert not can_fork_for_gradients()
    before = children()
    with Trainer(SPLIT, budget, Streams(3), threads=2, architecture=architecture) as training:
        assert children() == before
        assert training.fit(trials) == whole


def stuck(*arguments: object) -> None:
    """A child that waits for a lock for ever."""
    threading.Event().wait()


@pytest.mark.parametrize("gone", [False, True])
def test_a_child_that_cannot_compute_is_replaced(gone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fork, targets = processes._forked, iter([stuck if not gone else (lambda *arguments: None), None, stuck])
    monkeypatch.setattr(processes, "_PATIENCE", 0.5)
    monkeypatch.setattr(processes, "_forked", lambda target, *given: fork(next(targets, None) or target, *given))
    budget, before = Budget(epochs=1, batch_size=19), set(children())
    with trainer(budget) as training:
        assert len(set(children()) - before) == 2
        assert training.fit(COHORT[:4]) == fit(COHORT[:4], SPLIT, budget, Streams(3))
    assert set(children()) <= before


def test_where_no_child_can_compute_an_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    fork, before = processes._forked, set(children())
    monkeypatch.setattr(processes, "_PATIENCE", 0.1)
    monkeypatch.setattr(processes, "_forked", lambda target, *given: fork(stuck, *given))
    with pytest.raises(TrainingProcessError, match="none computed within"), trainer(LONG):
        pass
    assert set(children()) <= before


class Silent(Remembers):
    """Is called, and keeps nothing."""

    def between_epochs(self, slots: Sequence[tuple[int, int]], states: Snapshot) -> None:
        pass


def test_a_stop_ends_them_and_they_train_again_afterwards() -> None:
    began = time.monotonic()
    with trainer(LONG) as training:
        for keeper in (None, Silent()):
            until = time.monotonic() + 0.3
            with pytest.raises(Interrupted):
                training.fit(COHORT[:4], keeper=keeper, stop=lambda until=until: time.monotonic() > until)  # type: ignore[misc]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("which", [0, 1])
def test_one_that_is_killed_is_an_error_that_says_by_what(which: int) -> None:
    before = set(children())
    with trainer(LONG) as training:
        pids = [pid for pid in children() if pid not in before]
        assert len(pids) == 2
        threading.Timer(0.5, os.kill, (pids[which], signal.SIGKILL)).start()
        with pytest.raises(TrainingProcessError, match=r"ended by SIGKILL$"):
            training.fit(COHORT[:4])
    assert not any(alive(pid) for pid in pids)


def test_a_signal_to_all_processes_is_a_stop() -> None:
    before, asked = set(children()), threading.Event()
    with trainer(LONG) as training:
        pids = [pid for pid in children() if pid not in before]

        def end() -> None:
            asked.set()
            for pid in pids:
                os.kill(pid, signal.SIGTERM)

        threading.Timer(0.5, end).start()
        with pytest.raises(Interrupted):
            training.fit(COHORT[:4], stop=asked.is_set)


def test_an_error_in_one_is_raised_here_and_says_where_it_was() -> None:
    class Broken(Streams):
        def order(self, replicate: int, epoch: int, count: int) -> None:  # type: ignore[override]
            raise OSError("planted")

    with trainer(LONG, Broken(3)) as training:
        with pytest.raises(OSError, match="planted") as caught:
            training.fit(COHORT[:4])
        assert any("in order" in note for note in caught.value.__notes__)
        assert caught.value.__notes__[0].startswith("In a process that trained a block")


class Full(Silent):
    """Has no room on its disk."""

    def between_epochs(self, slots: Sequence[tuple[int, int]], states: Snapshot) -> None:
        raise OSError(28, "planted")


def test_an_error_of_the_keeper_is_raised_as_it_is() -> None:
    with trainer(LONG) as training, pytest.raises(OSError, match="planted"):
        training.fit(COHORT[:4], keeper=Full())


def test_what_they_train_after_an_error_of_the_keeper_is_what_was_asked_for() -> None:
    budget = Budget(epochs=2, batch_size=19)
    with trainer(budget) as training:
        with pytest.raises(OSError, match="planted"):
            training.fit(COHORT[:4], keeper=Full())
        for trials in (COHORT[4:8], COHORT[:4]):
            assert training.fit(trials) == fit(trials, SPLIT, budget, Streams(3))


def test_one_that_does_not_answer_a_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_PATIENCE_WITH_A_STOP", 0.5)
    before, asked = set(children()), threading.Event()
    with trainer(LONG) as training:
        pids = [pid for pid in children() if pid not in before]

        def suspend() -> None:
            os.kill(pids[0], signal.SIGSTOP)
            asked.set()

        threading.Timer(0.5, suspend).start()
        with pytest.raises(Interrupted):
            training.fit(COHORT[:4], stop=asked.is_set)
    assert not any(alive(pid) for pid in pids)


PARENT = """
import sys, threading
from cohorts import COHORT
from test_processes import LONG, children, trainer
with trainer(LONG) as training:
    print(*children(), flush=True)
    if sys.argv[1] == "training":
        training.fit(COHORT[:4])
    threading.Event().wait()
"""


@pytest.mark.parametrize("what", ["training", "waiting"])
def test_they_do_not_outlive_a_parent_that_is_killed(what: str) -> None:
    paths = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, what], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert parent.stdout is not None
    with parent:
        try:
            pids = [int(pid) for pid in parent.stdout.readline().split()]
            assert len(pids) == 2
            time.sleep(0.5)
            assert all(alive(pid) for pid in pids)
        finally:
            parent.kill()
    until = time.monotonic() + 20
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)
