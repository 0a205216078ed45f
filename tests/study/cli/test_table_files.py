"""Trials as rows of a file."""

from __future__ import annotations

import pytest
from trials import finished

from study.cli.table_files import trial_rows


def test_exported_rows_hold_every_seed() -> None:
    (row,) = trial_rows([finished(3, [0.9, 0.8], 0.2)], ["accuracy", "near_zero"])
    assert (row["number"], row["accuracy_seed0"], row["accuracy_seed1"], row["feasible"]) == (3, 0.9, 0.8, True)
    assert (row["value_accuracy"], row["value_near_zero"]) == (pytest.approx(0.85), 0.2)
