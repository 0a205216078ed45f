"""What an estimator is given, checked as scikit-learn checks it, and as a data set that a search can use."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    StratifiedGroupKFold,
    check_cv,
    train_test_split,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from reluctant.errors import ReluctantError
from study.data.dataset import Dataset, Fold, make_dataset
from study.data.errors import DataError
from study.data.sample_weights import check_weights
from study.data.targets import Targets

_VALIDATION_SHARE = 0.2
_FEWEST_TO_JUDGE = 4
"""Members of a class from which on some of them may leave the training part."""


class DataTypeError(DataError, TypeError):
    """Samples of a type that cannot be used, such as a sparse matrix."""


class EstimatorNotFittedError(ReluctantError, NotFittedError):  # type: ignore[misc]
    """An estimator was asked before it was fitted."""


def check_fitted(estimator: Any) -> None:
    """Refuses an estimator that was not fitted.

    Raises:
        EstimatorNotFittedError: It was not.
    """
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise EstimatorNotFittedError(str(error)) from None


def validated(estimator: Any, X: Any, *y: Any, **options: Any) -> Any:
    """What `sklearn.utils.validation.validate_data` returns: `[N, F]` float64 samples, and `[N]` targets if given.

    Args:
        estimator: Whose features they are to be.
        X: `[N, F]` numbers; missing ones may be NaN.
        y: `[N]` targets, or nothing.
        options: Further options of that function.

    Raises:
        DataTypeError: They are sparse, or of another type that holds no numbers.
        DataError: Shape, names or values do not fit.
    """
    try:
        return validate_data(estimator, X, *y, dtype=np.float64, ensure_all_finite="allow-nan", **options)
    except TypeError as error:
        raise DataTypeError(str(error)) from None
    except ValueError as error:
        text = str(error)
        if text.startswith("could not convert string"):
            text += "; features need to be numbers: encode text in a pipeline, as with OneHotEncoder"
        raise DataError(text) from None


def weights_of(sample_weight: Any, samples: int) -> npt.NDArray[np.float64]:
    """`[N]` weights: those that are given, or 1 for each sample.

    Args:
        sample_weight: `[N]` numbers, one number for all, or None.
        samples: N.

    Raises:
        DataError: They are no numbers, negative, missing, all 0, or not as many as samples.
    """
    try:
        weights = np.asarray(1.0 if sample_weight is None else sample_weight, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("sample_weight holds no numbers; one number of 0 or above is needed for each sample") from None
    weights = np.full(samples, weights) if weights.ndim == 0 else weights
    if weights.shape != (samples,):
        raise DataError(f"sample_weight has the shape {weights.shape}; ({samples},) is needed, one for each sample")
    check_weights(weights, what="the sample weights", remedy="give some samples a weight, or leave them out")
    return weights


def groups_of(groups: Any, samples: int) -> npt.NDArray[Any] | None:
    """`[N]` groups, or None where none are given.

    Args:
        groups: `[N]` values of any type, or None.
        samples: N.

    Raises:
        DataError: They are not as many as samples.
    """
    if groups is None:
        return None
    found = np.asarray(groups)
    if found.shape != (samples,):
        raise DataError(f"groups has the shape {found.shape}; ({samples},) is needed, one for each sample")
    return found


def table_of(x: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Samples as the preprocessing reads them."""
    return pd.DataFrame(x, columns=[f"x{index}" for index in range(x.shape[1])])


def dataset_of(
    x: npt.NDArray[np.float64], targets: Targets, weights: npt.NDArray[np.float64], folds: Sequence[Fold]
) -> Dataset:
    """Samples as a data set whose parts are chosen, and that has no test part.

    Args:
        x: `[N, F]` numbers.
        targets: `[N]` values to predict.
        weights: `[N]` weight of each sample.
        folds: Rows of the training and the validation part, or of each fold's.
    """
    return make_dataset(
        name="arrays",
        origin="memory:arrays",
        x=table_of(x),
        targets=targets,
        test_rows=np.array([], dtype=np.int64),
        folds=tuple(folds),
        # Equal weights are none: they weigh nothing in a mean.
        weights=None if (weights == weights[0]).all() else weights,
    )


