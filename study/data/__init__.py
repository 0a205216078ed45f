"""Data: where it comes from, how it is split, and what the network sees of it."""

from __future__ import annotations

from study.data.built_in import BUILT_IN
from study.data.dataset import Dataset
from study.data.errors import DataError, DataNotFoundError
from study.data.load import load_dataset
from study.data.partition import Partition, partition
from study.data.prepare import Prepared, make_split, prepare
from study.data.preprocessing import Preprocessing, fit_preprocessing
from study.data.sample import sample_rows
from study.data.split import Part, Split

__all__ = [
    "BUILT_IN",
    "DataError",
    "DataNotFoundError",
    "Dataset",
    "Part",
    "Partition",
    "Prepared",
    "Preprocessing",
    "Split",
    "fit_preprocessing",
    "load_dataset",
    "make_split",
    "partition",
    "prepare",
    "sample_rows",
]
