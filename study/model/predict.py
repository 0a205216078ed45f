"""Predictions of a model for a user's file."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer

from study.data import FIRST_READER, READER, DataError, load_dataset
from study.data.built_in import BUILT_IN
from study.data.column_forms import TEXT
from study.data.errors import did_you_mean, listing, rows_where
from study.data.first_reader import like_training
from study.data.image_folder import ImageFiles, images_to_predict, read_images
from study.data.images import ImageLayout
from study.data.labels import label_texts
from study.data.load import read_table
from study.data.quantities import numbers_of
from study.data.reading import TableOptions
from study.data.table import by_forms
from study.model.folder import Model, ModelError, Quantity
from study.tasks import CLASSIFICATION, REGRESSION

_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, eq=False)
class Prediction:
    """The predictions of a model for the samples of a file.

    Attributes:
        table: `[N]` rows: `file` where the samples are image files; `label`, and `probability_CLASS` for every class;
            in regression `prediction`, and `low` and `high`, between which the true value lies with the model's level.
        accuracy: Share of rows that the model predicts right, among those with a known label; None where there is none.
        errors: Metrics of a regression by name, over the rows with a known value; empty where there is none.
        notes: What a user should know about the predictions, a line each.
    """

    table: pd.DataFrame
    accuracy: float | None
    notes: tuple[str, ...]
    errors: Mapping[str, float] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """The table, one dictionary a row."""
        columns = {str(name): column.tolist() for name, column in self.table.items()}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def predict(model: Model, source: str | pd.DataFrame | npt.NDArray[Any]) -> Prediction:
    """Predicts every sample of a source.

    Args:
        model: The model.
        source: A file of a table, as `run` reads them, with the model's columns, in any order, among others; an image
            (PNG, JPEG), or a folder of images, with folders for the classes or without; or whatever else a study reads
            (NPZ file, IDX folder, built-in name); or the samples themselves, a DataFrame, or an array `[N, …]` whose
            columns are those of the training data in their order.

    Raises:
        DataError: The file cannot be read, or a value of a numeric column is no number.
        ModelError: The file lacks a column, or holds another kind of samples than the model was trained on.
    """
    files = _image_files(source)
    table, notes, labels = _samples(model, source) if files is None else _of_image_files(model, files, str(source))
    said = (*notes, *_new_categories(model, table))
    of_rows = model.probabilities if model.config.quantity is None else model.values
    chunks = [of_rows(table.iloc[start : start + _ROWS_AT_ONCE]) for start in range(0, len(table), _ROWS_AT_ONCE)]
    found = torch.cat(chunks).numpy()
    if model.config.quantity is None:
        prediction = _labelled(model, found, labels, said)
    else:
        prediction = _valued(model.config.quantity, found, labels, said)
    if files is not None:
        prediction.table.insert(0, "file", [str(path) for path in files.paths])
    return prediction


def _image_files(source: str | pd.DataFrame | npt.NDArray[Any]) -> ImageFiles | None:
    """The images that a source names; None where it is something else."""
    if not isinstance(source, str) or source in BUILT_IN:
        return None
    path = Path(source).expanduser()
    try:
        return images_to_predict(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from error


def _of_image_files(
    model: Model, files: ImageFiles, source: str
) -> tuple[pd.DataFrame, list[str], npt.NDArray[Any] | None]:
    """The model's columns of images, resized to those that it was trained on, and their labels where they are known.

    Raises:
        ModelError: The model was not trained on images of rows and columns, or not on grey or coloured ones.
    """
    image = model.config.image
    if image is None or image.channels not in (1, 3):
        seen = "a table or rows of pixels" if image is None else f"images of {image.channels} channels"
        raise ModelError(
            f"{source} holds image files; the model was trained on {seen}; give it an NPZ file or a table of the same"
        )
    x = read_images(files.paths, (image.rows, image.columns), coloured=image.channels == 3)
    if image.channels == 3 and not image.channels_last:
        x = x.transpose(0, 3, 1, 2)
    table = _pixels(model, x.reshape(len(x), -1), image, source)
    return *_cleaned(model, table, source), None if files.labels is None else np.array(files.labels, dtype=object)


def _valued(
    quantity: Quantity, predictions: npt.NDArray[np.float64], true: npt.NDArray[Any] | None, notes: tuple[str, ...]
) -> Prediction:
    """Predictions of a regression, with their intervals, and their errors where true values are known."""
    table = pd.DataFrame(
        {"prediction": predictions, "low": predictions + quantity.below, "high": predictions + quantity.above}
    )
    errors: dict[str, float] = {}
    if true is not None and (known := np.isfinite(true)).any():
        y, values = (torch.from_numpy(each[known]) for each in (true, predictions))
        errors = {metric.name: float(metric.compute(values[None], y)) for metric in REGRESSION.metrics}
    return Prediction(table, None, notes, errors)


def _labelled(
    model: Model, probabilities: npt.NDArray[np.float32], labels: npt.NDArray[Any] | None, notes: tuple[str, ...]
) -> Prediction:
    """Predicted labels with their probabilities, and their accuracy where labels are known."""
    classes = np.array(model.config.classes, dtype=object)
    found = classes[probabilities.argmax(1)]
    columns = {f"probability_{name}": probabilities[:, index] for index, name in enumerate(classes)}
    result = pd.DataFrame({"label": found, **columns})
    known = None if labels is None else np.isin(labels, classes)
    accuracy = None
    if labels is not None and known is not None and known.any():
        accuracy = float((found == labels)[known].mean())
    return Prediction(result, accuracy, notes)


def _samples(
    model: Model, source: str | pd.DataFrame | npt.NDArray[Any]
) -> tuple[pd.DataFrame, list[str], npt.NDArray[Any] | None]:
    """The model's columns of a source, its labels as text or its values, if any, and what is to be known of them."""
    if not isinstance(source, str):
        samples = source if isinstance(source, pd.DataFrame) else _array_columns(model, source)
        return *_cleaned(model, samples, "X"), None
    config = model.config
    reader = READER if config.format > 1 else FIRST_READER
    found = read_table(source, reader=reader)
    labels = None
    if found is None:
        task = CLASSIFICATION if config.quantity is None else REGRESSION
        dataset = load_dataset(source, options=TableOptions(read_target=task.read_target))
        labels = np.array(dataset.classes, dtype=object)[dataset.y] if dataset.classes else dataset.y
        table = dataset.x if isinstance(dataset.x, pd.DataFrame) else _pixels(model, dataset.x, dataset.image, source)
    else:
        table = found[0]
        if config.target is not None and config.target in table.columns:
            column = table[config.target]
            is_number = config.quantity is not None
            labels = numbers_of(column) if is_number else _as_classes(label_texts(column), config.classes)
    return *_cleaned(model, table, source), labels


