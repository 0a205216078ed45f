"""How a model's new rows are read: what was decided about its training data, as fields of its `config.json`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from study.data import FIRST_READER, READER, DataError, Dataset, Reading
from study.data.column_forms import NUMBER
from study.data.columns import MISSING
from study.data.first_reader import forms_in_a_text_file
from study.data.load import read_table


def how_to_read(dataset: Dataset) -> dict[str, Any]:
    """The fields of `ModelConfig` that say how a table is read.

    Data that the first version of the reader read are described as the present one reads them: each column is of the
    kind that it was in training, whatever a new file holds.

    Args:
        dataset: The data that a network was trained on.

    Returns:
        The fields; none for images, and where the present version cannot read the file, as where two columns have one
        name: such rows are read by the first version.
    """
    if not isinstance(dataset.x, pd.DataFrame):
        return {}
    spellings: dict[str, dict[str, str]] = {}
    reading = dataset.reading
    if reading is not None and reading.reader == FIRST_READER:
        try:
            stored, found = read_table(dataset.origin, reader=FIRST_READER), read_table(dataset.origin, reader=READER)
        except DataError:
            return {}
        forms, spellings = forms_in_a_text_file(dataset.x, None if stored is None else stored[0])
        reading = found[1] if found else Reading()
    elif reading is not None:
        forms = {name: form for name, form in reading.forms.items() if form.kind != "text"}
    else:
        forms, reading = {str(name): NUMBER for name in dataset.x.columns}, Reading()
    return {
        "format": 2,
        "separator": reading.separator,
        # The one that takes a byte order mark away, where a program wrote one.
        "encoding": "utf-8-sig" if reading.encoding == "utf-8" else reading.encoding,
        "missing": MISSING,
        "forms": forms,
        "spellings": spellings,
    }
