"""Turns raw features into inputs of a network: fills missing values, encodes text, standardises numbers and pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from study.data.dataset import Dataset
from study.data.images import ImageLayout
from study.data.scaling import ColumnScaler, PixelScaler

MOST_CATEGORIES = 64


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Fitted preprocessing.

    Attributes:
        transformer: The transformer that was fitted on the training part.
        features: `[F]` names of the resulting features, in the order in which a sample holds them.
        image: How the pixels of a sample are arranged, where the network reads images of rows and columns; else None.
    """

    transformer: ColumnTransformer | PixelScaler
    features: tuple[str, ...]
    image: ImageLayout | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample as the network reads it: (F,), or (C, H, W)."""
        return (len(self.features),) if self.image is None else self.image.shape

    def __call__(self, x: pd.DataFrame | npt.NDArray[Any]) -> torch.Tensor:
        """Transform raw features `[N, F]`, as in `Dataset.x`, to contiguous float32 inputs `[N, *input_shape]`."""
        inputs = torch.from_numpy(np.ascontiguousarray(self.transformer.transform(x), dtype=np.float32))
        return inputs if self.image is None else self.image.images(inputs)


def fit_preprocessing(dataset: Dataset, rows: npt.NDArray[np.int64], *, as_images: bool = False) -> Preprocessing:
    """Fit the preprocessing on some rows of a data set, which should be the training part.

    Numbers: a missing value becomes the median, and an indicator feature is added where the training part has missing
    values; then the columns get mean 0 and standard deviation 1. Texts: each category becomes one feature, and missing
    is a category of its own. Rare categories share one feature: those in fewer than two rows, in fewer than one row in
    a thousand, beyond the 64 most frequent ones, or not in the training part. Pixels: see `PixelScaler`.

    Args:
        dataset: The data set.
        rows: `[N]` rows to fit on.
        as_images: Whether images of rows and columns become inputs `[N, C, H, W]`, where the data are such images.

    Returns:
        The fitted preprocessing.

    Example:
        >>> from study.data import load_dataset
        >>> wine = load_dataset("wine")
        >>> fit_preprocessing(wine, np.arange(100)).features[:3]
        ('alcohol', 'malic_acid', 'ash')
    """
    if not isinstance(dataset.x, pd.DataFrame):
        image = dataset.image if as_images else None
        order = range(dataset.x.shape[1]) if image is None else image.order
        return Preprocessing(PixelScaler().fit(dataset.x[rows]), tuple(f"pixel{index}" for index in order), image)
    numbers = [name for name, column in dataset.x.items() if pd.api.types.is_numeric_dtype(column.dtype)]
    texts = [name for name in dataset.x.columns if name not in set(numbers)]
    steps = [
        (
            "numbers",
            make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), ColumnScaler()
            ),
            numbers,
        ),
        (
            "texts",
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="(missing)", keep_empty_features=True),
                OneHotEncoder(
                    handle_unknown="infrequent_if_exist",
                    min_frequency=max(2, len(rows) // 1000),
                    max_categories=MOST_CATEGORIES + 1,
                    sparse_output=False,
                    dtype=np.float32,
                ),
            ),
            texts,
        ),
    ]
    transformer = ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0.0)
    transformer.fit(dataset.x.iloc[rows])
    names = tuple(str(name).split("__", 1)[1] for name in transformer.get_feature_names_out())
    return Preprocessing(transformer, names)
