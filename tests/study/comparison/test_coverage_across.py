"""Intervals over data sets hold what was planted; the table of all cases is `python -m benchmarks.coverage_across`."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.coverage import margin
from benchmarks.coverage_across import errors_of, simulate


@pytest.mark.parametrize("tau", [0.0, 1.0])
def test_the_mean_and_a_new_data_set_are_covered(tau: float) -> None:
    found = simulate(12, tau, "different", 300)
    assert 0.95 - margin(0.95, 300) - 0.015 <= found.mean_covered
    assert 0.95 - margin(0.95, 300) - 0.015 <= found.new_covered
    assert found.mean_called <= 0.025 + margin(0.025, 300)
    assert found.new_called <= 0.025 + margin(0.025, 300)


def test_the_errors_of_data_sets_of_different_sizes_have_a_mean_square_of_one() -> None:
    errors = errors_of("different", 12)
    assert float(np.mean(errors**2)) == pytest.approx(1.0)
    assert errors.max() / errors.min() == pytest.approx(200**0.5)
