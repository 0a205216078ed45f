"""What a model says of where it comes from, where a test makes it up."""

from __future__ import annotations

from typing import Any

ORIGIN: dict[str, Any] = {
    "data": "t",
    "trial": 0,
    "study": "s",
    "replicate": 0,
    "replicates": 1,
    "hyperparameters": {},
    "scores": {},
}
