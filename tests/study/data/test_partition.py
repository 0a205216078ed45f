from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.data import DataError, Dataset, load_dataset, partition, sample_rows
from study.data.dataset import make_dataset
from study.data.targets import Targets


def _dataset(counts: list[int], *, official: int = 0) -> Dataset:
    """A data set of so many members a class, and of an official test part of so many rows of class 0."""
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    y = np.concatenate([y, np.zeros(official, dtype=np.int64)])
    rows = np.arange(len(y) - official, len(y)) if official else None
    targets = Targets(y, tuple(f"c{index}" for index in range(len(counts))))
    x = pd.DataFrame({"a": np.arange(len(y), dtype=np.float64)})
    return make_dataset(name="d", origin="d", x=x, targets=targets, test_rows=rows)


_counts = st.lists(st.integers(5, 40), min_size=2, max_size=12)


@given(counts=_counts, seed=st.integers(0, 2**32))
def test_stratified_60_20_20(counts: list[int], seed: int) -> None:
    data = _dataset(counts)
    rows = partition(data, seed=seed)
    parts = [(rows.training, 0.6), (rows.validation, 0.2), (rows.test, 0.2)]
    assert sorted(np.concatenate([part for part, _ in parts])) == list(range(len(data)))
    for part, share in parts:
        members = np.bincount(data.y[part], minlength=len(counts))
        assert (members >= 1).all()
        assert (np.abs(members - share * np.array(counts)) < 1.5).all()
        assert abs(len(part) - share * len(data)) < 1.5


@given(counts=_counts, seed=st.integers(0, 2**32))
def test_official_test_part_is_kept(counts: list[int], seed: int) -> None:
    data = _dataset(counts, official=3)
    rows = partition(data, seed=seed)
    assert sorted(rows.test.tolist()) == [len(data) - 3, len(data) - 2, len(data) - 1]
    for part, share in ((rows.training, 0.8), (rows.validation, 0.2)):
        members = np.bincount(data.y[part], minlength=len(counts))
        assert (np.abs(members - share * np.array(counts)) < 1.5).all()
        assert (members >= 1).all()
    assert sorted(np.concatenate([rows.training, rows.validation])) == list(range(len(data) - 3))


def test_the_first_rows_of_an_official_test_part_are_a_sample_of_all_of_it() -> None:
    """A file that is sorted would else be measured on the rows of its first classes alone."""
    data = _dataset([30, 30], official=1000)
    ordered = partition(data, seed=0, draw_test_part=False)
    drawn, again, other = (partition(data, seed=0, replicate=replicate) for replicate in (None, None, 1))
    assert ordered.test.tolist() == list(range(60, 1060))
    assert np.array_equal(drawn.test, again.test)
    assert not np.array_equal(drawn.test, other.test)
    assert 40 < (drawn.test[:100] >= 560).sum() < 60
    assert np.array_equal(drawn.training, ordered.training)
    assert np.array_equal(drawn.validation, ordered.validation)


@pytest.mark.parametrize("seed", range(50))
def test_five_members_are_enough_and_four_are_not(seed: int) -> None:
    data = _dataset([5, 5, 7, 6, 9])
    rows = partition(data, seed=seed)
    for part in (rows.training, rows.validation, rows.test):
        assert set(data.y[part]) == {0, 1, 2, 3, 4}
    with pytest.raises(DataError, match="class 'c1' has 4; at least 5 are needed"):
        partition(_dataset([9, 4]), seed=seed)


def test_a_class_of_the_official_test_part_alone_is_refused() -> None:
    data = _dataset([10, 10, 3], official=2)
    data = dataclasses.replace(data, targets=Targets(np.where(data.y == 2, 1, data.y), data.classes))
    data.y[-1] = 2
    with pytest.raises(DataError, match="outside its test part: class 'c2' has 0"):
        partition(data, seed=0)


def test_seeds_differ_and_global_state_is_untouched() -> None:
    data = load_dataset("iris")
    np.random.seed(0)
    first, again, other = (partition(data, seed=seed) for seed in (0, 0, 1))
    assert np.random.random() == np.random.RandomState(0).random()
    np.testing.assert_array_equal(first.training, again.training)
    assert first.training.tolist() != other.training.tolist()


def test_parts_are_in_random_order() -> None:
    rows = partition(_dataset([500, 500]), seed=0)
    for part in (rows.training, rows.validation, rows.test):
        assert abs(np.corrcoef(part, np.arange(len(part)))[0, 1]) < 0.2


def test_every_row_comes_into_every_part() -> None:
    data = _dataset([10, 15])
    seen = np.zeros((3, 25))
    for seed in range(300):
        rows = partition(data, seed=seed)
        for index, part in enumerate((rows.training, rows.validation, rows.test)):
            seen[index, part] += 1
    np.testing.assert_allclose(seen / 300, np.array([[0.6], [0.2], [0.2]]).repeat(25, axis=1), atol=0.12)


def test_replicates_have_divisions_of_their_own() -> None:
    data = load_dataset("iris")
    test_rows = [partition(data, seed=0, replicate=replicate).test for replicate in (None, 0, 1, 0)]
    assert np.array_equal(test_rows[1], test_rows[3])
    assert len({tuple(sorted(rows)) for rows in test_rows}) == 3


@given(
    counts=st.lists(st.integers(24, 48), min_size=2, max_size=12),
    official=st.integers(0, 9),
    share=st.floats(0.3, 1.2),
    seed=st.integers(0, 2**32),
)
def test_a_part_of_the_rows_keeps_every_share(counts: list[int], official: int, share: float, seed: int) -> None:
    data = _dataset(counts, official=official)
    rows = int(share * len(data))
    part = sample_rows(data, rows, seed=seed)
    share = min(1.0, rows / len(data))
    assert len(part) == min(rows, len(data))
    assert isinstance(part.x, pd.DataFrame)
    assert part.x["a"].is_unique
    assert (data.y[part.x["a"].to_numpy(dtype=np.int64)] == part.y).all()
    assert (np.abs(np.bincount(part.y, minlength=len(counts)) - share * np.bincount(data.y)) < 2.0).all()
    if official:
        assert part.test_rows is not None
        assert abs(len(part.test_rows) - share * official) < 1.0
        assert (part.x["a"].iloc[part.test_rows] >= len(data) - official).all()
    assert (part.fingerprint == data.fingerprint) == (rows >= len(data))


def test_a_sample_keeps_the_members_that_a_split_needs() -> None:
    """A class of 8 among 1,000 rows keeps 5 of them in a sample of 100, whose size stays what was asked for."""
    data = _dataset([500, 400, 92, 8])
    for seed in range(20):
        sample = sample_rows(data, 100, seed=seed)
        counts = np.bincount(sample.y, minlength=4)
        assert len(sample) == 100
        assert counts[3] == 5
        assert (np.abs(counts[:3] - np.array([50, 40, 9.2])) < 6).all()
        assert len(partition(sample, seed=seed).training) == 60


def test_a_sample_without_room_for_every_class_is_refused() -> None:
    with pytest.raises(DataError, match="--rows is 18; the 4 classes of d need 2 rows more, 5 of each class"):
        sample_rows(_dataset([500, 400, 92, 8]), 18, seed=0)


def test_a_class_that_is_too_small_in_all_rows_is_the_fault_of_the_data() -> None:
    with pytest.raises(DataError, match="class 'c1' has 3; at least 5 are needed"):
        partition(sample_rows(_dataset([500, 3]), 100, seed=0), seed=0)
