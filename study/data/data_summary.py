"""What was made of a data set, in words and as values: rows, parts, classes, and what each column became."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.dataset import Dataset
from study.data.errors import listing
from study.data.labels import MOST_CLASSES
from study.data.pixel_scaling import PixelScaler
from study.data.prepare import Prepared
from study.data.quantities import quantity_text

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

MOST_LINES = 15
_MOST_CLASSES = 8
_KINDS = {"number": "numbers", "text": "text", "date": "dates"}
_DROPPED = "dropped"


@dataclass(frozen=True, kw_only=True)
class ColumnSummary:
    """What one column became.

    Attributes:
        name: The column.
        kind: number, date or text; or dropped.
        inputs: Inputs of the network that it became.
        missing: Rows without a value.
        filled: What stands for a missing value; empty where none is missing.
        notes: What was done with it, a phrase each; of a dropped one first why.
    """

    name: str
    kind: str
    inputs: int = 0
    missing: int = 0
    filled: str = ""
    notes: tuple[str, ...] = ()

    @property
    def name_and_gaps(self) -> str:
        """The column's name, with how many values are missing where there are some."""
        return f"{self.name} ({self.missing:,} missing)" if self.missing else self.name


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """What was made of a data set.

    Attributes:
        name: The data set.
        rows: Its rows.
        drawn_from: Rows of the source, where `--rows` asked for a part of them.
        parts: Rows of each part of the split; under cross-validation of the first fold's.
        folds: Folds of the cross-validation; None without one.
        division: By what the rows were divided, where it was not by chance alone; else empty.
        target: The column to predict; None where the source has labels of its own.
        classes: Rows of each class; empty in regression.
        quantity: What the target is in regression, in words; else None.
        inputs: Inputs of the network.
        columns: The columns of a table; empty for images.
        notes: What is to be known about the file, a phrase each.
        reader: Version of the reader; None where the source needs no decisions.
    """

    name: str
    rows: int
    drawn_from: int | None
    parts: Mapping[str, int]
    folds: int | None = None
    division: str = ""
    target: str | None
    classes: Mapping[str, int]
    quantity: str | None
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
        return ", ".join(f"{name} ({self.classes[name]:,})" for name in shown) + more

    @property
    def target_text(self) -> str:
        """The target in one line."""
        of_target = f" of {self.target}" if self.target else ""
        if self.quantity is None:
            return f"classes{of_target}: {self.class_text}"
        return f"regression{of_target}: {self.quantity}"

    def told(self, names: Callable[[Sequence[str]], str] = listing) -> list[tuple[str, str]]:
        """Columns of which there is more to say than their kind and gaps, and what; those that are dropped first.

        Columns of which the same is to be said share a line.

        Args:
            names: Writes names as text.
        """
        same: dict[tuple[str, str, tuple[str, ...]], list[ColumnSummary]] = {}
        for column in self.columns:
            if column.notes:
                same.setdefault((column.kind, column.filled, column.notes), []).append(column)
        found = []
        for (kind, filled, notes), columns in sorted(same.items(), key=lambda item: item[0][0] != _DROPPED):
            inputs = sum(each.inputs for each in columns)
            said = [kind, *([_count(inputs, "input")] if inputs else [])]
            said += [f"missing: {filled}"] if filled else []
            found.append((names([each.name_and_gaps for each in columns]), "; ".join((*said, *notes))))
        return found

    def kinds(self, names: Callable[[Sequence[str]], str] = listing) -> list[str]:
        """A line for each kind of column, with those of which no more is to be said than how many values are missing.

        Args:
            names: Writes names as text.
        """
        lines: dict[tuple[str, str], list[ColumnSummary]] = {}
        for column in self.columns:
            if not column.notes:
                lines.setdefault((column.kind, column.filled), []).append(column)
        order = [*_KINDS]
        found = []
        for (kind, filled), columns in sorted(lines.items(), key=lambda item: (order.index(item[0][0]), item[0][1])):
            gaps = f" with missing values ({filled})" if filled else ""
            shown = [each.name_and_gaps for each in columns]
            inputs = _count(sum(column.inputs for column in columns), "input")
            found.append(f"{_KINDS[kind]}{gaps}, {inputs}: {names(shown)}")
        return found

    @property
    def columns_text(self) -> str:
        """All that is said of the columns."""
        told = [f"({name}: {text})" for name, text in self.told(", ".join)]
        return "; ".join([*told, *self.kinds(", ".join)])

    def lines(self, most: int = MOST_LINES) -> list[str]:
        """The summary in at most so many lines."""
        parts = ", ".join(f"{count:,} {part}" for part, count in self.parts.items())
        parts = f"{self.folds} folds, the first {parts}" if self.folds else parts
        parts = f"{parts}; {self.division}" if self.division else parts
        columns = f" from {_count(len(self.columns), 'column')}" if self.columns else ""
        rows = f"{self.rows:,} of {self.drawn_from:,} rows" if self.drawn_from else _count(self.rows, "row")
        lines = [
            f"{self.name}: {rows} ({parts}), {_count(self.inputs, 'input')}{columns}",
            self.target_text,
            *([f"file: {'; '.join(self.notes)}"] if self.notes else []),
        ]
        told, kinds = self.told(), self.kinds()
        room = most - len(lines) - len(kinds)
        shown = [f"{name}: {text}" for name, text in told]
        if len(shown) > room:
            more = listing([name for name, _ in told[room - 1 :]])
            shown = [*shown[: room - 1], f"more is to be told of {more} (all in --format json)"]
        return [*lines, *shown, *kinds]


