"""The samplers by name. Adding one is one entry; importing this module loads none of them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reluctant.errors import ReluctantError, unknown

if TYPE_CHECKING:
    from study.sampling.base import CohortSampler, SampledStudy


class SamplerError(ReluctantError, ValueError):
    """A sampler that does not exist."""


@dataclass(frozen=True)
class SamplerEntry:
    """One sampler.

    Attributes:
        module: The module that holds its class.
        name: The class, a `CohortSampler`.
        selectable: Whether `--sampler` may name it.
    """

    module: str
    name: str
    selectable: bool = True

    def load(self) -> type[CohortSampler]:
        """The class; importing it may load Optuna and SciPy."""
        sampler: type[CohortSampler] = getattr(importlib.import_module(self.module), self.name)
        return sampler


SAMPLERS = {
    "tpe": SamplerEntry("study.sampling.tpe", "Tpe"),
    "qmc": SamplerEntry("study.sampling.quasi_random", "QuasiRandom"),
    "random": SamplerEntry("study.sampling.uniform", "Uniform"),
    "nsga2": SamplerEntry("study.sampling.optuna_adapter", "NsgaII"),
    "nsga3": SamplerEntry("study.sampling.optuna_adapter", "NsgaIII"),
    "gp": SamplerEntry("study.sampling.optuna_adapter", "Gp"),
    "cmaes": SamplerEntry("study.sampling.optuna_adapter", "CmaEs"),
    "cells": SamplerEntry("study.sampling.cells", "Cells", selectable=False),
}

SAMPLER_NAMES = tuple(name for name, entry in SAMPLERS.items() if entry.selectable)
"""The samplers that a search can be started with."""


def sampler_class(name: str) -> type[CohortSampler]:
    """The class of a sampler.

    Args:
        name: A key of `SAMPLERS`, or `package.module:Class` of a user's own.

    Raises:
        SamplerError: There is no sampler of that name.
    """
    if ":" in name:
        from study.sampling.optuna_adapter import adapter_of

        return adapter_of(name)
    if name not in SAMPLERS:
        raise SamplerError(unknown("sampler", name, SAMPLER_NAMES))
    return SAMPLERS[name].load()


def make_sampler(name: str, study: SampledStudy) -> CohortSampler:
    """Creates a sampler.

    Args:
        name: As for `sampler_class`.
        study: The study that it samples.

    Raises:
        SamplerError: There is no sampler of that name, it does not fit the study, or an option makes no sense.
    """
    chosen = sampler_class(name)
    if study.options and not chosen.has_options:
        raise SamplerError(f"--sampler-option is given, and the sampler {name} has no options; leave it out")
    if chosen.most_objectives is not None and study.objectives > chosen.most_objectives:
        raise SamplerError(
            f"--sampler {name} takes one objective, and the study has {study.objectives}; add --objective weighted or "
            "--objective accuracy, or choose another sampler"
        )
    return chosen(study)
