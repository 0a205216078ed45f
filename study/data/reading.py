"""How a table was read: the reader's version, and what was decided about each of its columns.

Version 1 of the reader let pandas guess the types of a file. Version 2 reads every cell as text and decides once, in
`columns`. A study that exists is read by the version that it was created with, so that its data stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from study.data.column_forms import ColumnForm
from study.data.labels import encode_labels
from study.data.targets import TargetReader

FIRST_READER = 1
"""The version of the reader of studies that store none."""
READER = 2
"""The version of the reader of new studies."""


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What is asked of the reader of a source; only tables have columns to drop and to keep.

    Attributes:
        reader: Version of the reader.
        drop: Columns that are left out.
        keep: Columns that are kept, also where they look useless.
        read_target: How the task reads the column to predict.
        weights: Column of sample weights, which is no feature; None: all samples count the same.
        groups: Column of the groups that no split divides, which is no feature; None: there are none.
        time: Column by which the parts of a split follow each other, which is no feature; None: they are drawn.
        test: File of the official test part; None: the source has its own, or none.
        image_size: Rows and columns that the images of a folder are resized to; None: their own.
    """

    reader: int = READER
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    read_target: TargetReader = encode_labels
    weights: str | None = None
    groups: str | None = None
    time: str | None = None
    test: str | None = None
    image_size: tuple[int, int] | None = None

    @property
    def row_columns(self) -> dict[str, str]:
        """The columns that say something of the rows and are no features, by the option that names them."""
        named = {"--weights": self.weights, "--groups": self.groups, "--time": self.time}
        return {option: column for option, column in named.items() if column is not None}


@dataclass(frozen=True, kw_only=True)
class ColumnReading:
    """What was decided about one column.

    Attributes:
        name: The column.
        form: How its values are read.
        notes: What a user should know, a phrase each.
        dropped: Why the column is no feature; None where it is one.
    """

    name: str
    form: ColumnForm
    notes: tuple[str, ...] = ()
    dropped: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a table was read.

    Attributes:
        reader: Version of the reader.
        columns: The columns in the order of the file, without the target; empty under version 1.
        separator: What separates the values of a text file, as pandas takes it.
        encoding: The encoding of a text file.
        notes: What a user should know about the file, a phrase each.
    """

    reader: int = READER
    columns: tuple[ColumnReading, ...] = ()
    separator: str = ","
    encoding: str = "utf-8"
    notes: tuple[str, ...] = ()

    @property
    def decimal_commas(self) -> bool:
        """Whether `1,234` is rather 1.234: the file's separator is the one of countries with decimal commas."""
        return self.separator == ";"

    @property
    def forms(self) -> dict[str, ColumnForm]:
        """The forms of the columns that are features."""
        return {column.name: column.form for column in self.columns if column.dropped is None}
