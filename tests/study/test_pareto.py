from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.study._multi_objective import _fast_non_domination_rank

from study.pareto import front_ranks, hypervolume, pareto


@given(st.lists(st.tuples(st.integers(-2, 9), st.integers(-2, 9)), max_size=8))
def test_hypervolume_counts_the_unit_squares_below_the_points(points: list[tuple[int, int]]) -> None:
    squares = {(x, y) for px, py in points for x in range(px) for y in range(py)}
    assert hypervolume(points, (0.0, 0.0)) == len(squares)


def test_hypervolume_of_one_objective_is_its_gain() -> None:
    assert hypervolume([(0.7,), (0.9,)], (0.4,)) == pytest.approx(0.5)
    assert hypervolume([], (0.4,)) == 0.0


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_a_pareto_front_is_that_of_the_definition(points: list[tuple[int, int]]) -> None:
    beaten = {(x, y) for x, y in points if any(a >= x and b >= y and (a, b) != (x, y) for a, b in points)}
    front = pareto(points, lambda point: point)
    assert front == sorted(set(points) - beaten, reverse=True)


def test_of_equals_the_first_is_on_the_front() -> None:
    assert pareto([("a", 0.5), ("b", 0.5), ("c", 0.4)], lambda item: item[1:]) == [("a", 0.5)]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_ranks_are_those_of_optuna(points: list[tuple[int, int]]) -> None:
    losses = -np.array(points, dtype=float).reshape(-1, 2)
    assert front_ranks(points) == _fast_non_domination_rank(losses).tolist()


def test_ranks_of_one_objective_are_its_order() -> None:
    assert front_ranks([(0.5,), (0.9,), (0.5,), (0.7,)]) == [2, 0, 2, 1]
