"""What a study is about, before any database: configuration, data, space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from search_spaces import Hyperparameters, SearchSpace, load_space
from search_spaces.design import Design
from study.config import StudyConfig, digest
from study.data import Dataset, Prepared, Split, load_dataset, prepare, sample_rows
from study.machine import MachineError, available_memory, available_threads, check_device
from study.objectives import Judge
from study.training import Budget, Sizes, Streams, engine_of


def read_data(config: StudyConfig) -> Dataset:
    """The data that a configuration names, or the part of them that it asks for."""
    return sample_rows(load_dataset(config.data, target=config.target), config.rows, seed=config.seed)


@dataclass(frozen=True)
class Problem:
    """What a study is about, before any database: configuration, data, space.

    Attributes:
        config: The configuration.
        dataset: As it was read.
        space: What is searched.
        design: The cells of a comparison; None for a search.
    """

    config: StudyConfig
    dataset: Dataset
    space: SearchSpace
    design: Design | None = None

    @classmethod
    def of(cls, config: StudyConfig) -> Problem:
        """Reads the data and the space that a configuration names."""
        check_device(config.device)
        space = load_space(config.space)
        return cls(config, read_data(config), space)

    @classmethod
    def comparison(cls, config: StudyConfig) -> Problem:
        """Reads the data of a comparison, whose trials are the cells of its designs."""
        check_device(config.device)
        design = Design(learning_rate=config.learning_rate, width=config.hidden[0])
        config = config.model_copy(update={"trials": len(design.cells), "space": design.space.name})
        return cls(config, read_data(config), design.space, design)

    @cached_property
    def prepared(self) -> tuple[Prepared, ...]:
        """The splits with their preprocessing: one for all replicates of a search, one for each of a comparison."""
        seed, seeds = self.config.seed, self.config.seeds
        if self.design is None:
            return (prepare(self.dataset, seed=seed),)
        first = prepare(self.dataset, seed=seed, replicate=0)
        parts = (first.split.training, first.split.validation, first.split.test)
        needed, free = seeds * sum(4 * part.x.numel() for part in parts), available_memory()
        if needed > free:
            raise MachineError(
                f"{seeds} splits of {self.dataset.name}, one for each seed of a comparison, need about "
                f"{needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free; "
                "take fewer --seeds, or a part of the data with --rows"
            )
        return (first, *(prepare(self.dataset, seed=seed, replicate=number) for number in range(1, seeds)))

    @property
    def splits(self) -> tuple[Split, ...]:
        """Training, validation and test part: one for all replicates of a search, one for each of a comparison."""
        return tuple(prepared.split for prepared in self.prepared)

    @property
    def split(self) -> Split:
        """The first of `splits`; the others have its sizes."""
        return self.prepared[0].split

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What makes the study this study."""
        identity = self.config.identity(fingerprint=self.dataset.fingerprint, space_text=self.space.text)
        return identity if self.design is None else identity | {"design": self.design.levels}

    @property
    def name(self) -> str:
        """The study's name, given or made from data, space and identity."""
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
            epochs=config.epochs, seeds=config.seeds, batch_size=config.batch_size, optimizer=config.optimizer
        )

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
        needed = threads * engine_of().peak_bytes(1, largest, self.budget, Sizes.of(self.split))
        if needed > free:
            raise MachineError(
                f"networks with hidden layers of {','.join(map(str, hidden))} units need about "
                f"{needed / 2**30:.1f} GiB on {threads} threads, and {free / 2**30:.1f} GiB are free; "
                "choose smaller layers, smaller batches or fewer --threads"
            )

    @property
    def judge(self) -> Judge:
        """Turns outcomes into values."""
        return Judge.of(self.config, self.split)
