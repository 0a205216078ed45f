"""Who goes on at a rung."""

from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.pareto import hypervolume
from study.training.rungs import RungResult, keep, rung_epochs

few = settings(max_examples=60, deadline=None)
REFERENCE = (0.0, 0.0)
levels = st.integers(0, 5).map(lambda level: level / 5)
"""Few levels, so that there are ties."""
results = st.builds(RungResult, st.tuples(levels, levels), st.sampled_from([-0.2, 0.0, 0.1, 0.3]))
brackets = st.dictionaries(st.integers(0, 200), st.none() | results, min_size=1, max_size=12)
earlier_values = st.lists(st.tuples(levels, levels), max_size=4)


def feasible(*values: float) -> RungResult:
    return RungResult(values, -0.1)


@pytest.mark.parametrize(
    ("min_epochs", "factor", "epochs", "rungs"),
    [
        (1, 3, 30, (1, 3, 9)),
        (3, 3, 30, (3, 9)),
        (1, 2, 16, (1, 2, 4, 8)),
        (1, 3, 27, (1, 3, 9)),
        (4, 3, 11, (4,)),
        (29, 3, 30, (29,)),
        (30, 3, 30, ()),
        (1, 3, 1, ()),
    ],
)
def test_rungs_are_geometric_and_leave_something_to_train(
    min_epochs: int, factor: int, epochs: int, rungs: tuple[int, ...]
) -> None:
    assert rung_epochs(min_epochs=min_epochs, reduction_factor=factor, epochs=epochs) == rungs


@few
@given(brackets, st.integers(2, 4), earlier_values, st.randoms(use_true_random=False))
def test_exactly_so_many_go_on_whatever_the_order(
    bracket: dict[int, RungResult | None], factor: int, earlier: list[tuple[float, float]], shuffled: random.Random
) -> None:
    kept = keep(bracket, factor, reference=REFERENCE, earlier=earlier)
    assert len(kept) == math.ceil(len(bracket) / factor)
    items = list(bracket.items())
    shuffled.shuffle(items)
    shuffled.shuffle(earlier)
    assert keep(dict(items), factor, reference=REFERENCE, earlier=earlier) == kept


@few
@given(brackets, st.integers(2, 4), earlier_values, st.randoms(use_true_random=False))
def test_other_numbers_change_nothing_where_all_results_differ(
    bracket: dict[int, RungResult | None], factor: int, earlier: list[tuple[float, float]], shuffled: random.Random
) -> None:
    distinct = {result: number for number, result in bracket.items() if result is not None}
    others = shuffled.sample(range(1000), len(distinct))
    given_ = {number: result for result, number in distinct.items()}
    renumbered = dict(zip(others, distinct, strict=True))
    kept = keep(given_, factor, reference=REFERENCE, earlier=earlier)
    again = keep(renumbered, factor, reference=REFERENCE, earlier=earlier)
    assert {given_[number] for number in kept} == {renumbered[number] for number in again}


@few
@given(brackets, st.integers(2, 4), earlier_values)
def test_a_feasible_trial_that_dominates_all_others_is_never_stopped(
    bracket: dict[int, RungResult | None], factor: int, earlier: list[tuple[float, float]]
) -> None:
    best = RungResult((1.1, 1.1), 0.0)
    assert 77 in keep({**bracket, 77: best}, factor, reference=REFERENCE, earlier=earlier)


@few
@given(brackets, st.integers(2, 4), earlier_values)
def test_nobody_passes_before_one_that_is_better_in_kind(
    bracket: dict[int, RungResult | None], factor: int, earlier: list[tuple[float, float]]
) -> None:
    """Feasible before infeasible before failed; nobody before one that dominates him; less violation before more."""
    kept = keep(bracket, factor, reference=REFERENCE, earlier=earlier)
    for stopped in bracket.keys() - set(kept):
        for passed in kept:
            lost, won = bracket[stopped], bracket[passed]
            if lost is None:
                continue
            assert won is not None
            assert max(0, won.violation) <= max(0, lost.violation)
            if lost.violation <= 0:
                assert lost.values == won.values or any(w > v for w, v in zip(won.values, lost.values, strict=True))


def test_the_last_front_is_thinned_by_what_each_adds() -> None:
    """The first is the one of most area, and each next adds most beside those that are kept."""
    front = {0: feasible(1.0, 0.1), 1: feasible(0.95, 0.2), 2: feasible(0.6, 0.6), 3: feasible(0.2, 1.0)}
    two = keep(front, 2, reference=REFERENCE)
    assert two == [2, 3]
    best = max(
        (pair for pair in combinations(front, 2) if 2 in pair),
        key=lambda pair: hypervolume([front[number].values for number in pair], REFERENCE),
    )
    assert tuple(two) == best


def test_what_earlier_brackets_had_counts_as_kept() -> None:
    front = {0: feasible(1.0, 0.1), 1: feasible(0.6, 0.6), 2: feasible(0.2, 1.0)}
    assert keep(front, 3, reference=REFERENCE) == [1]
    assert keep(front, 3, reference=REFERENCE, earlier=[(0.6, 0.6)]) == [2]
    # Where nobody adds to those, what is kept of this bracket decides.
    assert keep(front, 3, reference=REFERENCE, earlier=[(2.0, 2.0)]) == [1]


def test_one_objective_is_plain_successive_halving() -> None:
    scores = [0.3, 0.9, 0.5, 0.9, 0.1, 0.7]
    bracket = {number: feasible(score) for number, score in enumerate(scores)}
    assert keep(bracket, 3, reference=(0.2,), earlier=[(0.95,)]) == [1, 3]
    assert keep(bracket, 2, reference=(0.2,)) == [1, 3, 5]
    assert keep({0: feasible(0.9), 1: feasible(0.9), 2: None}, 3, reference=(0.2,)) == [0]
