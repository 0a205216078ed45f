"""What is printed, as a machine reads it."""

from __future__ import annotations

import io
import math
from datetime import datetime

from study.cli.console import write_csv


def test_csv_has_what_a_machine_reads() -> None:
    text = io.StringIO()
    moment = datetime(2026, 1, 1, 1, 1, 1)
    write_csv([{"n": 1, "at": moment, "x": 0.1}, {"at": None, "x": math.nan, "name": "a,b"}], text)
    assert text.getvalue() == 'n,at,x,name\n1,2026-01-01 01:01:01.000000,0.1,\n,,,"a,b"\n'
