"""What a study is about, before any database: a search or a comparison, with its configuration, data and space."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from search_spaces import Hyperparameters, SearchSpace, load_space
from search_spaces.design import Design
from search_spaces.points import random_params
from study.config import SPARSITY_AS_TRAINED, ConfigError, StudyConfig, digest
from study.data import READER, Dataset, Prepared, Split, TableOptions, load_dataset, prepare, sample_rows
from study.data.data_summary import DataSummary, summarize
from study.machine import MachineError, available_memory, available_threads, check_device
from study.objectives import Judge
from study.task_options import check_every_class, check_task
from study.tasks import CLASSIFICATION, TASKS, Task
from study.training import Budget, Sizes, Streams, engine_of
from study.training.conventions import Conventions

_DESIGN = "design"
"""Key of an identity under which a comparison has the levels of its design; a search does not have it."""


def read_data(config: StudyConfig, *, reader: int = READER) -> Dataset:
    """The data that a configuration names, or the part of them that it asks for.

    Args:
        config: The configuration.
        reader: Version of the reader of tables.
    """
    options = TableOptions(
        reader=reader,
        drop=config.drop,
        keep=config.keep,
        read_target=config.read_target,
        weights=config.weights,
        test=config.test,
    )
    return sample_rows(load_dataset(config.data, target=config.target, options=options), config.rows, seed=config.seed)


def _with_its_target(config: StudyConfig, dataset: Dataset) -> StudyConfig:
    """A configuration that names the target, which it may have given by number, and the task that read it.

    Raises:
        ConfigError: An option belongs to another task.
    """
    task = TASKS[dataset.targets.task]
    # Of classification nothing is said, so that a study is the same whether it was asked for or recognized.
    update: dict[str, Any] = {"task": None if task is CLASSIFICATION else task.name}
    if config.target is not None:
        update["target"] = dataset.target
    if config.judged_by not in task.metrics and "metric" not in config.model_fields_set:
        update["metric"] = task.metrics[0].name
    if config.test is not None:
        update["test"] = os.path.abspath(Path(config.test).expanduser())
    completed = config.model_copy(update=update)
    check_task(completed, dataset, asked=config.task)
    return completed


@dataclass(frozen=True)
class Problem(ABC):
    """What a study is about; `Search` and `Comparison` are the two kinds.

    Attributes:
        config: The configuration.
        dataset: The data as they were read.
        space: The space in which the trials lie.
        stored_identity: The identity that the study was created with; None where it does not exist yet.
        conventions: How the study measures where versions of reluctant differ.
        kind: The kind of study, in one word.
        command: The command that starts such a study.
        derived_fields: Fields of the configuration that follow from the kind, and are no options of this command.
        unused_options: Options of one run that have no meaning for this kind, and are refused.
        reads_test_part: Whether training scores the test part too.
        splits_each_seed: Whether every replicate has a split of its own.
    """

    config: StudyConfig
    dataset: Dataset
    space: SearchSpace
    stored_identity: Mapping[str, Any] | None = field(default=None, kw_only=True)
    conventions: Conventions = field(default=Conventions(), kw_only=True)

    kind: ClassVar[str]
    command: ClassVar[str]
    derived_fields: ClassVar[frozenset[str]] = frozenset()
    unused_options: ClassVar[frozenset[str]] = frozenset()
    reads_test_part: ClassVar[bool]
    splits_each_seed: ClassVar[bool]

    @classmethod
    @abstractmethod
    def of(cls, config: StudyConfig) -> Self:
        """Reads the data and the space that a configuration names."""

    @classmethod
    @abstractmethod
    def stored(cls, config: StudyConfig, dataset: Dataset, space: SearchSpace, identity: Mapping[str, Any]) -> Self:
        """The problem of a study that exists, from its stored identity."""

    @property
    @abstractmethod
    def prepared(self) -> tuple[Prepared, ...]:
        """The splits with their preprocessing: one for all replicates, or one for each seed."""

    def begun_as(self, identity: Mapping[str, Any]) -> Self | None:
        """The same problem as an earlier version began it, where that differs from a new one; else None.

        Args:
            identity: Of a study that exists.
        """
        return None

    def read_by(self, reader: int) -> Self:
        """The same problem with its data read by another version of the reader."""
        return replace(self, dataset=read_data(self.config, reader=reader))

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What makes the study this study. It stays what it was when the study was created, whatever comes later."""
        return dict(self.stored_identity) if self.stored_identity is not None else self._new_identity()

    @property
    @abstractmethod
    def sampler(self) -> str:
        """The sampler's name, a key of `SAMPLERS`."""

    @property
    @abstractmethod
    def sampler_text(self) -> str:
        """How trials are proposed, for a reader."""

    @property
    def cells(self) -> Sequence[Mapping[str, Any]]:
        """The parameters of each trial number, where they are fixed from the beginning; else empty."""
        return ()

    @property
    def progress_reference(self) -> list[float]:
        """Reference point of the objectives that progress shows."""
        return self.judge.reference_point

    @abstractmethod
    def sample(self, count: int) -> list[Hyperparameters]:
        """Hyperparameters of so many trials, as the study will have them."""

    @abstractmethod
    def refusal(self, name: str) -> str:
        """What a user reads who needs the other kind; `name` is the study's."""

    def check_total(self, name: str) -> None:  # noqa: B027 - most studies can have any
        """Refuses a number of trials that the study cannot have; `name` is the study's.

        Raises:
            ConfigError: The text says what was asked for, and what the study has.
        """

    @property
    def splits(self) -> tuple[Split, ...]:
        """Training, validation and test part: one for all replicates, or one for each of them."""
        return tuple(prepared.split for prepared in self.prepared)

    @property
    def split(self) -> Split:
        """The first of `splits`; the others have its sizes."""
        return self.prepared[0].split

    @property
    def data_summary(self) -> DataSummary:
        """What was made of the data."""
        return summarize(self.dataset, self.prepared[0])

    @property
    def name(self) -> str:
        """The study's name: the one that was given, or one made from data, space and identity."""
        return self.config.name or f"{self.dataset.name}-{self.space.name}-{digest(self.identity)}"

    @property
    def defaults(self) -> Hyperparameters:
        """What a trial has where the space says nothing."""
        return self.config.defaults

    @property
    def budget(self) -> Budget:
        """The training that every trial gets."""
        config = self.config
        return Budget(
            epochs=config.epochs, seeds=self.replicates, batch_size=config.batch_size, optimizer=config.optimizer
        )

    @property
    def task(self) -> Task:
        """What is learned."""
        return self.config.what_is_learned

    @property
    def replicates(self) -> int:
        """The replicates of every trial."""
        return self.config.seeds

    @property
    def streams(self) -> Streams:
        """The study's random numbers."""
        return Streams(self.config.seed)

    @property
    def threads(self) -> int:
        """Blocks that train at the same time."""
        return self.config.threads or available_threads()

    @property
    def hardware(self) -> dict[str, Any]:
        """What `fit` may use of this machine now: its options `threads`, `memory` and `device`."""
        return {"threads": self.threads, "memory": available_memory() // 2, "device": self.config.device}

    def check_memory(self) -> None:
        """Refuses networks of which not even the smallest block fits a thread.

        Raises:
            MachineError: What they need, and what there is.
        """
        hidden = self.space.largest_hidden(self.defaults)
        threads, free = self.threads, available_memory()
        largest = replace(self.defaults, hidden=hidden)
        needed = threads * engine_of(task=self.task).peak_bytes(
            1, largest, self.budget, Sizes.of(self.split, task=self.task)
        )
        if needed > free:
            raise MachineError(
                f"networks with hidden layers of {','.join(map(str, hidden))} units need about "
                f"{needed / 2**30:.1f} GiB on {threads} threads, and {free / 2**30:.1f} GiB are free; "
                "choose smaller layers, smaller batches or fewer --threads"
            )

    @property
    def judge(self) -> Judge:
        """Turns outcomes into values."""
        if self.config.judged_by.every_class:
            check_every_class(self.config, self.splits)
        return Judge.of(self.config, self.split, weigh_samples=self.conventions.weighs_samples)

    def _prepare(self, replicate: int | None = None) -> Prepared:
        """A split with its preprocessing: that of one replicate, or the one that all share."""
        draw = self.conventions.draws_test_part
        return prepare(self.dataset, seed=self.config.seed, replicate=replicate, draw_test_part=draw)

    def _new_identity(self) -> dict[str, Any]:
        return self.config.identity(fingerprint=self.dataset.fingerprint, space_text=self.space.text)


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
            raise ConfigError(f"{unused[0]} is given, and a search has no use for it; leave it out")
        space = load_space(config.space)
        dataset = read_data(config)
        return cls(_with_its_target(config, dataset), dataset, space)

    @classmethod
    def stored(cls, config: StudyConfig, dataset: Dataset, space: SearchSpace, identity: Mapping[str, Any]) -> Self:
        """The problem of a search that exists."""
        return cls(config, dataset, space, stored_identity=identity)

    @cached_property
    def prepared(self) -> tuple[Prepared, ...]:
        """One split for all replicates, with its preprocessing."""
        return (self._prepare(),)

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


@dataclass(frozen=True)
class Comparison(Problem):
    """A comparison: every cell of paired designs is one trial, and every replicate has a split of its own.

    Attributes:
        design: The designs.
    """

    design: Design

    kind: ClassVar[str] = "comparison"
    command: ClassVar[str] = "compare"
    derived_fields: ClassVar[frozenset[str]] = frozenset({"space", "trials", "sparsity"})
    unused_options: ClassVar[frozenset[str]] = frozenset({"tolerance", "confirm"})
    reads_test_part: ClassVar[bool] = True
    splits_each_seed: ClassVar[bool] = True

    @classmethod
    def of(cls, config: StudyConfig) -> Self:
        """Reads the data that a configuration names; the trials are the cells of its designs."""
        check_device(config.device)
        design = Design(learning_rate=config.learning_rate, width=config.hidden[0])
        # Claims speak of networks as they were trained.
        own = {"trials": len(design.cells), "space": design.space.name, "sparsity": SPARSITY_AS_TRAINED}
        config = config.model_copy(update=own)
        dataset = read_data(config)
        return cls(_with_its_target(config, dataset), dataset, design.space, design)

    @classmethod
    def stored(cls, config: StudyConfig, dataset: Dataset, space: SearchSpace, identity: Mapping[str, Any]) -> Self:
        """The problem of a comparison that exists."""
        return cls(config, dataset, space, stored_design(identity), stored_identity=identity)

    def begun_as(self, identity: Mapping[str, Any]) -> Self | None:
        """The same comparison with the designs of version 0.1, if `identity` is of one that was begun with them."""
        if kind_of(identity) is not Comparison:
            return None
        design = stored_design(identity)
        if design.streams > 1 or (design.learning_rate, design.width) != (self.design.learning_rate, self.design.width):
            return None
        config = self.config.model_copy(update={"trials": len(design.cells)})
        return replace(self, config=config, space=design.space, design=design)

    @property
    def replicates(self) -> int:
        """A replicate for each random stream of the design and each split."""
        return self.config.seeds * self.design.streams

    @property
    def splits(self) -> tuple[Split, ...]:
        """The split of each replicate: replicates are all splits under the first stream, then under the next."""
        return super().splits * self.design.streams

    @cached_property
    def prepared(self) -> tuple[Prepared, ...]:
        """A split for each seed, with its preprocessing.

        Raises:
            MachineError: They do not fit into memory together.
        """
        seeds = self.config.seeds
        first = self._prepare(0)
        parts = (first.split.training, first.split.validation, first.split.test)
        needed, free = seeds * sum(4 * part.x.numel() for part in parts), available_memory()
        if needed > free:
            raise MachineError(
                f"{seeds} splits of {self.dataset.name}, one for each seed of a comparison, need about "
                f"{needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free; "
                "take fewer --seeds, or a part of the data with --rows"
            )
        return (first, *(self._prepare(number) for number in range(1, seeds)))

    def _new_identity(self) -> dict[str, Any]:
        return super()._new_identity() | {_DESIGN: self.design.levels}

    @property
    def sampler(self) -> str:
        """The fixed list of cells."""
        return "cells"

    @property
    def sampler_text(self) -> str:
        """How trials are proposed, for a reader."""
        streams = f" and {self.design.streams} random streams" if self.design.streams > 1 else ""
        return f"none: a comparison of {len(self.design.cells)} cells, every seed with a split of its own{streams}"

    @cached_property
    def cells(self) -> Sequence[Mapping[str, Any]]:
        """The parameters of each cell."""
        return [self.design.params(number) for number in range(len(self.design.cells))]

    @property
    def progress_reference(self) -> list[float]:
        """Reference point of the metric alone: a comparison looks for no front."""
        return self.judge.reference_point[:1]

    def sample(self, count: int) -> list[Hyperparameters]:
        """So many cells, evenly spaced."""
        cells = self.design.cells
        return [cells[index * len(cells) // count] for index in range(count)]

    def refusal(self, name: str) -> str:
        """What a user reads who needs a search."""
        return (
            f"study {name!r} is a comparison, and a search is needed; its verdicts: "
            f"`reluctant compare --name {name}`; a search is started with `reluctant run`"
        )

    def check_total(self, name: str) -> None:
        """Refuses any number of trials but that of the cells.

        Raises:
            ConfigError: The number is another.
        """
        if self.config.trials != len(self.design.cells):
            raise ConfigError(
                f"--trials is {self.config.trials}; study {name!r} is a comparison of {len(self.design.cells)} cells, "
                "no more and no less; leave --trials out"
            )


def kind_of(identity: Mapping[str, Any]) -> type[Search] | type[Comparison]:
    """The kind of a study, read from its stored identity."""
    return Comparison if _DESIGN in identity else Search


def stored_design(identity: Mapping[str, Any]) -> Design:
    """The designs of a comparison, from its stored identity."""
    return Design.restored(identity[_DESIGN])
