"""Conditions on ids, rows that are inserted together, and numbers as JSON."""

from __future__ import annotations

import json
import math

import pytest
from sqlalchemy import select

from storage.among import among
from storage.encoding import BOUND_VALUES, numbers_to_json
from storage.inserting import insert_rows
from storage.tables import FINISHES
from storage.transactions import snapshot, writing


@pytest.fixture
def place(either_place):
    return either_place


@pytest.mark.parametrize("numbers", [[], [7], [5, 3, 4], [3, 3, 5], [1, 9], range(2, 1500), range(2, 3000, 2), {8, 9}])
def test_one_of_the_conditions_holds_for_each_number_and_for_no_other(storage, numbers):
    with writing(storage.engine) as connection:
        insert_rows(connection, FINISHES, ("trial_id", "token"), [(number, "w") for number in range(3000)])
    with snapshot(storage.engine) as connection:
        found = [
            trial_id
            for some in among(FINISHES.c.trial_id, numbers)
            for trial_id in connection.execute(select(FINISHES.c.trial_id).where(some)).scalars()
        ]
    assert sorted(found) == sorted(set(numbers))


@pytest.mark.parametrize("count", [0, 1, BOUND_VALUES // 2 - 1, BOUND_VALUES // 2, BOUND_VALUES + 1])
def test_all_rows_are_inserted_whatever_their_number(storage, count):
    rows = [(number, f"token {number}") for number in range(count)]
    with writing(storage.engine) as connection:
        insert_rows(connection, FINISHES, ("trial_id", "token"), rows)
    with snapshot(storage.engine) as connection:
        assert [tuple(row) for row in connection.execute(select(FINISHES).order_by(FINISHES.c.trial_id))] == rows


def test_numbers_are_written_as_the_encoder_writes_them():
    numbers = [0.1, -0.0, 1e-7, 1e300, 5, 2.0, 123456789.123]
    assert numbers_to_json(numbers) == json.dumps([float(number) for number in numbers])
    assert numbers_to_json({'a "name"': 0.5, "é": 3}) == json.dumps({'a "name"': 0.5, "é": 3.0})
    assert numbers_to_json([math.nan, math.inf, -math.inf]) == "[null, null, null]"
    assert (numbers_to_json([]), numbers_to_json({})) == ("[]", "{}")
