"""What the evidence says: a search's front and what is recommended from it, a comparison's verdicts."""

from __future__ import annotations

from study.analysis.advice import Advice, advise
from study.analysis.comparison import CellSummary, Comparison, LayerSummary, find_answers
from study.analysis.findings import Evidence, Finding
from study.analysis.fresh import FreshFront, FreshTrial, fresh_front, train_fresh
from study.analysis.tested import front_with_test

__all__ = [
    "Advice",
    "CellSummary",
    "Comparison",
    "Evidence",
    "Finding",
    "FreshFront",
    "FreshTrial",
    "LayerSummary",
    "advise",
    "find_answers",
    "fresh_front",
    "front_with_test",
    "train_fresh",
]