def folds_of(
    cv: Any, x: npt.NDArray[np.float64], y: npt.NDArray[Any], groups: Any, *, classes: bool
) -> tuple[Fold, ...]:
    """The folds of a cross-validation, as scikit-learn's searches divide samples.

    Args:
        cv: A number of folds, a splitter of scikit-learn, or pairs of training and validation rows.
        x: `[N, F]` samples.
        y: `[N]` values to predict.
        groups: `[N]` the group of each sample, which a number of folds keeps together; or None.
        classes: Whether a number of folds is stratified by classes.

    Raises:
        DataError: The samples cannot be divided so.
    """
    if groups is not None and isinstance(cv, Integral):
        cv = StratifiedGroupKFold(int(cv)) if classes else GroupKFold(int(cv))
    try:
        pairs = list(check_cv(cv, y, classifier=classes).split(x, y, groups))
        folds = tuple(Fold(*(_ascending(rows, len(x)) for rows in pair)) for pair in pairs)
    except (TypeError, ValueError, IndexError) as error:
        raise DataError(f"cv is {cv!r}, by which the samples cannot be divided: {error}") from None
    if not folds:
        raise DataError(f"cv is {cv!r}, which gives no fold; one or more are needed")
    for fold in folds:
        check_fold(fold)
    return folds


def check_fold(fold: Fold) -> None:
    """Refuses a fold without rows to train on or to judge by, or with rows that are both.

    Raises:
        DataError: It is one.
    """
    if not len(fold.training) or not len(fold.validation):
        raise DataError(
            f"a fold has {len(fold.training)} training and {len(fold.validation)} validation samples; both are needed, "
            "with weights above 0; choose another cv"
        )
    if np.isin(fold.training, fold.validation).any():
        raise DataError(
            "a fold has samples that are trained on and judged by; the two need to differ; choose another cv"
        )


def _ascending(rows: Any, samples: int) -> npt.NDArray[np.int64]:
    """Rows, which may be a mask, in ascending order.

    Raises:
        ValueError: A row is there more than once.
        IndexError: They are no rows, or there are fewer samples.
    """
    given = np.asarray(rows)
    found = np.arange(samples)[given if given.size else given.astype(np.int64)]
    ascending = np.unique(found)
    if len(ascending) < len(found):
        raise ValueError("a fold has a row more than once; give it a sample_weight instead")
    return ascending


def kept_rows(fold: Fold, kept: npt.NDArray[np.bool_]) -> Fold:
    """A fold among those samples that are kept.

    Args:
        fold: Rows among all samples.
        kept: `[N]` which of them are kept.
    """
    numbers = np.cumsum(kept) - 1
    training, validation = (numbers[rows[kept[rows]]] for rows in (fold.training, fold.validation))
    found = Fold(training, validation)
    check_fold(found)
    return found


def one_fold(targets: Targets, groups: Any, *, seed: int) -> Fold:
    """A fifth of the rows as the validation part: of each class or quantile its share, or whole groups.

    A class of three or fewer stays in training.

    Args:
        targets: `[N]` values to predict.
        groups: `[N]` the group of each sample; or None.
        seed: Seed of the choice.

    Raises:
        DataError: There are fewer than two groups.
    """
    rows = np.arange(len(targets.y))
    if groups is None:
        validation = _validation_rows(targets, seed=seed)
    else:
        splitter = GroupShuffleSplit(1, test_size=_VALIDATION_SHARE, random_state=seed % 2**32)
        try:
            _, validation = next(splitter.split(rows, groups=groups))
        except ValueError as error:
            raise DataError(f"the samples cannot be divided by groups: {error}") from None
    return Fold(np.setdiff1d(rows, validation), np.sort(validation))


def _validation_rows(targets: Targets, *, seed: int) -> npt.NDArray[np.int64]:
    """A fifth of the rows, ascending: of each class or quantile its share, and nothing of a class of three or fewer.

    Args:
        targets: `[N]` values to predict.
        seed: Seed of the choice.
    """
    groups = targets.groups
    divisible = np.arange(len(groups))
    if targets.classes:
        counts = np.bincount(groups)
        # A class of few samples stays in training; one of them alone can teach nothing about it.
        large = np.flatnonzero(counts[groups] >= _FEWEST_TO_JUDGE)
        divisible = large if len(large) >= 2 * len(counts) else divisible
    wanted = max(1, round(_VALIDATION_SHARE * len(groups)))
    found, members = np.unique(groups[divisible], return_counts=True)
    stratified = wanted >= len(found) and len(divisible) - wanted >= len(found) and members.min() > 1
    _, rows = train_test_split(
        divisible,
        test_size=min(wanted, len(divisible) - 1),
        random_state=seed % 2**32,
        stratify=groups[divisible] if stratified else None,
    )
    return np.sort(rows)
