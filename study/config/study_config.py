"""`StudyConfig`: every option with its default, its domain and its scope, and the identity that they make."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from search_spaces.claim_cells import USUAL_CLAIMS
from search_spaces.network_names import HEADS, NORMALIZATIONS, is_of_user
from study.config.declared_options import DeclaredOptions
from study.config.option import Option, Scope, one_of
from study.config.option_values import (
    as_claims,
    as_class_weights,
    as_image_size,
    as_names,
    as_sequence,
    check_name,
    check_pairs,
    check_sampler,
    none_or_value,
    values_by_name,
)
from study.machine import available_threads
from study.sampling.registry import SAMPLER_NAMES
from study.tasks import (
    CLASSIFICATION,
    LOSSES,
    METRICS,
    REGRESSION,
    TASKS,
    Classification,
    Metric,
    Regression,
    Task,
    clamped,
    read_recognized,
    task_of,
)
from study.wording import epochs_text, seeds_text

if TYPE_CHECKING:
    from search_spaces import Hyperparameters
    from study.data.targets import TargetReader

    Head = str
    MetricName = str
    Normalization = str
    TaskName = str
    Loss = str
else:
    Head = Literal[HEADS]
    Normalization = Literal[NORMALIZATIONS]
    MetricName = Literal[tuple(METRICS)]
    TaskName = Literal[tuple(TASKS)]
    Loss = Literal[LOSSES]

Objective = Literal["front", "weighted", "accuracy"]
Variance = Literal["measured", "nadeau-bengio"]
Sparsity = Literal["clamped_zeros", "near_zero", "zeros", "hoyer", "gini", "removable"]
SPARSITY_AS_TRAINED: Sparsity = "near_zero"
"""The sparsity where none is named and the network as it was trained is meant; of all studies of version 0.1."""
OptimizerName = Literal["adam", "sgd"]
Pruner = Literal["none", "halving"]
Width = Annotated[int, Field(ge=1, le=8192)]
Pixels = Annotated[int, Field(ge=1, le=4096)]
ImageSize = tuple[Pixels, Pixels]

USUAL_LEARNING_RATE = 0.001
"""The learning rate where none is asked for, and the task has none of its own."""

_IDENTITY = Option(scope=Scope.IDENTITY)
_OF_RUNGS = Option(scope=Scope.IDENTITY, absent_means=None)
"""Completed where trials are stopped early (`study.problem.rung_options`), and absent where they are not."""
_PLACE = Option(scope=Scope.PLACE)
_RUN = Option(scope=Scope.RUN, stored=False)
_EACH_WORKER = Option(scope=Scope.RUN, stored=False, for_workers=True)


class StudyConfig(DeclaredOptions):
    """Everything that `reluctant run` can be told, with its defaults.

    Example:
        >>> StudyConfig(trials=50, hidden="128,64").hidden
        (128, 64)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: Annotated[str, _PLACE] = Field("digits", description="built-in name, file, folder, or openml:ID")
    target: Annotated[str | None, _IDENTITY] = Field(None, description="column to predict, where DATA is a table")
    test: Annotated[str | None, _PLACE] = Field(
        None, description="file of the official test part, with the columns of DATA, which is a table"
    )
    weights: Annotated[str | None, Option(scope=Scope.IDENTITY, absent_means=None)] = Field(
        None, description="column of sample weights in loss and metrics, where DATA is a table"
    )
    groups: Annotated[str | None, Option(scope=Scope.IDENTITY, absent_means=None)] = Field(
        None, description="column whose equal values stay in one part, such as a patient's number; no feature"
    )
    time: Annotated[str | None, Option(scope=Scope.IDENTITY, absent_means=None)] = Field(
        None, description="column by which parts follow each other, the test part last, such as a date; no feature"
    )
    cv: Annotated[int | None, Option(scope=Scope.IDENTITY, absent_means=None)] = Field(
        None,
        ge=2,
        le=1000,
        description="folds of a cross-validation in place of one validation part; the score is the mean over folds and "
        "seeds",
    )
    rows: Annotated[int | None, _PLACE] = Field(
        None, ge=1, description="use at most so many rows, drawn at random; default: all"
    )
    drop: Annotated[tuple[str, ...], _PLACE] = Field((), description="columns of a table to leave out: a,b")
    keep: Annotated[tuple[str, ...], _PLACE] = Field(
        (), description="columns of a table to keep, also where they look like identifiers: a,b"
    )
    image_size: Annotated[ImageSize | None, _PLACE] = Field(
        None, description="rows and columns that a folder of images is resized to: 32, or 24x32; default: their own"
    )
    space: Annotated[str, _PLACE] = Field("core", description="search space: a preset, or a TOML file")
    trials: Annotated[int, Option(scope=Scope.RUN)] = Field(
        200, ge=1, le=1_000_000, description="trials of the study in all"
    )
    seeds: Annotated[int, _IDENTITY] = Field(3, ge=1, le=1000, description="replicates a trial")
    epochs: Annotated[int, _IDENTITY] = Field(30, ge=1, le=1_000_000, description="passes over the training part")
    patience: Annotated[int | None, Option(scope=Scope.IDENTITY, absent_means=None)] = Field(
        None,
        description="keep the weights of the epoch with the best validation score, and end so many epochs after it; "
        "none: train for all epochs and keep the last weights  [default: none]",
    )
    network: Annotated[str, Option(scope=Scope.IDENTITY, absent_means="mlp")] = Field(
        "mlp",
        description="architecture of the networks: mlp; cnn, for images; or your own, FILE.py:NAME or "
        "package.module:NAME",
    )
    hidden: Annotated[tuple[Width, ...], _IDENTITY] = Field(
        (64, 64),
        min_length=1,
        max_length=100,
        description="units of each hidden layer; of a cnn, those behind its blocks, 64 by default",
    )
    channels: Annotated[tuple[Width, ...], Option(scope=Scope.IDENTITY, absent_means=[])] = Field(
        (), max_length=100, description="channels of each block of a cnn; default: 16,32"
    )
    head: Annotated[Head, Option(scope=Scope.IDENTITY, absent_means=HEADS[0])] = Field(
        HEADS[0], description="what follows the blocks of a cnn: flatten, or average over positions"
    )
    normalization: Annotated[Normalization, Option(scope=Scope.IDENTITY, absent_means=NORMALIZATIONS[0])] = Field(
        NORMALIZATIONS[0], description="none, batch, or layer, before each activation; default of a cnn: batch"
    )
    residual: Annotated[bool, Option(scope=Scope.IDENTITY, absent_means=False)] = Field(
        False,
        strict=True,
        description="add the input of a hidden layer of an mlp to its output, where both have the same width",
    )
    batch_size: Annotated[int, _IDENTITY] = Field(64, ge=1, le=1_000_000, description="samples of a step")
    learning_rate: Annotated[float, _IDENTITY] = Field(
        USUAL_LEARNING_RATE,
        gt=0,
        le=10,
        description="step size, where the space does not search it; 0.003 for perceptrons of a regression under adam",
    )
    optimizer: Annotated[OptimizerName, _IDENTITY] = Field("adam", description="adam, or sgd with momentum 0.9")
    objective: Annotated[Objective, _IDENTITY] = Field("front", description="front, weighted, or accuracy")
    sparsity_weight: Annotated[float, _IDENTITY] = Field(
        0.1, ge=0, le=100, description="worth of sparsity in accuracy, for --objective weighted"
    )
    task: Annotated[TaskName | None, Option(scope=Scope.IDENTITY, absent_means=CLASSIFICATION.name)] = Field(
        None, description="classification, or regression; default: what the target's values are"
    )
    metric: Annotated[MetricName, _IDENTITY] = Field(
        "accuracy", description=f"{one_of(METRICS)}; default for regression: {REGRESSION.metrics[0].name}"
    )
    loss: Annotated[Loss, Option(scope=Scope.IDENTITY, absent_means=LOSSES[0])] = Field(
        LOSSES[0], description=f"{one_of(LOSSES)}, for regression"
    )
    class_weight: Annotated[str | tuple[float, ...] | None, Option(scope=Scope.IDENTITY, absent_means=None)] = Field(
        None, description="weight of each class in the loss: balanced, or a number for each, as in 1,5"
    )
    label_smoothing: Annotated[float, Option(scope=Scope.IDENTITY, absent_means=0.0)] = Field(
        0.0, ge=0, lt=1, description="share of every target that is spread evenly over the classes in training"
    )
    sparsity: Annotated[Sparsity, _IDENTITY] = Field(
        "clamped_zeros",
        description="clamped_zeros, with the score of the network whose small activations are set to 0; or of the "
        "network as it was trained, also with --objective accuracy: near_zero, zeros, hoyer, gini, removable",
    )
    min_accuracy: Annotated[float | None, _IDENTITY] = Field(
        None, ge=0, lt=1, description="floor of feasibility; default: what the best constant guess reaches"
    )
    tolerance: Annotated[float, Option(scope=Scope.RUN)] = Field(
        0.5,
        ge=0,
        le=100,
        description="largest difference of the metric that does not matter to you, in points, for the recommendation; "
        "of an error, in per cent",
    )
    confirm: Annotated[bool | None, Option(scope=Scope.RUN)] = Field(
        None,
        strict=True,
        description="train the front on fresh seeds at the end  [default: where it takes at most a tenth of the "
        "search's epochs]",
    )
    claims: Annotated[tuple[int, ...], Option(scope=Scope.IDENTITY, absent_means=[*USUAL_CLAIMS])] = Field(
        USUAL_CLAIMS, description="claims to test, by their numbers: 1-3,7; or all"
    )
    variance: Annotated[Variance, Option(scope=Scope.RUN)] = Field(
        "measured",
        description="correlation of the replicates of a comparison: measured, or nadeau-bengio, which is conservative",
    )
    sampler: Annotated[str, _IDENTITY] = Field("tpe", description=f"{one_of(SAMPLER_NAMES)}; or package.module:Class")
    sampler_option: Annotated[tuple[str, ...], Option(scope=Scope.IDENTITY, absent_means=[])] = Field(
        (), description="options of Optuna's samplers: population_size=50,mutation_prob=0.1"
    )
    cohort: Annotated[int, _IDENTITY] = Field(
        32, ge=1, le=4096, description="trials proposed together; where trials are stopped early 64"
    )
    pruner: Annotated[Pruner | None, Option(scope=Scope.IDENTITY, absent_means="none")] = Field(
        None,
        description="none, or halving: at some epochs the best of a bracket go on, and the others are stopped  "
        "[default: halving, where one of the next four is given, or --sampler is tpe, --epochs 5 or more, --cohort 27 "
        "or more and --trials three cohorts or more, of 64 by default; else none]",
    )
    min_epochs: Annotated[int | None, _OF_RUNGS] = Field(
        None,
        ge=1,
        description="epochs before a trial may be stopped  [default: a fifth of them]",
    )
    reduction_factor: Annotated[int | None, _OF_RUNGS] = Field(
        None, ge=2, le=1000, description="of so many trials the best one goes on  [default: 3]"
    )
    bracket: Annotated[int | None, _OF_RUNGS] = Field(
        None,
        ge=2,
        description="trials that are compared with one another, a part of the cohort  [default: 27 or more]",
    )
    min_seeds: Annotated[int | None, _OF_RUNGS] = Field(
        None, ge=1, description="replicates of a trial before the last comparison  [default: 1]"
    )
    seed: Annotated[int, _IDENTITY] = Field(0, ge=0, lt=2**63, description="the study's seed")
    storage: Annotated[str, Option(scope=Scope.PLACE, stored=False)] = Field(
        "reluctant.db",
        description="SQLite file, or SQLAlchemy URL",
        repr=False,  # it may hold a password
    )
    name: Annotated[str | None, _PLACE] = Field(
        None, description="study's name; default: data-space-6 digits of the identity"
    )
    device: Annotated[str, Option(scope=Scope.RUN, for_workers=True)] = Field("cpu", description="torch device")
    threads: Annotated[int | None, _EACH_WORKER] = Field(
        None, ge=1, description="default: every core that this process may use"
    )
    timeout: Annotated[float | None, _RUN] = Field(None, gt=0, description="seconds after which the run ends")
    workers: Annotated[int, _RUN] = Field(1, ge=1, le=1024, description="processes that share the work")
    ray: Annotated[str | None, _RUN] = Field(
        None, description="run the workers on this Ray cluster: its address, or auto"
    )
    cpus_per_worker: Annotated[float, _RUN] = Field(1, gt=0, le=1024, description="cores of a worker on Ray")
    gpus_per_worker: Annotated[float, _RUN] = Field(
        0, ge=0, le=64, description="GPUs of a worker on Ray, also parts of one"
    )
    checkpoints: Annotated[str | None, _EACH_WORKER] = Field(
        None, description="folder of checkpoints, shared by all workers; default: beside an SQLite file"
    )
    checkpoint_every: Annotated[float, _EACH_WORKER] = Field(
        60, gt=0, description="seconds of training between checkpoints of a cohort"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_one_network(cls, values: Any) -> Any:
        """Accuracy alone is that of the network as it was trained, and so is the sparsity that is shown beside it."""
        alone = isinstance(values, Mapping) and values.get("objective") == "accuracy"
        return {"sparsity": SPARSITY_AS_TRAINED, **values} if alone else values

    @field_validator("*", mode="before")
    @classmethod
    def _no_flags(cls, value: Any, info: ValidationInfo) -> Any:
        """TOML's true would else count as 1."""
        if cls.is_flag(str(info.field_name)):
            return value
        if isinstance(value, bool) or (isinstance(value, list) and any(isinstance(item, bool) for item in value)):
            raise ValueError("it needs a value, not true or false")
        return value

    _widths = field_validator("hidden", "channels", mode="before")(as_sequence)
    _names = field_validator("drop", "keep", "sampler_option", mode="before")(as_names)
    _size = field_validator("image_size", mode="before")(as_image_size)
    _pairs = field_validator("sampler_option")(check_pairs)
    _sampler = field_validator("sampler")(check_sampler)
    _claims = field_validator("claims", mode="before")(as_claims)
    _patience = field_validator("patience", mode="before")(none_or_value)
    _class_weights = field_validator("class_weight", mode="before")(as_class_weights)
    _printable = field_validator("name")(check_name)

    @model_validator(mode="after")
    def _within_this_machine(self) -> StudyConfig:
        if self.threads is not None and self.threads > available_threads():
            raise ValueError(f"--threads is {self.threads}; this process may use {available_threads()} cores")
        return self

    @model_validator(mode="after")
    def _patience_within_epochs(self) -> StudyConfig:
        if self.patience is not None and not 1 <= self.patience <= self.epochs:
            raise ValueError(
                f"--patience is {self.patience} and --epochs is {self.epochs}; it needs to be from 1 to {self.epochs}, "
                "or none"
            )
        return self

    @property
    def defaults(self) -> Hyperparameters:
        """What a trial has where the space says nothing."""
        from search_spaces import Hyperparameters  # loads torch

        names = ("learning_rate", "hidden", "channels", "head", "normalization", "residual")
        values = {name: getattr(self, name) for name in names}
        return Hyperparameters(**values | ({"hidden": ()} if is_of_user(self.network) else {}))

    def identity(self, *, fingerprint: str, space_text: str) -> dict[str, Any]:
        """What makes a study this study: its data, its space, and the options that declare it.

        Args:
            fingerprint: Of the data set.
            space_text: The search space's TOML.

        Returns:
            A JSON-able dictionary.
        """
        fields = self.model_dump(mode="json")
        fields["task"] = self.what_is_learned.name
        if self.objective != "weighted":
            fields["sparsity_weight"] = None
        own = {name: fields[name] for name in self.options() if self.option(name).in_identity(fields[name])}
        return {"data": fingerprint, "space": space_text, **own}

    @property
    def replicates(self) -> int:
        """The networks of each trial: one for each seed, under cross-validation for each seed and fold.

        Example:
            >>> StudyConfig(seeds=2, cv=5).replicates
            10
        """
        return self.seeds * (self.cv or 1)

    @property
    def replicates_text(self) -> str:
        """`replicates` in words.

        Example:
            >>> StudyConfig(seeds=1).replicates_text, StudyConfig(seeds=2, cv=5).replicates_text
            ('one seed', '2 seeds x 5 folds')
        """
        return seeds_text(self.seeds, self.cv)

    @property
    def epochs_text(self) -> str:
        """For how many epochs a network is trained, in words.

        Example:
            >>> StudyConfig().epochs_text, StudyConfig(patience=5).epochs_text
            ('30 epochs', 'at most 30 epochs with a patience of 5')
        """
        return epochs_text(self.epochs, self.patience)

    @property
    def clamps(self) -> bool:
        """Whether trials are judged by the network whose small activations are set to 0 (docs/measures.md)."""
        return self.sparsity == clamped("zeros")

    @property
    def score(self) -> str:
        """Name of the score that trials are judged by: the metric, of the network whose sparsity is measured.

        Example:
            >>> StudyConfig().score, StudyConfig(sparsity="near_zero").score
            ('clamped_accuracy', 'accuracy')
        """
        return METRICS[self.metric].clamped_name if self.clamps else self.metric

    @property
    def sampler_options(self) -> dict[str, Any]:
        """`sampler_option` by name; values are numbers, true, false and none where they look so, else text."""
        return values_by_name(self.sampler_option)

    @property
    def what_is_learned(self) -> Task:
        """The task with its options; studies of versions that knew one task do not name it."""
        task = task_of(self.metric) if self.task is None else TASKS[self.task]
        if isinstance(task, Regression):
            return Regression(metric=self.metric, loss_function=self.loss)
        weight: Any = self.class_weight
        return Classification(metric=self.metric, class_weight=weight, label_smoothing=self.label_smoothing)

    @property
    def judged_by(self) -> Metric:
        """The metric that trials are judged by."""
        return METRICS[self.metric]

    @property
    def read_target(self) -> TargetReader:
        """How the column to predict is read: as the task says, or the metric that was asked for, or the values."""
        if self.task is None and "metric" not in self.model_fields_set:
            return read_recognized
        return self.what_is_learned.read_target

    def tolerated_difference(self, best: float) -> float:
        """`tolerance` on the scale of scores: points are hundredths, and of an error hundredths of the best one.

        Args:
            best: The best score.
        """
        return self.tolerance / 100 * (1.0 if self.judged_by.percent else abs(best))

    @property
    def tolerance_text(self) -> str:
        """`tolerance` in words."""
        return f"{self.tolerance:g} points" if self.judged_by.percent else f"{self.tolerance:g} % of its {self.metric}"


SEARCH_OPTIONS = tuple(name for name in StudyConfig.options() if name not in ("variance", "claims"))
"""The options that a search has."""
COMPARISON_OPTIONS = (
    *("target", "task", "loss", "test", "weights", "class_weight", "label_smoothing"),
    *("rows", "drop", "keep", "image_size", "seeds", "epochs", "patience"),
    *("network", "hidden", "channels", "head", "normalization", "residual", "batch_size"),
    *("learning_rate", "optimizer", "claims", "seed", "storage", "name"),
    *(name for name in StudyConfig.options(Scope.RUN) if name not in ("trials", "tolerance", "confirm")),
)
"""The options that a comparison has."""
COMPARISON_DEFAULTS: Mapping[str, Any] = {"seeds": 7, "hidden": 64}
"""Those of them whose defaults are not those of a search."""
_REDUCED_DEFAULTS: Mapping[str, Any] = {
    "seeds": 3,
    "epochs": 10,
    "channels": (8, 16),
    "learning_rate": 0.003,
}
"""Those of the reduced design, of convolutional networks."""


def comparison_defaults(network: Any) -> dict[str, Any]:
    """The defaults of a comparison's options; of convolutional networks it is a small one, since they train for longer.

    Args:
        network: The value of `--network`; None where it is not given.

    Example:
        >>> comparison_defaults("cnn")
        {'seeds': 3, 'hidden': 64, 'epochs': 10, 'channels': (8, 16), 'learning_rate': 0.003}
    """
    return {**COMPARISON_DEFAULTS, **(_REDUCED_DEFAULTS if network == "cnn" else {})}


def digest(identity: Mapping[str, Any]) -> str:
    """Six hex digits of an identity, for a study's default name."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:6]
