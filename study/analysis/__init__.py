"""What the evidence says: the front, and what is recommended from it."""

from __future__ import annotations

from study.analysis.front import Candidate, Front, find_front, front_with_test, hypervolume

__all__ = ["Candidate", "Front", "find_front", "front_with_test", "hypervolume"]
