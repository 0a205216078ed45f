"""The preprocessing of tables: scikit-learn's own transformers, fitted on the training part."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from study.data.scaling import ColumnScaler

MOST_CATEGORIES = 64


def fit_columns(x: pd.DataFrame) -> ColumnTransformer:
    """Fit the preprocessing of the columns of a table; see `fit_preprocessing`.

    Args:
        x: `[N]` rows of the training part.
    """
    numbers = [name for name, column in x.items() if pd.api.types.is_numeric_dtype(column.dtype)]
    texts = [name for name in x.columns if name not in set(numbers)]
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
                    min_frequency=max(2, len(x) // 1000),
                    max_categories=MOST_CATEGORIES + 1,
                    sparse_output=False,
                    dtype=np.float32,
                ),
            ),
            texts,
        ),
    ]
    transformer = ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0.0)
    return transformer.fit(x)
