"""What was made of a data set, in words and as values: rows, parts, classes, and what each column became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

from study.data.dataset import Dataset
from study.data.errors import listing
from study.data.prepare import Prepared

MOST_LINES = 15
_MOST_CLASSES = 8
_KINDS = {"number": "numbers", "text": "text", "date": "dates"}


@dataclass(frozen=True, kw_only=True)
class ColumnSummary:
    """What one column became.

    Attributes:
        name: The column.
        kind: number, date or text; or dropped.
        inputs: Inputs of the network that it became.
        missing: Rows without a value.
        notes: What was done with it, a phrase each.
    """

    name: str
    kind: str
    inputs: int = 0
    missing: int = 0
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The column in one line."""
        inputs = () if not self.inputs else (f"{self.inputs:,} input{'s' if self.inputs > 1 else ''}",)
        filled = "the median, and an input that says so" if self.kind != "text" else "a category of its own"
        missing = () if not self.missing else (f"{self.missing:,} missing: {filled}",)
        return f"{self.name}: {'; '.join((self.kind, *inputs, *missing, *self.notes))}"


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """What was made of a data set.

    Attributes:
        name: The data set.
        rows: Its rows.
        parts: Rows of each part of the split.
        target: The column to predict; None where the source has labels of its own.
        classes: Rows of each class.
        inputs: Inputs of the network.
        columns: The columns of a table; empty for images.
        notes: What is to be known about the file, a phrase each.
        reader: Version of the reader; None where the source needs no decisions.
    """

    name: str
    rows: int
    parts: Mapping[str, int]
    target: str | None
    classes: Mapping[str, int]
    inputs: int
    columns: tuple[ColumnSummary, ...]
    notes: tuple[str, ...]
    reader: int | None

    @property
    def values(self) -> dict[str, Any]:
        """Everything as values of JSON."""
        return asdict(self)

    @property
    def class_text(self) -> str:
        """The classes with their counts; of many the most frequent ones."""
        order = sorted(self.classes, key=lambda name: -self.classes[name])
        shown = order if len(order) <= _MOST_CLASSES else order[:_MOST_CLASSES]
        more = f", and {len(order) - len(shown)} more" if len(order) > len(shown) else ""
        return ", ".join(f"{name} {self.classes[name]:,}" for name in shown) + more

    @property
    def told(self) -> list[ColumnSummary]:
        """The columns of which there is more to say than their kind; those that are dropped first."""
        found = [column for column in self.columns if column.notes or column.missing]
        return sorted(found, key=lambda column: column.kind != "dropped")

    @property
    def kinds(self) -> list[str]:
        """A line for each kind of column, with the names of those of which no more is to be said."""
        plain = [column for column in self.columns if not column.notes and not column.missing]
        lines = []
        for kind, words in _KINDS.items():
            names = [column.name for column in plain if column.kind == kind]
            if names:
                inputs = sum(column.inputs for column in plain if column.kind == kind)
                lines.append(f"{words}, {inputs:,} input{'s' if inputs > 1 else ''}: {listing(names)}")
        return lines

    def lines(self, most: int = MOST_LINES) -> list[str]:
        """The summary in at most so many lines."""
        parts = ", ".join(f"{count:,} {part}" for part, count in self.parts.items())
        columns = f" from {len(self.columns)} columns" if self.columns else ""
        lines = [
            f"{self.name}: {self.rows:,} rows ({parts}), {self.inputs:,} inputs{columns}",
            f"classes{f' of {self.target}' if self.target else ''}: {self.class_text}",
            *([f"file: {'; '.join(self.notes)}"] if self.notes else []),
        ]
        told, kinds = [column.text for column in self.told], self.kinds
        room = most - len(lines) - len(kinds)
        if len(told) > room:
            names = [column.name for column in self.told[room - 1 :]]
            told = [
                *told[: room - 1],
                f"{len(names)} columns more to be told of: {listing(names)} (all in --format json)",
            ]
        return [*lines, *told, *kinds]


def summarize(dataset: Dataset, prepared: Prepared) -> DataSummary:
    """Say what was made of a data set.

    Args:
        dataset: The data set.
        prepared: Its split with the preprocessing.

    Example:
        >>> from study.data import load_dataset, prepare
        >>> iris = load_dataset("iris")
        >>> summarize(iris, prepare(iris, seed=0)).lines()[0]
        'iris: 150 rows (90 training, 30 validation, 30 test), 4 inputs from 4 columns'
    """
    split = prepared.split
    counts = np.bincount(dataset.y, minlength=len(dataset.classes))
    reading = dataset.reading
    return DataSummary(
        name=dataset.name,
        rows=len(dataset),
        parts={part: len(getattr(split, part)) for part in ("training", "validation", "test")},
        target=dataset.target,
        classes={name: int(count) for name, count in zip(dataset.classes, counts, strict=True)},
        inputs=len(split.features),
        columns=tuple(_columns(dataset, prepared)),
        notes=reading.notes if reading else (),
        reader=reading.reader if reading else None,
    )


def _columns(dataset: Dataset, prepared: Prepared) -> Sequence[ColumnSummary]:
    transformer = prepared.preprocessing.transformer
    if not isinstance(dataset.x, pd.DataFrame) or not isinstance(transformer, ColumnTransformer):
        return ()
    inputs, notes = _inputs(transformer)
    decided = {column.name: column for column in dataset.reading.columns} if dataset.reading else {}
    found = []
    for name in decided or map(str, dataset.x.columns):
        reading = decided.get(name)
        if reading is not None and reading.dropped is not None:
            found.append(ColumnSummary(name=name, kind="dropped", notes=(f"it {reading.dropped}",)))
            continue
        is_number = pd.api.types.is_numeric_dtype(dataset.x[name].dtype)
        found.append(
            ColumnSummary(
                name=name,
                kind=reading.form.kind if reading else "number" if is_number else "text",
                inputs=inputs[name],
                missing=int(dataset.x[name].isna().sum()),
                notes=(*(reading.notes if reading else ()), *notes.get(name, ())),
            )
        )
    return found


def _inputs(transformer: ColumnTransformer) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    """Inputs that each column became, and what is to be said of those with categories that share one."""
    inputs: dict[str, int] = {}
    notes: dict[str, tuple[str, ...]] = {}
    for step, pipeline, names in transformer.transformers_:
        if step == "numbers":
            indicator = pipeline.steps[0][1].indicator_
            with_indicator = set() if indicator is None else set(indicator.features_.tolist())
            inputs |= {str(name): 1 + (index in with_indicator) for index, name in enumerate(names)}
        elif step == "texts":
            encoder = pipeline.steps[-1][1]
            for name, known, rare in zip(names, encoder.categories_, encoder.infrequent_categories_, strict=True):
                sharing = 0 if rare is None else len(rare)
                inputs[str(name)] = len(known) - sharing + (sharing > 0)
                if sharing > 1:
                    notes[str(name)] = (f"{len(known):,} categories, of which the {sharing:,} rarest share one input",)
    return inputs, notes
