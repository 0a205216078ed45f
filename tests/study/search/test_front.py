"""The front and the recommendation, on trials made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial
from trials import CONFIG, finished, own

from study.records.own_trials import NoResultsError
from study.search.front import Confirmation, Front, find_front


def front_of(*trials: FrozenTrial) -> Front:
    return find_front(own(*trials), "s", CONFIG)


def test_members_are_feasible_and_beaten_by_nobody() -> None:
    front = front_of(
        finished(0, [0.90, 0.92], 0.3),
        finished(1, [0.95, 0.95], 0.1),
        finished(2, [0.85, 0.85], 0.2),
        finished(3, [0.99, 0.99], 0.9, constraint=0.01),
        finished(4, [0.80, 0.80], 0.6),
    )
    assert [member.number for member in front.members] == [1, 0, 4]
    assert front.baseline is not None
    assert front.baseline.number == 0


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=20))
def test_the_front_is_that_of_the_definition(points: list[tuple[int, int]]) -> None:
    trials = [finished(i, [x / 10, x / 10], y / 10) for i, (x, y) in enumerate(points)]
    found = {(member.score, member.sparsity) for member in front_of(*trials).members}
    expected = {
        (x / 10, y / 10) for x, y in points if not any((a >= x and b >= y) and (a, b) != (x, y) for a, b in points)
    }
    assert found == expected


def test_the_basis_of_the_recommendation_is_said() -> None:
    front = front_of(finished(0, [0.9], 0.5))
    assert front.basis == "chosen on the search's own seeds; `reluctant advise` confirms it"
    assert replace(front, confirmation=Confirmation(10, 100, 0)).basis == "confirmed on 10 fresh seeds"
    stale = replace(front, confirmation=Confirmation(10, 100, 2)).basis
    assert stale.startswith("confirmed at 100 trials; 2 on the front are unconfirmed, so this one is chosen on the")


def test_nothing_finished_and_nothing_feasible_are_said() -> None:
    with pytest.raises(NoResultsError, match="no finished trial yet; continue it with `reluctant resume s`"):
        front_of(create_trial(state=TrialState.WAITING))
    with pytest.raises(NoResultsError, match=r"best: trial 7, 0\.4000"):
        front_of(finished(7, [0.4, 0.4], 0.1, constraint=0.1))
