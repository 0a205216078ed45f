"""What a study tries next: proposals that depend on the study's seed, trial numbers and earlier outcomes alone.

`proposer` holds what all samplers have in common: trial 0, enqueued trials, and which outcomes a cohort may use. A
sampler (`base`) chooses hyperparameters; `registry` has one entry for each: `tpe` with its `candidates`,
`quasi_random`, `uniform`, and `cells`, the fixed list of a comparison.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from study.sampling.base import CohortSampler, SampledStudy
    from study.sampling.proposer import Proposer
    from study.sampling.registry import SAMPLER_NAMES, SAMPLERS, SamplerEntry, SamplerError, make_sampler

__all__ = [
    "SAMPLERS",
    "SAMPLER_NAMES",
    "CohortSampler",
    "Proposer",
    "SampledStudy",
    "SamplerEntry",
    "SamplerError",
    "make_sampler",
]

_HOMES = {"CohortSampler": "base", "SampledStudy": "base", "Proposer": "proposer"}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: the names of the samplers are needed without Optuna."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'registry')}"), name)
