"""Columns of numbers to predict: recognized, read, put into quantiles, and refused with the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from study.data import DataError
from study.data.quantities import is_quantity, read_quantities

WHAT = "target 'y' of t.csv"


@pytest.mark.parametrize(
    ("values", "quantity"),
    [
        (np.array([0.5, 1.25, 3.0]), True),
        (pd.Series(["0.5", "1.25", "3"], dtype="str"), True),
        (np.linspace(-0.0036, 0, 35), True),
        (np.arange(51), True),
        (np.arange(50), False),
        (np.array([1.0, 2.0, np.nan]), False),
        (pd.Series(["a", "b"]), False),
        (pd.Series(["1,250.5", "2,300.25"]), True),
        (pd.Series([True, False]), False),
        (pd.Series([0.5, 1.5]).astype("category"), False),
        (np.array([0.5, np.inf]), True),
    ],
)
def test_fractions_and_more_than_fifty_whole_numbers_are_a_quantity(values: Any, quantity: bool) -> None:
    assert is_quantity(values) is quantity


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, np.inf, 2.0], r"target 'y' of t\.csv is infinite.*in 1 row \(2\)"),
        (["1", "2", "many"], r"holds 'many'; regression needs numbers.*--task classification"),
        ([4, 4, 4], r"is 4 in all 3 rows; two different values"),
        ([1.5, None, 2.0], r"has no value in 1 row \(2\)"),
    ],
)
def test_what_cannot_be_predicted_is_refused(values: list[Any], text: str) -> None:
    with pytest.raises(DataError, match=text):
        read_quantities(pd.Series(values), what=WHAT)


def test_strata_are_tenths_of_the_sorted_values_and_equal_values_share_one() -> None:
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(size=400), np.zeros(300)])
    targets = read_quantities(values, what=WHAT)
    assert targets.strata is not None
    assert len(set(targets.strata[values == 0])) == 1
    assert set(targets.strata) == set(range(targets.strata.max() + 1))
    for group in range(targets.strata.max()):
        assert values[targets.strata == group].max() <= values[targets.strata == group + 1].min()