def _cleaned(model: Model, table: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str]]:
    """The model's columns of a table, read as in training, and what a user should know of them."""
    config = model.config
    if not len(table):
        raise DataError(f"{source} has no rows; rows to predict are needed; is it cut?")
    columns = config.columns
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise _lacks(model, source, missing, [str(name) for name in table.columns])
    if config.format == 1:
        return like_training(table[list(columns)], columns, what=source), []
    forms = {name: config.forms.get(name, TEXT) for name in columns}
    cleaned, notes = by_forms(table, forms, what=source)
    return cleaned.replace(config.spellings), notes


def _array_columns(model: Model, x: npt.NDArray[Any]) -> pd.DataFrame:
    """The columns of an array, which have the order of the training data's, or are images of their size."""
    if len(model.config.input_shape) == 3 and x.ndim > 2:
        return _pixels(model, x.reshape(len(x), -1), ImageLayout.of(x.shape[1:]), "X")
    columns = _in_the_source(model)
    flat = x.reshape(len(x), -1) if len(x) else x.reshape(0, len(columns))
    if flat.shape[1] != len(columns):
        raise ModelError(
            f"X has the shape {x.shape}, {flat.shape[1]} values a sample; the model was trained on {len(columns)}; "
            "give it the same columns"
        )
    return pd.DataFrame(flat, columns=_in_the_source(model))


