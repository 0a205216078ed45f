"""How a cohort is cut into blocks, and what a block's peak is made of."""

from __future__ import annotations

import pytest
from cohorts import COHORT
from problems import make_problem

from search_spaces import Hyperparameters
from study.training import Budget, Sizes
from study.training.engines.stacked_mlp.plan import peak_bytes, plan_blocks


def test_a_small_memory_makes_small_blocks() -> None:
    trials = [trial for trial in COHORT if trial.hidden == COHORT[0].hidden]
    sizes = Sizes.of(make_problem())
    counts = [len(block.trials) for block in plan_blocks(trials, Budget(seeds=1), sizes, memory=1)]
    assert sum(counts) == len(trials)
    assert sorted(counts) == [1] * (len(trials) % 2) + [2] * (len(trials) // 2)
    assert len(plan_blocks(trials, Budget(seeds=1), sizes)) == 1


def test_without_a_cache_a_replicate_is_one_block() -> None:
    sizes = Sizes(input_shape=(64,), outputs=10, training=1000, validation=300)
    trials = [Hyperparameters()] * 200
    assert [len(block.trials) for block in plan_blocks(trials, Budget(seeds=2), sizes, device="cuda")] == [200, 200]
    cut = plan_blocks(trials, Budget(seeds=1), sizes, device="cuda", memory=2**31 + 2**28)
    assert 1 < len(cut) < 100


def test_slots_of_a_block_have_completed_equally_many_epochs() -> None:
    completed = {(0, 0): 3, (2, 0): 3, (1, 1): 5}
    blocks = plan_blocks(COHORT, Budget(seeds=2, epochs=5), Sizes.of(make_problem()), completed=completed)
    found = {(trial, block.replicate): block.epoch for block in blocks for trial in block.trials}
    assert found == {(t, r): completed.get((t, r), 0) for t in range(len(COHORT)) for r in range(2) if (t, r) != (1, 1)}


def test_the_peak_by_hand() -> None:
    """Two slots of one hidden layer of 16 on 16 features and 16 outputs: every factor is written out."""
    sizes = Sizes(input_shape=(16,), outputs=16, training=32, validation=16)
    parameters, units, rows = 2 * (16 * 16 + 16), 32, 32
    step = 4 * 6 * rows * units
    slot = 4 * 4 * parameters + 2 * step + 2 * 4 * 5 * rows * units + 17 * 32 + 4 * 2 * 256 + 4 * 16 * 16
    expected = 2 * slot + 8 * 8 * 2**18
    assert peak_bytes(2, Hyperparameters(hidden=(16,)), Budget(batch_size=32), sizes) == expected
    assert peak_bytes(1, Hyperparameters(hidden=(16,)), Budget(batch_size=32), sizes) == expected


@pytest.mark.parametrize("slots", [2, 32])
def test_the_peak_grows_with_every_size(slots: int) -> None:
    sizes = Sizes(input_shape=(64,), outputs=10, training=1000, validation=9000)
    small = peak_bytes(slots, Hyperparameters(), Budget(), sizes)
    assert peak_bytes(slots + 1, Hyperparameters(), Budget(), sizes) > small
    assert peak_bytes(slots, Hyperparameters(hidden=(64, 128)), Budget(), sizes) > small
    assert peak_bytes(slots, Hyperparameters(), Budget(batch_size=512), sizes) > small
