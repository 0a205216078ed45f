"""What a comparison answers: contrasts of its cells, and a verdict for each claim."""

from __future__ import annotations
