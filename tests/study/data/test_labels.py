from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reluctant.errors import ReluctantWarning
from study.data import DataError
from study.data.labels import encode_labels


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([10, 9, 10, -1], ("-1", "9", "10")),
        ([2.0, 1.0, 1.5], ("1", "1.5", "2")),
        (["10", "9", "x", "9"], ("9", "10", "x")),
        (["step10", "step9"], ("step9", "step10")),
        ([" <=50K", ">50K", "<=50K "], ("<=50K", ">50K")),
        ([True, False], ("False", "True")),
        ([b"cat", b"ant"], ("ant", "cat")),
    ],
)
def test_any_label_type_in_natural_order(values: list[Any], classes: tuple[str, ...]) -> None:
    for column in (pd.Series(values), pd.Series(values, dtype=object), pd.Series(values, dtype="category")):
        labels = encode_labels(column, what="the labels")
        assert labels.classes == classes
        assert labels.y.dtype == np.int64


@given(st.lists(st.integers(-5, 5), min_size=2).filter(lambda values: len(set(values)) > 1))
def test_classes_of_the_indices_are_the_labels(values: list[int]) -> None:
    labels = encode_labels(np.array(values), what="the labels")
    assert [int(labels.classes[index]) for index in labels.y] == values
    assert list(map(int, labels.classes)) == sorted(set(values))


@pytest.mark.parametrize("nothing", [None, np.nan, "?", " ", "NA"])
def test_missing_labels_are_counted_and_placed(nothing: object) -> None:
    values = pd.Series(["a", nothing, "b", nothing], dtype=object)
    with pytest.raises(DataError, match=r"target 't' has no label in 2 rows \(2, 4\).*remove these rows"):
        encode_labels(values, what="target 't'")


def test_labels_that_differ_by_case_or_blanks_are_named() -> None:
    values = pd.Series(["yes", "no", "Yes", "no  way", "no way", "yes"])
    with pytest.warns(ReluctantWarning, match="case or blanks alone") as caught:
        labels = encode_labels(values, what="target 't'")
    assert labels.classes == ("Yes", "no", "no  way", "no way", "yes")
    assert [str(each.message).split(": ")[1].split(";")[0] for each in caught] == [
        "'Yes', 'yes'",
        "'no  way', 'no way'",
    ]


def test_one_class_only() -> None:
    with pytest.raises(DataError, match=r"has one class only, 'yes', in all 3 rows; two or more are needed"):
        encode_labels(pd.Series(["yes"] * 3), what="target 't'")


@pytest.mark.parametrize(
    "values",
    [np.linspace(0, 1, 40).repeat(50), np.arange(500), np.arange(1001).repeat(10), [f"id{n}" for n in range(200)]],
    ids=["fractions", "whole", "beyond the limit", "identifiers"],
)
def test_a_quantity_is_no_class(values: Any) -> None:
    with pytest.raises(
        DataError,
        match=r"different values in .* rows .*use --task regression and one of its metrics; for classification choose",
    ):
        encode_labels(pd.Series(values), what="target 't'")


def test_many_classes_are_fine_where_each_has_members() -> None:
    assert len(encode_labels(np.arange(1000).repeat(6), what="the labels").classes) == 1000
