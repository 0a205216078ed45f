"""The front, the recommendation and their figures, on trials made by hand."""

from __future__ import annotations

import io
import math
import statistics
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from study.cli.console import write_csv
from study.config import StudyConfig
from study.objectives import hypervolume
from study.problem import Search
from study.records.attributes import BY_SEED, IDENTITY_DIGEST
from study.records.own_trials import NoResultsError
from study.search.front import Candidate, find_front
from study.search.rows import front_cells, front_rows
from study.wording import trial_rows

CONFIG = StudyConfig()


def finished(
    number: int,
    accuracies: Sequence[float],
    sparsity: float,
    *,
    constraint: float = -0.1,
    diverged: bool = False,
    identity: str = "abc123",
) -> FrozenTrial:
    trial = create_trial(
        values=[statistics.fmean(accuracies), sparsity],
        user_attrs={"near_zero": sparsity, "dead": 0.0} | ({"diverged": True} if diverged else {}),
        system_attrs={
            BY_SEED: {"accuracy": list(accuracies)},
            IDENTITY_DIGEST: identity,
            "constraints:accuracy_floor": constraint,
        },
    )
    trial.number = number
    return trial


def front_of(*trials: FrozenTrial) -> Any:
    return find_front(trials, CONFIG, "s", "abc123")


def test_members_are_feasible_and_beaten_by_nobody() -> None:
    front = front_of(
        finished(0, [0.90, 0.92], 0.3),
        finished(1, [0.95, 0.95], 0.1),
        finished(2, [0.85, 0.85], 0.2),
        finished(3, [0.99, 0.99], 0.9, constraint=0.01),
        finished(4, [0.80, 0.80], 0.6),
    )
    assert [member.number for member in front.members] == [1, 0, 4]
    assert front.baseline.number == 0


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=20))
def test_the_front_is_that_of_the_definition(points: list[tuple[int, int]]) -> None:
    trials = [finished(i, [x / 10, x / 10], y / 10) for i, (x, y) in enumerate(points)]
    found = {(member.accuracy, member.sparsity) for member in front_of(*trials).members}
    expected = {
        (x / 10, y / 10) for x, y in points if not any((a >= x and b >= y) and (a, b) != (x, y) for a, b in points)
    }
    assert found == expected


def test_recommended_is_the_sparsest_within_one_paired_standard_error() -> None:
    best = finished(1, [0.95, 0.96, 0.97], 0.1)
    # Differences to the best: .01, .00, .02; mean .01, standard error .01/√3 = .0058: too far.
    far = finished(2, [0.94, 0.96, 0.95], 0.5)
    # Differences .02, −.01, .00; mean .0033, standard error .0088: close enough.
    close = finished(3, [0.93, 0.97, 0.97], 0.3)
    assert front_of(best, far, close).recommended.number == 3
    assert front_of(best, far).recommended.number == 1


def test_one_seed_has_no_standard_error_and_recommends_the_best() -> None:
    front = front_of(finished(0, [0.9], 0.5), finished(1, [0.95], 0.1))
    assert front.recommended.number == 1
    assert front.recommended.standard_error is None
    assert front.members[1].difference(front.recommended) == (pytest.approx(-0.05), None)


def test_differences_are_paired() -> None:
    ours = Candidate.of(finished(1, [0.90, 0.80, 0.85], 0.1), CONFIG)
    theirs = Candidate.of(finished(2, [0.89, 0.78, 0.85], 0.1), CONFIG)
    mean, error = ours.difference(theirs)
    assert mean == pytest.approx(0.01)
    assert error == pytest.approx(statistics.stdev([0.01, 0.02, 0.0]) / math.sqrt(3))
    assert ours.standard_error == pytest.approx(statistics.stdev([0.9, 0.8, 0.85]) / math.sqrt(3))


def test_nothing_finished_and_nothing_feasible_are_said() -> None:
    with pytest.raises(NoResultsError, match="no finished trial yet; continue it with `reluctant resume s`"):
        front_of(create_trial(state=TrialState.WAITING))
    with pytest.raises(NoResultsError, match=r"best: trial 7, 0\.4000"):
        front_of(finished(7, [0.4, 0.4], 0.1, constraint=0.1))


def test_trials_of_others_are_left_out() -> None:
    stranger = create_trial(values=[1.0, 1.0])
    copied = finished(2, [1.0, 1.0, 1.0], 1.0, identity="fed321")
    assert [member.number for member in front_of(stranger, copied, finished(1, [0.9, 0.9], 0.2)).members] == [1]


@given(st.lists(st.tuples(st.integers(-2, 9), st.integers(-2, 9)), max_size=8))
def test_hypervolume_counts_the_unit_squares_below_the_points(points: list[tuple[int, int]]) -> None:
    squares = {(x, y) for px, py in points for x in range(px) for y in range(py)}
    assert hypervolume(points, (0.0, 0.0)) == len(squares)


def test_hypervolume_of_one_objective_is_its_gain() -> None:
    assert hypervolume([(0.7,), (0.9,)], (0.4,)) == pytest.approx(0.5)
    assert hypervolume([], (0.4,)) == 0.0


def test_the_table_speaks_in_per_cent() -> None:
    front = front_of(finished(0, [0.90, 0.92], 0.3), finished(1, [0.95, 0.95], 0.1))
    rows = front_rows(front, Search.of(CONFIG))
    best, other, baseline = front_cells(rows, "accuracy", "near_zero")
    assert best["accuracy %"] == "95.00 ± 0.00"
    assert best["role"] == "← recommended"
    assert best["difference pp"] == best["test %"] == "–"
    assert other["difference pp"] == "-4.00 ± 1.00"
    assert other["near_zero %"] == "30.0"
    assert baseline["role"] == "baseline"


def test_csv_has_what_a_machine_reads() -> None:
    text = io.StringIO()
    moment = datetime(2026, 1, 1, 1, 1, 1)
    write_csv([{"n": 1, "at": moment, "x": 0.1}, {"at": None, "x": math.nan, "name": "a,b"}], text)
    assert text.getvalue() == 'n,at,x,name\n1,2026-01-01 01:01:01.000000,0.1,\n,,,"a,b"\n'


def test_exported_rows_hold_every_seed() -> None:
    (row,) = trial_rows([finished(3, [0.9, 0.8], 0.2)], ["accuracy", "near_zero"])
    assert (row["number"], row["accuracy_seed0"], row["accuracy_seed1"], row["feasible"]) == (3, 0.9, 0.8, True)
    assert (row["value_accuracy"], row["value_near_zero"]) == (pytest.approx(0.85), 0.2)
