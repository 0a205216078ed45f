"""What a search answers: its front, what is recommended from it, and how that fares on fresh seeds."""

from __future__ import annotations
