"""What is written for machines."""

from __future__ import annotations

import io
import json
import math
from datetime import datetime

import numpy as np

from study.cli.machine_text import json_text, write_csv

MOMENT = datetime(2026, 1, 1, 1, 1, 1)


def test_csv_has_what_a_machine_reads() -> None:
    text = io.StringIO()
    write_csv([{"n": 1, "at": MOMENT, "x": 0.1}, {"at": None, "x": math.nan, "name": "a,b", "n": [1, math.inf]}], text)
    lines = ["n,at,x,name", "1,2026-01-01T01:01:01.000000,0.1,", '"[1, null]",,,"a,b"']
    assert text.getvalue().splitlines() == lines


def test_json_is_that_of_the_standard() -> None:
    """No `Infinity` and no `NaN`, wherever they stand; the same times as in CSV."""
    value = {"a": [math.inf, -math.inf, {"b": math.nan, 3: 0.1}], "at": MOMENT, "n": np.float64(0.2), "k": np.int64(3)}

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    read = json.loads(json_text(value), parse_constant=refuse)
    assert read["a"] == [None, None, {"b": None, "3": 0.1}]
    assert (read["at"], read["n"], read["k"]) == ("2026-01-01T01:01:01.000000", 0.2, 3)
