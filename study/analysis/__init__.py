"""What the evidence says: the front, and what is recommended from it."""

from __future__ import annotations

from study.analysis.front import Candidate, Front, find_front, hypervolume, tested_front

__all__ = ["Candidate", "Front", "find_front", "hypervolume", "tested_front"]
