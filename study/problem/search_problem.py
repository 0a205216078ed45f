"""`Search`: a sampler proposes trials in a space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from search_spaces import Hyperparameters, SearchSpace, load_space
from search_spaces.points import random_params
from study.config import ConfigError, StudyConfig
from study.data import Dataset, Prepared, Split, prepare_folds
from study.machine import check_device
from study.problem.base import Problem
from study.problem.data_of_study import complete_config, read_data, with_learning_rate
from study.training import Sizes


@dataclass(frozen=True)
class Search(Problem):
    """A search: a sampler proposes trials in a space, and the best of them are the answer."""

    kind: ClassVar[str] = "search"
    command: ClassVar[str] = "run"
    unused_options: ClassVar[frozenset[str]] = frozenset({"variance"})
    reads_test_part: ClassVar[bool] = False
    splits_each_seed: ClassVar[bool] = False

    @classmethod
    def of(cls, config: StudyConfig) -> Self:
        """Reads the data and the space that a configuration names."""
        check_device(config.device)
        if unused := sorted(cls.unused_options & config.model_fields_set):
            raise ConfigError(f"--{unused[0].replace('_', '-')} is given, and a search has no use for it; leave it out")
        if config.groups is not None and config.time is not None:
            raise ConfigError(
                f"--groups is {config.groups} and --time is {config.time}; rows are divided by one of the two; leave "
                "the other out"
            )
        space = load_space(config.space)
        dataset = read_data(config)
        return cls(with_learning_rate(complete_config(config, dataset)), dataset, space).checked()

    @classmethod
    def stored(cls, config: StudyConfig, dataset: Dataset, space: SearchSpace, identity: Mapping[str, Any]) -> Self:
        """The problem of a search that exists."""
        return cls(config, dataset, space, stored_identity=identity)

    @cached_property
    def prepared(self) -> tuple[Prepared, ...]:
        """One split for all replicates, with its preprocessing; under cross-validation one for each fold.

        Raises:
            MachineError: They do not fit into memory together.
        """
        folds = self.config.cv
        if folds is None:
            return (self._prepare(),)
        splits = prepare_folds(self.dataset, seed=self.config.seed, folds=folds, **self._preparation)
        return self._gathered(splits, folds, what="folds", fewer="--cv")

    @property
    def samples_measures(self) -> bool:
        """It does in searches that this version began; a comparison reads them, and measures in full."""
        return self.conventions.samples_measures

    @property
    def splits(self) -> tuple[Split, ...]:
        """The split of all replicates, or of each: all folds under the first seed, then under the next."""
        return self.splits_of(range(self.replicates))

    @cached_property
    def sizes(self) -> Sizes:
        """The data dimensions that determine shapes and memory use, of the largest fold."""
        return Sizes.of(*(prepared.split for prepared in self.prepared), task=self.task)

    @property
    def sampler(self) -> str:
        """The sampler that the configuration names."""
        return self.config.sampler

    @property
    def sampler_text(self) -> str:
        """How trials are proposed, for a reader."""
        return f"{self.config.sampler}, {self.config.cohort} trials together"

    def sample(self, count: int) -> list[Hyperparameters]:
        """Hyperparameters at random points of the space."""
        generator = np.random.default_rng(self.config.seed)
        points = [random_params(self.space, generator) for _ in range(count)]
        return [self.space.hyperparameters(point, self.defaults) for point in points]

    def refusal(self, name: str) -> str:
        """What a user reads who needs a comparison."""
        return (
            f"study {name!r} is a search, and a comparison is needed: a search samples where it is good, so "
            "its trials carry no fair comparison; start one with `reluctant compare`"
        )
