"""A trained network with its preprocessing, as a program uses it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reluctant.errors import ReluctantWarning
from study import model as models
from study.data.in_memory import as_features
from study.model import Model


class TrainedModel:
    """A network that predicts the rows of tables or arrays like those it was trained on.

    Attributes:
        classes_: `[C]` labels, as text, in the order of the probabilities; empty in regression.
        origin: Study, trial, hyperparameters, scores and versions that the network comes from.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.classes_ = np.array(model.config.classes, dtype=object)
        self._is_classifier = model.config.quantity is None
        self.origin: dict[str, Any] = model.config.origin

    def predict(self, x: Any) -> npt.NDArray[Any]:
        """`[N]` labels, or in regression numbers.

        Args:
            x: A DataFrame with the model's columns, in any order, among others; or an array `[N, …]` with the columns
                of the training data in their order; or a file, as `reluctant predict` takes it.

        Raises:
            DataError: A value of a numeric column is no number, or the file cannot be read.
            ModelError: A column is missing, or the samples are of another kind.
        """
        return self._table(x)["label" if self._is_classifier else "prediction"].to_numpy()

    def predict_proba(self, x: Any) -> npt.NDArray[np.float32]:
        """`[N, C]` class probabilities; as for `predict`.

        Raises:
            ModelError: The model predicts numbers.
        """
        if not self._is_classifier:
            raise models.ModelError("the model predicts numbers, which have no probabilities; ask for predict_interval")
        return self._table(x)[[f"probability_{name}" for name in self.classes_]].to_numpy()

    def predict_interval(self, x: Any) -> npt.NDArray[np.float64]:
        """`[N, 2]` bounds around each number, between which the true one lies in 95 of 100 cases; as for `predict`.

        Raises:
            ModelError: The model predicts classes.
        """
        if self._is_classifier:
            raise models.ModelError("the model predicts classes, which have no intervals; ask for predict_proba")
        return self._table(x)[["low", "high"]].to_numpy()

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes the model as a new folder that needs no reluctant, as `reluctant export --model` does.

        Raises:
            ModelError: It cannot be written there.
        """
        return models.save_model(self._model, str(folder))

    def _table(self, x: Any) -> pd.DataFrame:
        found = models.predict(self._model, str(x) if isinstance(x, str | os.PathLike) else as_features(x))
        for note in found.notes:
            warnings.warn(note, ReluctantWarning, stacklevel=3)
        return found.table

    def __repr__(self) -> str:
        return f"<model of trial {self.origin['trial']} of study {self.origin['study']!r}>"


def load_model(folder: str | os.PathLike[str], *, trust: bool = False) -> TrainedModel:
    """Reads a model's folder; nothing in it is executed, unless it is trusted.

    Args:
        folder: The folder.
        trust: Whether the Python code of a user's network in it may be run.

    Raises:
        ModelError: The folder holds no model, or a damaged one, or code that is not trusted.
    """
    return TrainedModel(models.load_model(str(folder), trust=trust))