def _as_classes(y: npt.NDArray[Any]) -> str:
    """How to have a quantity taken for classes, where its values may be names of classes."""
    may_be = (y == np.floor(y)).all() and len(np.unique(y)) <= MOST_CLASSES
    return " (--task classification takes the values for classes)" if may_be else ""


def _division(dataset: Dataset) -> str:
    """By what rows were divided, where it was not by chance alone."""
    if dataset.groups is not None:
        return f"{len(np.unique(dataset.groups)):,} groups, each in one part"
    return "" if dataset.times is None else "in the order of their times"


def summarize(dataset: Dataset, prepared: Prepared, *, folds: int | None = None) -> DataSummary:
    """Say what was made of a data set.

    Args:
        dataset: The data set.
        prepared: Its split with the preprocessing; under cross-validation the first fold's.
        folds: Folds of the cross-validation.

    Example:
        >>> from study.data import load_dataset, prepare
        >>> iris = load_dataset("iris")
        >>> summarize(iris, prepare(iris, seed=0)).lines()[0]
        'iris: 150 rows (90 training, 30 validation, 30 test), 4 inputs from 4 columns'
    """
    split = prepared.split
    counts = np.bincount(dataset.y, minlength=len(dataset.classes)) if dataset.classes else ()
    reading = dataset.reading
    return DataSummary(
        name=dataset.name,
        rows=len(dataset),
        drawn_from=dataset.drawn_from,
        parts={part: len(getattr(split, part)) for part in ("training", "validation", "test")},
        folds=folds,
        division=_division(dataset),
        target=dataset.target,
        classes={name: int(count) for name, count in zip(dataset.classes, counts, strict=True)},
        quantity=None if dataset.classes else quantity_text(dataset.y) + _as_classes(dataset.y),
        inputs=len(split.features),
        columns=tuple(_columns(dataset, prepared)),
        notes=reading.notes if reading else (),
        reader=reading.reader if reading else None,
    )


def _columns(dataset: Dataset, prepared: Prepared) -> Sequence[ColumnSummary]:
    transformer = prepared.preprocessing.transformer
    if not isinstance(dataset.x, pd.DataFrame) or isinstance(transformer, PixelScaler):
        return ()
    inputs, filled, notes = _inputs(transformer)
    decided = {column.name: column for column in dataset.reading.columns} if dataset.reading else {}
    found = []
    for name in decided or map(str, dataset.x.columns):
        reading = decided.get(name)
        if reading is not None and reading.dropped is not None:
            found.append(ColumnSummary(name=name, kind=_DROPPED, notes=(f"it {reading.dropped}", *reading.notes)))
            continue
        is_number = pd.api.types.is_numeric_dtype(dataset.x[name].dtype)
        missing = int(dataset.x[name].isna().sum())
        found.append(
            ColumnSummary(
                name=name,
                kind=reading.form.kind if reading else "number" if is_number else "text",
                inputs=inputs[name],
                missing=missing,
                filled=filled[name] if missing else "",
                notes=(*(reading.notes if reading else ()), *notes.get(name, ())),
            )
        )
    return found


def _inputs(transformer: ColumnTransformer) -> tuple[dict[str, int], dict[str, str], dict[str, tuple[str, ...]]]:
    """Inputs that each column became, what fills its gaps, and what is said of those with categories that share one."""
    inputs: dict[str, int] = {}
    filled: dict[str, str] = {}
    notes: dict[str, tuple[str, ...]] = {}
    for step, pipeline, names in transformer.transformers_:
        if step == "numbers":
            indicator = pipeline.steps[0][1].indicator_
            with_indicator = set() if indicator is None else set(indicator.features_.tolist())
            for index, name in enumerate(map(str, names)):
                inputs[name] = 1 + (index in with_indicator)
                filled[name] = "the median, and an input that says so" if index in with_indicator else "the median"
        elif step == "texts":
            imputer, encoder = pipeline.steps[0][1], pipeline.steps[-1][1]
            for name, known, rare in zip(
                map(str, names), encoder.categories_, encoder.infrequent_categories_, strict=True
            ):
                sharing = 0 if rare is None else len(rare)
                inputs[name] = len(known) - sharing + (sharing > 0)
                is_rare = imputer.fill_value not in known or (rare is not None and imputer.fill_value in rare)
                filled[name] = "a rare category" if is_rare else "a category of its own"
                if sharing > 1:
                    notes[name] = (f"{len(known):,} categories, of which the {sharing:,} rarest share one input",)
    return inputs, filled, notes


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
