"""What a study is about, before any database: a search or a comparison, with its configuration, data and space.

`base` has what both have in common, `search_problem` and `comparison_problem` are the two kinds, and `data_of_study`
reads the data that a configuration names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from study.problem.base import Problem
from study.problem.comparison_problem import DESIGN, Comparison, stored_design
from study.problem.data_of_study import read_data
from study.problem.search_problem import Search

__all__ = ["Comparison", "Problem", "Search", "kind_of", "read_data", "stored_design"]


def kind_of(identity: Mapping[str, Any]) -> type[Search] | type[Comparison]:
    """The kind of a study, read from its stored identity."""
    return Comparison if DESIGN in identity else Search
