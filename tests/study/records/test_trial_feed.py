"""The feed of a study's trials: what it reads, passes on, and keeps."""

from __future__ import annotations

import math
import tracemalloc
from itertools import cycle
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from proposing import Rows, carry_on, make_proposer, trial, with_state

from study.records.trial_feed import TrialFeed


def test_the_feed_reads_what_is_new_or_was_unfinished() -> None:
    rows, trials = Rows(), carry_on([], 8, lambda: make_proposer(sampler="random"))
    passed_on: list[FrozenTrial] = []
    feed = TrialFeed(rows, 1, passed_on.append)  # type: ignore[arg-type]
    feed.refresh()
    assert (feed.count, feed.done, feed.unfinished, passed_on) == (0, 0, {}, [])
    running, waiting = with_state(trials[1], TrialState.RUNNING), with_state(trials[2], TrialState.WAITING)
    rows.trials, rows.leased = [trials[0], running, waiting], {1001}
    feed.refresh()
    assert passed_on == rows.trials
    assert (feed.count, feed.done, feed.unfinished) == (3, 1, {1: running, 2: waiting})
    assert feed.unfinished_below(2) == [running]
    assert feed.leased == {1001}
    claimed = with_state(trials[2], TrialState.RUNNING)
    rows.trials, rows.leased = [*trials[:2], claimed, trials[3]], set()
    feed.refresh()
    assert rows.read == [1, 2, 3]
    assert passed_on[3:] == rows.trials[1:]
    assert (feed.count, feed.done, feed.unfinished, feed.leased) == (4, 3, {2: claimed}, set())
    feed.refresh()
    assert rows.read == [2]


def test_the_feed_knows_the_best_values() -> None:
    rows = Rows()
    feed = TrialFeed(rows, 1)  # type: ignore[arg-type]

    def more(*values: list[float], **options: Any) -> list[list[float]]:
        first = len(rows.trials)
        rows.trials += [trial(first + place, {}, {}, values=pair, **options) for place, pair in enumerate(values)]
        feed.refresh()
        return feed.best

    assert more([0.9, 0.2], [0.8, 0.1], [0.7, 0.6]) == [[0.9, 0.2], [0.7, 0.6]]
    # Infeasible ones, and those without values, compete with nobody.
    assert more([1.0, 1.0], floor=0.1) == [[0.9, 0.2], [0.7, 0.6]]
    assert more([1.0, 1.0], floor=math.nan) == [[0.9, 0.2], [0.7, 0.6]]
    rows.trials.append(trial(len(rows.trials), {}, {}, state=TrialState.FAIL))
    assert more([0.8, 0.4], [0.9, 0.3]) == [[0.9, 0.3], [0.8, 0.4], [0.7, 0.6]]


def test_what_a_worker_keeps_of_a_finished_trial_is_small() -> None:
    """A study may go on for as long as it likes."""
    one = make_proposer()
    trials = carry_on([], 64, lambda: one)
    many = [
        trial(n, t.params, t.distributions, values=t.values) for n, t in zip(range(4096), cycle(trials), strict=False)
    ]
    tracemalloc.start()
    feed = TrialFeed(Rows(many), 1, one.record)  # type: ignore[arg-type]
    feed.refresh()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert feed.done == 4096
    assert kept < 200 * 4096
