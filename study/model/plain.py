"""The fitted preprocessing in scikit-learn's own classes, so that it loads where `reluctant` is not installed."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from study.data.pixel_scaling import PixelScaler
from study.data.preprocessing import Preprocessing
from study.data.scaling import LARGEST, ColumnScaler


def plain(preprocessing: Preprocessing) -> BaseEstimator:
    """The same transformation without a class of ours; its float32 output is bit-identical.

    Args:
        preprocessing: The fitted preprocessing.

    Returns:
        A fitted estimator for a table with named columns, or for pixels in columns with the names of the features.
    """
    transformer = preprocessing.transformer
    if isinstance(transformer, PixelScaler):
        count = len(preprocessing.features)
        mean, scale = (np.full(count, value, dtype=np.float32) for value in (transformer.mean, transformer.scale))
        return _scaler(mean, scale, names=preprocessing.features)
    copy = deepcopy(transformer)
    for _, pipeline, _ in copy.transformers_:
        if isinstance(pipeline, Pipeline) and isinstance(pipeline.steps[-1][1], ColumnScaler):
            fitted = pipeline.steps.pop()[1]
            # A column that was constant in training is divided by infinity: it is 0 whatever comes.
            scale = np.where(fitted.constant_, np.inf, fitted.scale_)
            pipeline.steps += [("scale", _scaler(fitted.mean_, scale)), ("clip", _clip(len(scale)))]
    _forget_unfitted(copy)
    return copy


def _scaler(mean: np.ndarray, scale: np.ndarray, *, names: tuple[str, ...] | None = None) -> StandardScaler:
    """(x − mean) / scale for columns `[N, F]`."""
    scaler = StandardScaler()
    scaler.mean_, scaler.scale_, scaler.var_ = mean, scale, scale**2
    scaler.n_features_in_, scaler.n_samples_seen_ = len(mean), 1
    if names is not None:
        scaler.feature_names_in_ = np.array(names, dtype=object)
    return scaler


def _clip(count: int) -> MinMaxScaler:
    """Columns `[N, F]` as they are, within ±`LARGEST`."""
    bounds = np.array([[-LARGEST] * count, [LARGEST] * count])
    return MinMaxScaler(feature_range=(-LARGEST, LARGEST), clip=True).fit(bounds)


def _forget_unfitted(transformer: ColumnTransformer) -> None:
    """Replaces a column transformer's unfitted steps, which hold classes of ours, by its fitted ones."""
    transformer.transformers = [step for step in transformer.transformers_ if step[0] != "remainder"]
