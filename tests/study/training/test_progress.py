"""Training that is resumed from a state between two epochs ends with the bits of one that never stopped."""

from __future__ import annotations

import random
from functools import partial

import pytest
from cohorts import COHORT, Remembers
from problems import make_problem

from search_spaces.architectures import Architecture
from study.training import Budget, Interrupted, Replicate, SlotState, Streams
from study.training import fit as train

SPLIT = make_problem(rows=83, features=13, classes=5)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_slots_that_go_on_from_anywhere_give_the_same_bits(optimizer: str, architecture: Architecture) -> None:
    fit = partial(train, architecture=architecture)
    budget = Budget(epochs=5, seeds=2, batch_size=19, optimizer=optimizer)
    whole = fit(COHORT, SPLIT, budget, Streams(3))
    first = Remembers()
    assert fit(COHORT, SPLIT, budget, Streams(3), threads=2, keeper=first) == whole
    assert first.given == {(t, r): whole[t].replicates[r] for t in range(len(COHORT)) for r in range(2)}
    assert {tuple(sorted(states)) for states in first.states.values()} == {(1, 2, 3, 4)}

    draw = random.Random(1)
    known: dict[tuple[int, int], SlotState | Replicate] = {}
    for slot in first.states:
        epoch = draw.randrange(6)
        if epoch == 5:
            known[slot] = first.given[slot]
        elif epoch:
            known[slot] = first.states[slot][epoch]
    second = Remembers(known)
    assert fit(COHORT, SPLIT, budget, Streams(3), threads=2, keeper=second) == whole
    for slot, states in second.states.items():
        start = known.get(slot)
        assert min(states) == 1 + (start.epoch if isinstance(start, SlotState) else 0)


def test_a_single_slot_goes_on_alone(architecture: Architecture) -> None:
    fit = partial(train, architecture=architecture)
    budget = Budget(epochs=3, seeds=1, batch_size=19)
    whole = fit(COHORT[:4], SPLIT, budget, Streams(3))
    keeper = Remembers()
    fit(COHORT[:4], SPLIT, budget, Streams(3), keeper=keeper)
    alone = fit(COHORT[2:3], SPLIT, budget, Streams(3), keeper=Remembers({(0, 0): keeper.states[2, 0][2]}))
    assert alone == whole[2:3]


def test_what_finished_before_an_interruption_is_known_afterwards(architecture: Architecture) -> None:
    fit = partial(train, architecture=architecture)
    budget = Budget(epochs=3, seeds=3, batch_size=19)
    keeper = Remembers()
    with pytest.raises(Interrupted):
        fit(COHORT[:2], SPLIT, budget, Streams(3), keeper=keeper, stop=lambda: len(keeper.given) >= 2)
    assert len(keeper.given) >= 2
    again = fit(COHORT[:2], SPLIT, budget, Streams(3), keeper=Remembers({**keeper.given}))
    assert again == fit(COHORT[:2], SPLIT, budget, Streams(3))
