"""What the evidence says: a search's front and what is recommended from it, a comparison's verdicts."""

from __future__ import annotations

from study.analysis.comparison import CellSummary, Comparison, LayerSummary, find_answers
from study.analysis.findings import Evidence, Finding
from study.analysis.front import Candidate, Front, find_front, front_with_test, hypervolume

__all__ = [
    "Candidate",
    "CellSummary",
    "Comparison",
    "Evidence",
    "Finding",
    "Front",
    "LayerSummary",
    "find_answers",
    "find_front",
    "front_with_test",
    "hypervolume",
]
