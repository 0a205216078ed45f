"""Experiments that repeat what a paper reports: one module a paper, all listed in `EXPERIMENTS`.

`answer` has the rules by which a paper's number and ours are compared, and `material` the data and the training that
all experiments share. `python -m benchmarks.reproduce` runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.papers.answer import Answer
from benchmarks.papers.dohare2024 import dohare2024
from benchmarks.papers.glorot2010 import glorot2010
from benchmarks.papers.glorot2011 import glorot2011
from benchmarks.papers.gorishniy2025 import gorishniy2025
from benchmarks.papers.he2015 import he2015
from benchmarks.papers.li2022 import li2022
from benchmarks.papers.lu2019 import lu2019
from benchmarks.papers.material import Material

EXPERIMENTS: Mapping[str, Callable[[Material], list[Answer]]] = {
    experiment.__name__: experiment
    for experiment in (lu2019, he2015, dohare2024, gorishniy2025, li2022, glorot2010, glorot2011)
}
"""The experiments by name, the cheapest first."""

__all__ = ["EXPERIMENTS", "Answer", "Material"]
