"""Turns raw features into inputs of a network: fills missing values, encodes text, standardises numbers and pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from study.data.dataset import Dataset
from study.data.images import ImageLayout
from study.data.pixel_scaling import PixelScaler

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer


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
    # scikit-learn is half a second of imports, which pixels do without.
    from study.data.column_preprocessing import fit_columns

    transformer = fit_columns(dataset.x.iloc[rows])
    names = tuple(str(name).split("__", 1)[1] for name in transformer.get_feature_names_out())
    return Preprocessing(transformer, names)
