"""Data sets: read from many sources, split into three parts, and preprocessed to tensors.

`load` finds the right reader for a source (`built_in`, `delimited`, `excel`, `arff_file`, `csv_parquet`, `npz`, `idx`,
`openml`) and returns a `Dataset`; `table` and `labels` clean columns and targets on the way. What is decided about a
column (`columns`, `column_forms`) is a `Reading`, which has the version of the reader, and goes with the model.
`prepare` then divides the rows (`partition`), fits the preprocessing on the training part (`preprocessing`; for tables
`column_preprocessing` and `scaling`, which load scikit-learn, for images `pixel_scaling`), and returns the tensors of a
`Split`; `data_summary` says in words what was done.
"""

from __future__ import annotations

from study.data.built_in import BUILT_IN
from study.data.dataset import Dataset
from study.data.errors import DataError, DataNotFoundError
from study.data.load import load_dataset
from study.data.partition import Partition, partition
from study.data.prepare import Prepared, make_split, prepare, prepare_folds
from study.data.preprocessing import Preprocessing, fit_preprocessing
from study.data.reading import FIRST_READER, READER, Reading, TableOptions
from study.data.sample import sample_rows
from study.data.split import Part, Split

__all__ = [
    "BUILT_IN",
    "FIRST_READER",
    "READER",
    "DataError",
    "DataNotFoundError",
    "Dataset",
    "Part",
    "Partition",
    "Prepared",
    "Preprocessing",
    "Reading",
    "Split",
    "TableOptions",
    "fit_preprocessing",
    "load_dataset",
    "make_split",
    "partition",
    "prepare",
    "prepare_folds",
    "sample_rows",
]