def _as_classes(labels: npt.NDArray[np.object_], classes: Sequence[str]) -> npt.NDArray[np.object_]:
    """Labels `[N]` by the names of their classes, where these are numbers or truth values in another spelling.

    Pandas, which read the data of earlier studies, made 1 of `01`, and `True` of `TRUE`.
    """
    codes, found = pd.factorize(labels)
    names = []
    for text in found:
        others = [str(text).capitalize()]
        with contextlib.suppress(ValueError, OverflowError):
            others.append(f"{float(text):.0f}" if float(text).is_integer() else str(float(text)))
        names.append(next((name for name in (text, *others) if name in classes), text))
    return np.array(names, dtype=object)[codes]


def _in_the_source(model: Model) -> list[str]:
    """The model's columns in the order of the source: pixels are numbered in it, and read channel by channel."""
    columns = list(model.config.columns)
    return [f"pixel{index}" for index in range(len(columns))] if model.config.kind == "pixels" else columns


def _pixels(model: Model, x: npt.NDArray[Any], image: ImageLayout | None, source: str) -> pd.DataFrame:
    """The model's columns of `[N, F]` pixels; images of rows and columns may be arranged otherwise than in training."""
    columns, shape = _in_the_source(model), model.config.input_shape
    if len(shape) == 3 and image is not None:
        if image.shape != shape:
            seen, needed = (" × ".join(map(str, each)) for each in (image.shape, shape))
            raise ModelError(
                f"{source} holds images of {seen} (channels, rows, columns); the model was trained on {needed}; give "
                "it the same size"
            )
        return pd.DataFrame(x[:, image.order], columns=list(model.config.columns))
    if model.config.kind != "pixels" or x.shape[1] != len(columns):
        needed = f"images of {len(columns)} pixels" if model.config.kind == "pixels" else "rows of a table"
        raise ModelError(
            f"{source} holds images of {x.shape[1]} pixels; the model was trained on {needed}; give it the same kind"
        )
    return pd.DataFrame(x, columns=_in_the_source(model))


def _lacks(model: Model, source: str, missing: list[str], seen: list[str]) -> ModelError:
    if model.config.kind == "pixels" and len(missing) == len(model.config.columns):
        return ModelError(
            f"{source} is a table without pixels; the model was trained on images of {len(missing)} pixels; give it "
            f"columns pixel0 … pixel{len(missing) - 1}, an NPZ file or a folder of IDX files"
        )
    hint = did_you_mean(missing[0], [name for name in seen if name not in model.config.columns])
    several = "s" if len(missing) > 1 else ""
    return ModelError(
        f"{source} lacks the column{several} {listing(missing)}, which the model was trained on{hint} "
        f"(columns there: {listing(seen)})"
    )


def _new_categories(model: Model, table: pd.DataFrame) -> tuple[str, ...]:
    """A line for every column of text with values that training never saw."""
    transformer = model.preprocessing
    if not isinstance(transformer, ColumnTransformer) or "texts" not in transformer.named_transformers_:
        return ()
    imputer, encoder = (step for _, step in transformer.named_transformers_["texts"].steps)
    names = next(columns for name, _, columns in transformer.transformers_ if name == "texts")
    lines = []
    for name, known, rare in zip(names, encoder.categories_, encoder.infrequent_categories_, strict=True):
        values = table[name].fillna(imputer.fill_value)
        new = ~values.isin(known).to_numpy()
        if new.any():
            seen = listing([repr(value) for value in dict.fromkeys(values[new])])
            counted = "as its rare ones" if rare is not None else "as none of its categories"
            lines.append(
                f"column {name!r} holds what training never saw in {rows_where(new)}: {seen}; it counts {counted}"
            )
    return tuple(lines)
