"""Trials as rows of a file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import optuna
import pandas as pd
import pytest
from trials import finished

from study.cli.table_files import write_rows
from study.records.trial_rows import trial_rows

CHOICES = (1, "1", None, True, 0.5)


def test_exported_rows_hold_every_seed() -> None:
    (row,) = trial_rows([finished(3, [0.9, 0.8], 0.2)], ["accuracy", "near_zero"])
    assert (row["number"], row["accuracy_seed0"], row["accuracy_seed1"], row["feasible"]) == (3, 0.9, 0.8, True)
    assert (row["value_accuracy"], row["value_near_zero"]) == (pytest.approx(0.85), 0.2)


def _stock_study() -> optuna.Study:
    """A study of another program: choices of several types, attributes of any name and type, infinite values."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    for number, choice in enumerate(CHOICES):
        study.enqueue_trial({"choice": choice})
        trial = study.ask({"choice": optuna.distributions.CategoricalDistribution(CHOICES)})
        trial.set_user_attr("state", f"mine {number}")
        trial.set_user_attr("number", number + 100)
        trial.set_user_attr("value_0", "taken")
        trial.set_user_attr("curve", [0.5, math.inf] if number else {"a": 1})
        study.tell(trial, math.inf if number == 3 else 0.1 + 0.2)
    return study


def test_a_user_s_attributes_do_not_overwrite_columns() -> None:
    rows = trial_rows(_stock_study().trials, ["0"])
    assert [row["number"] for row in rows] == [0, 1, 2, 3, 4]
    assert {row["state"] for row in rows} == {"COMPLETE"}
    assert rows[1]["value_0"] == 0.1 + 0.2
    assert (rows[1]["user_number"], rows[1]["user_state"], rows[1]["user_value_0"]) == (101, "mine 1", "taken")


def test_every_format_holds_the_trials_of_a_stock_study(tmp_path: Path) -> None:
    """Choices of several types are one column of Parquet, and numbers have all their digits in each format."""
    study = _stock_study()
    rows = trial_rows(study.trials, ["0"])
    for form in ("csv", "json", "parquet"):
        write_rows(rows, output=str(tmp_path / f"t.{form}"), form=None)
    stored = pd.read_parquet(tmp_path / "t.parquet")
    chosen = [trial.params["choice"] for trial in study.trials]
    assert [None if pd.isna(text) else text for text in stored["param_choice"]] == [
        None if value is None else str(value) for value in chosen
    ]
    assert json.loads(stored["curve"][1]) == [0.5, None]
    assert stored["value_0"][3] == math.inf
    read = json.loads((tmp_path / "t.json").read_text(), parse_constant=pytest.fail)
    table = pd.read_csv(tmp_path / "t.csv")
    assert read[3]["value_0"] is None
    assert read[0]["value_0"] == table["value_0"][0] == stored["value_0"][0] == 0.1 + 0.2
    assert read[0]["started"] == table["started"][0] == stored["started"][0].isoformat(timespec="microseconds")
