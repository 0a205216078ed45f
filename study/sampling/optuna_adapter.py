"""Optuna's own samplers, asked cohort by cohort: their study is built again for each cohort from what is visible."""

from __future__ import annotations

import importlib
import inspect
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIIISampler, NSGAIISampler
from optuna.trial import FrozenTrial

from reluctant.errors import ReluctantWarning, unknown
from study.sampling.base import CohortSampler, SampledStudy
from study.sampling.registry import SamplerError
from study.sampling.shadow_study import ShadowStudy
from study.training import Purpose


class OptunaAdapter(CohortSampler):
    """Proposes what one of Optuna's samplers proposes.

    Every trial number has a sampler of its own, seeded from the number's stream. It sees a study in memory with all
    trials of lower numbers: the visible ones as they ended, the others as running. What a sampler writes to its
    trials, such as a generation, comes from asking it for the earlier numbers again, where it needs that.

    Attributes:
        asks_again: Whether the sampler reads what it wrote to earlier trials.
        startup: The sampler's option, and its default, that says how many outcomes it waits for.
    """

    has_options = True
    asks_again: ClassVar[bool] = False
    startup: ClassVar[tuple[str, int]] = ("n_startup_trials", 10)

    def __init__(self, study: SampledStudy) -> None:
        super().__init__(study)
        self._trials: dict[int, tuple[FrozenTrial, Mapping[str, Any]]] = {}
        self._asked: ShadowStudy | None = None
        self._sampler(0)  # refuses options that it does not have
        if "seed" not in inspect.signature(self.sampler_class()).parameters:
            warnings.warn(
                f"{self.sampler_class().__name__} takes no seed: where it draws random numbers, a study that is "
                "interrupted, or trained by several workers, does not end as an undisturbed one would",
                ReluctantWarning,
                stacklevel=2,
            )

    @abstractmethod
    def sampler_class(self) -> type[BaseSampler]:
        """The class of Optuna's sampler."""

    @property
    def fixed_options(self) -> Mapping[str, Any]:
        """Arguments that a user does not choose."""
        return {}

    @classmethod
    def uninformed_trials(cls, cohort: int, options: Mapping[str, Any]) -> int | None:
        """The first cohort that sees enough outcomes lies two cohorts behind them."""
        name, default = cls.startup
        return (-(-int(options.get(name, default)) // cohort) + 1) * cohort

    def record(self, trial: FrozenTrial, params: Mapping[str, Any]) -> None:
        """Records a trial; see `CohortSampler.record`."""
        self._trials[trial.number] = trial, dict(params)

    def cohort(self, numbers: range, *, start: int, visible: int) -> list[dict[str, Any]]:
        """Proposes trials; see `CohortSampler.cohort`."""
        if not numbers:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            shadow = self._shadow_before(numbers[0])
            shadow.reveal(visible)
            proposed = [shadow.ask(self._sampler(number)) for number in numbers]
            self._asked = shadow if self.asks_again else None
            return proposed

    def _shadow_before(self, first: int) -> ShadowStudy:
        """The study before a trial.

        What a sampler was asked for the last cohort need not be asked again, where that went into the study as it was
        proposed: asking for n trials again and again costs the square of n.
        """
        shadow, self._asked = self._asked, None
        if shadow is None or not shadow.holds(first):
            shadow = ShadowStudy(self.study, self._trials)
        cohort = self.study.cohort
        for number in range(shadow.count, first):
            if self.asks_again:
                shadow.reveal(max(0, number // cohort * cohort - cohort))
                shadow.ask_again(number, self._sampler(number))
            else:
                shadow.add(number)
        return shadow

    def _sampler(self, number: int) -> BaseSampler:
        """The sampler of a trial number."""
        chosen, options = self.sampler_class(), {**self.fixed_options, **self.study.options}
        known = inspect.signature(chosen).parameters
        if "seed" in self.study.options:
            raise SamplerError("--sampler-option gives a seed, and the study's --seed decides; leave it out")
        for name in options:
            if name not in known:
                raise SamplerError(unknown("option", name, known, where=f"--sampler-option for {chosen.__name__}"))
        if "seed" in known:
            options["seed"] = int(self.study.streams.generator(Purpose.PROPOSAL, number).integers(2**31))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                return chosen(**options)
        except (TypeError, ValueError, ImportError) as error:
            raise SamplerError(f"{chosen.__name__} cannot be made with {options}: {error}") from None


class NsgaII(OptunaAdapter):
    """NSGA-II (Deb 2002), a genetic algorithm for several objectives."""

    asks_again = True
    startup = ("population_size", 50)

    def sampler_class(self) -> type[BaseSampler]:
        """Optuna's class."""
        return NSGAIISampler


class NsgaIII(NsgaII):
    """NSGA-III (Deb and Jain 2014), a genetic algorithm for many objectives."""

    def sampler_class(self) -> type[BaseSampler]:
        """Optuna's class."""
        return NSGAIIISampler


class Gp(OptunaAdapter):
    """Bayesian optimization with a Gaussian process; about half a second a trial, so for studies of few trials."""

    def sampler_class(self) -> type[BaseSampler]:
        """Optuna's class."""
        return GPSampler

    @property
    def fixed_options(self) -> Mapping[str, Any]:
        """Conditional parameters are drawn at random, which the documentation says once."""
        return {"warn_independent_sampling": False}


class CmaEs(OptunaAdapter):
    """CMA-ES (Hansen and Ostermeier 2001), for one objective and parameters that are numbers."""

    asks_again = True
    startup = ("n_startup_trials", 1)
    most_objectives = 1

    @classmethod
    def uninformed_trials(cls, cohort: int, options: Mapping[str, Any]) -> int | None:
        """It depends on the number of parameters."""
        return None

    def sampler_class(self) -> type[BaseSampler]:
        """Optuna's class."""
        return CmaEsSampler

    @property
    def fixed_options(self) -> Mapping[str, Any]:
        """Choices are drawn at random, which the documentation says once."""
        return {"warn_independent_sampling": False}


def adapter_of(path: str) -> type[CohortSampler]:
    """The sampler of a user: a `CohortSampler`, or one of Optuna's kind, which is adapted.

    Args:
        path: `package.module:Class`.

    Raises:
        SamplerError: There is no such module or class, or it is no sampler.
    """
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SamplerError(
            f"--sampler is {path!r}: {error}; needed is package.module:Class that can be imported"
        ) from None
    if not isinstance(found, type) or not issubclass(found, BaseSampler | CohortSampler):
        raise SamplerError(f"--sampler is {path!r}, which is no class of optuna.samplers.BaseSampler's kind")
    if issubclass(found, CohortSampler):
        return found
    chosen: type[BaseSampler] = found

    class Adapted(OptunaAdapter):
        asks_again = True

        @classmethod
        def uninformed_trials(cls, cohort: int, options: Mapping[str, Any]) -> int | None:
            return None

        def sampler_class(self) -> type[BaseSampler]:
            return chosen

    return Adapted
