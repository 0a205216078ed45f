"""What a sampler is: it records trials, and proposes the hyperparameters of a cohort."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from search_spaces import SearchSpace
from search_spaces.points import UnitPoint
from study.training import Purpose, Streams


@dataclass(frozen=True)
class SampledStudy:
    """What a sampler knows of the study that it samples.

    Attributes:
        space: The space that is searched.
        objectives: Number of objectives; all are maximized.
        cohort: Trials of a full cohort.
        seed: The study's seed.
        cells: The parameters of each trial number, where the study is a comparison; empty for a search.
        options: Options of the sampler that the user gave, by name.
    """

    space: SearchSpace
    objectives: int = 1
    cohort: int = 32
    seed: int = 0
    cells: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def streams(self) -> Streams:
        """The study's random numbers."""
        return Streams(self.seed)

    def random_point(self, number: int) -> RandomPoint:
        """A uniformly drawn point, from the random stream of a trial number."""
        return RandomPoint(self, number)


class RandomPoint:
    """A uniformly drawn point, which is drawn when the first of its values is asked for."""

    def __init__(self, study: SampledStudy, number: int) -> None:
        self._study, self._number = study, number

    @cached_property
    def _drawn(self) -> UnitPoint:
        space = self._study.space
        generator = self._study.streams.generator(Purpose.PROPOSAL, self._number)
        return UnitPoint(space, generator.random(len(space.parameters)))

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """The value of a parameter at the point."""
        return self._drawn.suggest(name, distribution)


class CohortSampler(ABC):
    """Proposes the trials of a study, cohort by cohort.

    Two workers that recorded the same trials must propose the same, whenever they started and however the cohort
    was cut. A proposal is therefore a function of the study's seed, the parameters of all trials with lower numbers,
    and the outcomes of the visible ones. `tests/study/sampling/test_sampler_conformance.py` holds every registered
    sampler to it.

    Args:
        study: The study that is sampled.

    Attributes:
        study: The same.
        is_fixed_list: Whether every trial is fixed from the beginning, trial 0 included, so that no outcome is
            waited for.
        has_options: Whether `--sampler-option` has a meaning for it.
        most_objectives: Most objectives that it can take; None where it can take any number.
    """

    is_fixed_list: ClassVar[bool] = False
    has_options: ClassVar[bool] = False
    most_objectives: ClassVar[int | None] = None

    def __init__(self, study: SampledStudy) -> None:
        self.study = study

    @classmethod
    def uninformed_trials(cls, cohort: int, options: Mapping[str, Any]) -> int | None:
        """How many of a study's first trials are proposed before an outcome is used; None: all, or it is not known.

        Args:
            cohort: Trials that are proposed together.
            options: The sampler's options.
        """
        return None

    # Most samplers learn nothing from outcomes.
    def record(self, trial: FrozenTrial, params: Mapping[str, Any]) -> None:  # noqa: B027
        """Records a new or updated trial.

        Args:
            trial: The trial as the database has it now.
            params: Its parameters; for an enqueued trial that is still waiting, those that it will have.
        """

    @abstractmethod
    def cohort(self, numbers: range, *, start: int, visible: int) -> list[dict[str, Any]]:
        """Proposes trials of one cohort.

        Args:
            numbers: The trial numbers to propose, all in one cohort. The cohort's numbers below them have trials
                already, which were recorded; but trial 0, the baseline, is proposed without the sampler.
            start: The cohort's first number.
            visible: The outcomes of trials below this number may be used. Those of later ones must not be, even where
                they were recorded; their parameters may.

        Returns:
            The active parameters of each trial, in the order of `numbers`.
        """


def constraints_of(trial: FrozenTrial) -> dict[str, float]:
    """The constraints of a trial, each once: earlier versions wrote them as a list, and by name too."""
    named = {key: value for key, value in trial.constraints.items() if not key.isdecimal()}
    return named or dict(trial.constraints)
