"""Folds of a cross-validation, groups that stay whole, and parts that follow each other in time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.data import DataError, Dataset, partition, sample_rows
from study.data.dataset import Fold, make_dataset
from study.data.folds import partitions
from study.data.reading import TableOptions
from study.data.row_columns import without_row_columns
from study.data.targets import Targets


def _dataset(rows: int, *, classes: int = 2, official: int = 0, **of_rows: Any) -> Dataset:
    y = np.arange(rows) % classes
    return make_dataset(
        name="d",
        origin="d",
        x=pd.DataFrame({"a": np.arange(rows, dtype=np.float64)}),
        targets=Targets(y, tuple(f"c{index}" for index in range(classes))),
        test_rows=np.arange(rows - official, rows) if official else None,
        **of_rows,
    )


@settings(deadline=None, derandomize=True, max_examples=15)
@given(rows=st.integers(60, 150), folds=st.integers(2, 8), seed=st.integers(0, 2**31), official=st.sampled_from([0, 7]))
def test_every_row_outside_the_test_part_is_judged_once(rows: int, folds: int, seed: int, official: int) -> None:
    data = _dataset(rows, official=official)
    parts = partitions(data, seed=seed, folds=folds)
    whole = partition(data, seed=seed)
    outside = sorted([*whole.training, *whole.validation])
    assert sorted(np.concatenate([part.validation for part in parts])) == outside
    for part in parts:
        assert part.test.tolist() == whole.test.tolist()  # that of a study without folds
        assert sorted([*part.training, *part.validation]) == outside
        assert np.abs(np.bincount(data.y[part.validation], minlength=2) - len(outside) / folds / 2).max() < 2


@settings(deadline=None, derandomize=True, max_examples=8)
@given(seed=st.integers(0, 2**31), official=st.sampled_from([0, 20]))
def test_no_group_is_in_two_parts(seed: int, official: int) -> None:
    groups = np.random.default_rng(seed).integers(0, 30, 200)
    groups[-official or 200 :] = 99  # the official test part is what it is
    data = _dataset(200, groups=groups, official=official)
    for part in (partition(data, seed=seed), *partitions(data, seed=seed, folds=4)):
        held = [set(groups[rows]) for rows in (part.training, part.validation, part.test)]
        assert not held[0] & held[1]
        assert not held[2] & (held[0] | held[1])
        assert all(held)
        assert len(part.training) + len(part.validation) + len(part.test) == 200
    shares = [len(rows) / (200 - official) for rows in (part.training, part.validation)]
    assert shares[0] > 2 * shares[1]


def test_a_group_that_holds_most_rows_is_learned_from() -> None:
    groups = np.where(np.arange(100) < 90, 0, np.arange(100))
    part = partition(_dataset(100, groups=groups), seed=0)
    assert set(range(90)) <= set(part.training)
    assert len(part.test)
    assert len(part.validation)


@pytest.mark.parametrize("official", [0, 20])
def test_what_is_judged_comes_after_what_is_learned(official: int) -> None:
    times = np.random.default_rng(0).integers(0, 50, 200).astype(float)
    times[200 - official :] += 50
    data = _dataset(200, times=times, official=official)
    part = partition(data, seed=0)
    assert times[part.training].max() < times[part.validation].min()
    assert times[part.validation].max() < times[part.test].min()
    assert len(part.training) == pytest.approx(160 - official if official else 120, abs=12)
    folds = partitions(data, seed=0, folds=3)
    assert all(times[fold.training].max() < times[fold.validation].min() for fold in folds)
    assert all(set(before.training) < set(after.training) for before, after in pairwise(folds))
    assert folds[-1].test.tolist() == part.test.tolist()


def test_folds_that_were_chosen_are_kept_and_belong_to_the_content() -> None:
    chosen = (Fold(np.arange(10, 30), np.arange(10)), Fold(np.arange(5), np.arange(20, 30)))
    data = _dataset(30, folds=chosen)
    found = partitions(data, seed=0, folds=2)
    for fold, part in zip(chosen, found, strict=True):
        assert sorted(part.training) == fold.training.tolist()
        assert sorted(part.validation) == fold.validation.tolist()
    longer = Fold(np.arange(6), np.arange(20, 30))
    others = [_dataset(30, folds=folds) for folds in ((), chosen[:1], (chosen[0], longer))]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_groups_and_times_belong_to_the_content_and_are_drawn_with_the_rows() -> None:
    data = [_dataset(60), _dataset(60, groups=np.arange(60)), _dataset(60, times=np.arange(60.0))]
    assert len({each.fingerprint for each in data}) == 3
    drawn = sample_rows(data[1], 20, seed=0)
    assert drawn.groups is not None
    assert drawn.groups.tolist() == drawn.x["a"].tolist()  # each row has its own


@pytest.mark.parametrize(
    ("of_rows", "said"),
    [
        ({"groups": np.arange(100) % 4}, "has 4 groups to divide, and 5 are needed"),
        ({"times": np.arange(100) // 60}, "2 different times, too few for 5 blocks"),
    ],
)
def test_rows_that_cannot_be_divided(of_rows: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        partition(_dataset(100, **of_rows), seed=0)


@pytest.mark.parametrize(
    ("of_rows", "said"),
    [
        ({"groups": np.arange(100) % 30}, "10 groups of d have rows in the test part and outside"),
        ({"times": np.arange(100.0)[::-1]}, "10 rows of the test part of d are earlier than the last row outside"),
    ],
)
def test_an_official_test_part_that_would_tell_too_much_is_refused(of_rows: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        partition(_dataset(100, official=10, **of_rows), seed=0)


def test_from_many_groups_on_the_seed_still_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.data.division._MANY_GROUPS", 10)
    data = _dataset(200, groups=np.arange(200) // 4)
    parts = [partition(data, seed=seed) for seed in (0, 0, 1)]
    assert parts[0].training.tolist() == parts[1].training.tolist() != parts[2].training.tolist()
    assert not set(data.groups[parts[0].training]) & set(data.groups[parts[0].test])  # type: ignore[index]


def test_too_many_folds() -> None:
    with pytest.raises(DataError, match=r"class 'c0' has 16, 'c1' has 16, 'c2' has 16; at least 17 are needed"):
        partitions(_dataset(60, classes=3), seed=0, folds=17)
    with pytest.raises(DataError, match=r"has 32 rows outside its test part; at least 34 are needed for --cv 17"):
        partitions(_dataset(40, classes=1), seed=0, folds=17)


TABLE = pd.DataFrame(
    {"who": ["b", " a", "b ", "a"], "when": ["2024-03-01", "2023-12-31", "2024-02-01", "2024-01-01"], "y": list("pqpq")}
)


def test_columns_of_groups_and_times_are_read_and_are_no_features() -> None:
    options = TableOptions(groups="who", time="when")
    left, of_rows = without_row_columns(TABLE, options, target="y", origin="t.csv")
    assert list(left) == ["y"]
    assert of_rows.groups is not None
    assert of_rows.groups.tolist() == [0, 1, 0, 1]
    assert of_rows.times is not None
    assert of_rows.times.argsort().tolist() == [1, 3, 2, 0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"groups": "whom"}, r"--groups names 'whom', which is no column of t.csv; did you mean 'who'\?"),
        ({"time": "y"}, "--time names 'y', which is the target"),
        ({"time": "who"}, "the times 'who' of t.csv are neither numbers nor dates"),
        ({"groups": "who", "time": "who"}, "--groups and --time name the same column"),
    ],
)
def test_columns_that_cannot_be_groups_or_times(options: dict[str, str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        without_row_columns(TABLE, TableOptions(**options), target="y", origin="t.csv")
    with pytest.raises(DataError, match=r"have no value in 1 row"):
        without_row_columns(
            TABLE.assign(who=["a", None, "b", "b"]), TableOptions(groups="who"), target="y", origin="t.csv"
        )
