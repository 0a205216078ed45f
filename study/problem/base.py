"""What searches and comparisons have in common: configuration, data and space, and what follows from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

from search_spaces import Hyperparameters, SearchSpace
from search_spaces.architectures import Architecture
from study.config import USUAL_LEARNING_RATE, StudyConfig, digest
from study.data import READER, Dataset, Prepared, Split, prepare
from study.data.data_summary import DataSummary, summarize
from study.machine import MachineError, available_memory, available_threads
from study.objectives import Judge
from study.problem.data_of_study import read_data
from study.problem.network_of_study import check_sizes, checked_network, network_identity
from study.problem.network_options import network_of
from study.problem.rung_options import halving_of
from study.problem.task_options import check_every_class
from study.tasks import CLASSIFICATION, TASKS, Task
from study.training import Budget, Engine, Sizes, Streams, engine_of
from study.training.conventions import Conventions
from study.training.outcome import SORTED_MEASURES
from study.training.rungs import Halving


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
        task = TASKS[self.dataset.targets.task]
        return replace(self, dataset=read_data(self.config, reader=reader, task=task))

    def of_classes(self) -> Self | None:
        """The same problem with the target's values taken for classes, as version 0.1 took whole numbers always.

        None where that is so already, or a task or a metric was asked for.
        """
        config = self.config
        if config.what_is_learned.name == CLASSIFICATION.name or {"task", "metric"} & config.model_fields_set:
            return None
        update: dict[str, Any] = {"task": None, "metric": CLASSIFICATION.metrics[0].name}
        if "learning_rate" not in config.model_fields_set:
            update["learning_rate"] = USUAL_LEARNING_RATE
        reader = READER if self.dataset.reading is None else self.dataset.reading.reader
        dataset = read_data(config, reader=reader, task=CLASSIFICATION)
        return replace(self, config=config.model_copy(update=update), dataset=dataset)

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
        """The first of `splits`; the others have its sizes, but where folds follow each other in time, and grow."""
        return self.prepared[0].split

    def prepared_for(self, replicate: int) -> Prepared:
        """The split of a replicate with its preprocessing; replicates beyond the study's own take turns as these do."""
        return self.prepared[replicate % len(self.prepared)]

    def splits_of(self, replicates: range) -> tuple[Split, ...]:
        """One split for all of some replicates, or one for each of them."""
        if len(self.prepared) == 1:
            return (self.split,)
        return tuple(self.prepared_for(replicate).split for replicate in replicates)

    @property
    def data_summary(self) -> DataSummary:
        """What was made of the data."""
        return summarize(self.dataset, self.prepared[0], folds=self.config.cv)

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
        """The training that a trial gets that is not stopped early."""
        config = self.config
        return Budget(
            epochs=config.epochs,
            seeds=self.replicates,
            batch_size=config.batch_size,
            optimizer=config.optimizer,
            patience=config.patience,
            sampled=self.samples_measures,
            counted_at_rungs=self.counts_at_rungs,
        )

    @property
    def samples_measures(self) -> bool:
        """Whether the score on the training part and the norms of gradients are measured on a sample of fixed size."""
        return False

    @property
    def counts_at_rungs(self) -> bool:
        """Whether at a rung only those measures of layers are taken that are counted: one of them is judged by."""
        config = self.config
        return (
            config.pruner == "halving" and self.conventions.counts_at_rungs and config.sparsity not in SORTED_MEASURES
        )

    @property
    def task(self) -> Task:
        """What is learned."""
        return self.config.what_is_learned

    @cached_property
    def architecture(self) -> Architecture:
        """How the networks are built from hyperparameters and shapes.

        Raises:
            ArchitectureError: There is none of that name.
            ConfigError: It reads images, and the data are none.
        """
        return network_of(self.config, self.dataset, self.space)

    def layer_names(self, hyperparameters: Hyperparameters) -> tuple[str, ...]:
        """The path of the module that ends each layer of a network; empty where layers have no names."""
        return self.engine.layer_names(hyperparameters, self.sizes)

    @property
    def network_lines(self) -> tuple[str, ...]:
        """What a user should know of a network of their own, a line each; empty where it is one of ours.

        Raises:
            NetworkError: It cannot be used.
        """
        known = checked_network(self.architecture, self.sizes)
        return () if known is None else known.lines

    def checked(self) -> Self:
        """The problem itself, once a network of a user has been tried on its data.

        Raises:
            NetworkError: The network cannot be used.
            ConfigError: An option has no meaning for it.
        """
        check_sizes(self.architecture, self.space)
        if self.architecture.user is not None:
            checked_network(self.architecture, self.sizes)
        return self

    @cached_property
    def halving(self) -> Halving | None:
        """At which epochs trials are compared, and some of them stopped; None where all are trained to the end."""
        return halving_of(self.config)

    @cached_property
    def engine(self) -> Engine:
        """What trains the networks."""
        return engine_of(self.architecture, self.task)

    @cached_property
    def sizes(self) -> Sizes:
        """The data dimensions that determine shapes and memory use."""
        return Sizes.of(self.split, task=self.task)

    @property
    def replicates(self) -> int:
        """The replicates of every trial."""
        return self.config.replicates

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
        threads, free = self.threads, available_memory()
        largest = self.space.largest(self.defaults)
        needed = threads * self.engine.peak_bytes(1, largest, self.budget, self.sizes)
        if needed > free:
            blocks = f"blocks of {','.join(map(str, largest.channels))} channels and " if largest.channels else ""
            layers = f"with {blocks}hidden layers of {','.join(map(str, largest.hidden))} units"
            raise MachineError(
                f"networks {layers if self.architecture.user is None else f'of {self.architecture.name}'} need about "
                f"{needed / 2**30:.1f} GiB on {threads} threads, and {free / 2**30:.1f} GiB are free; "
                "choose smaller layers, smaller batches or fewer --threads"
            )

    @cached_property
    def judge(self) -> Judge:
        """Turns outcomes into values."""
        if self.config.judged_by.every_class:
            check_every_class(self.config, self.splits)
        splits = (self.split,) if self.splits_each_seed else self.splits[: self.config.cv or 1]
        return Judge.of(self.config, *splits, weigh_samples=self.conventions.weighs_samples)

    def _prepare(self, replicate: int | None = None) -> Prepared:
        """A split with its preprocessing: that of one replicate, or the one that all share."""
        return prepare(self.dataset, seed=self.config.seed, replicate=replicate, **self._preparation)

    def _gathered(self, splits: Iterator[Prepared], count: int, *, what: str, fewer: str) -> tuple[Prepared, ...]:
        """All splits, where they fit into memory together, which is judged by the first of them.

        Args:
            splits: Prepares one after the other.
            count: How many there are.
            what: What they are.
            fewer: The option that asks for fewer of them.

        Raises:
            MachineError: What they need, and what there is.
        """
        first = next(splits)
        parts = (first.split.training, first.split.validation, first.split.test)
        needed, free = count * sum(4 * part.x.numel() for part in parts), available_memory()
        if needed > free:
            raise MachineError(
                f"{count} {what} of {self.dataset.name} need about {needed / 2**30:.1f} GiB, and "
                f"{free / 2**30:.1f} GiB are free; take fewer {fewer}, or a part of the data with --rows"
            )
        return (first, *splits)

    @property
    def _preparation(self) -> dict[str, bool]:
        """How every split of the study is made."""
        return {
            "draw_test_part": self.conventions.draws_test_part,
            "as_images": self.architecture.inputs != "features",
        }

    def _new_identity(self) -> dict[str, Any]:
        identity = self.config.identity(fingerprint=self.dataset.fingerprint, space_text=self.space.text)
        if self.architecture.user is not None:
            identity |= network_identity(self.architecture, self.sizes)
        if self.architecture.inputs == "features" or self.dataset.image is None:
            return identity
        # The fingerprint is that of the pixels in a row.
        return identity | {"image": list(astuple(self.dataset.image))}
