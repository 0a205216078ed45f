"""`Comparison`: every cell of paired designs is one trial."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, ClassVar, Self

from reluctant.errors import ReluctantWarning
from search_spaces import Hyperparameters, SearchSpace
from search_spaces.architectures import Architecture
from search_spaces.claim_cells import claims_text, unmet
from search_spaces.design import Design
from search_spaces.network_names import is_of_user
from study.config import SPARSITY_AS_TRAINED, ConfigError, StudyConfig
from study.data import Dataset, Prepared, Split
from study.machine import check_device
from study.problem.base import Problem
from study.problem.data_of_study import complete_config, read_data
from study.problem.network_options import completed_options

DESIGN = "design"
"""Key of an identity under which a comparison has the levels of its design; a search does not have it."""


@dataclass(frozen=True)
class Comparison(Problem):
    """A comparison: every cell of paired designs is one trial, and every replicate has a split of its own.

    Attributes:
        design: The designs.
    """

    design: Design

    kind: ClassVar[str] = "comparison"
    command: ClassVar[str] = "compare"
    derived_fields: ClassVar[frozenset[str]] = frozenset({"space", "trials", "sparsity", "pruner"})
    unused_options: ClassVar[frozenset[str]] = frozenset({"tolerance", "confirm"})
    reads_test_part: ClassVar[bool] = True
    splits_each_seed: ClassVar[bool] = True

    @classmethod
    def of(cls, config: StudyConfig) -> Self:
        """Reads the data that a configuration names; the trials are the cells of its designs."""
        check_device(config.device)
        if is_of_user(config.network):
            raise ConfigError(
                f"--network is {config.network}, and a comparison varies the depth itself, which only networks of ours "
                "let it do; search yours with `reluctant run`"
            )
        for name in ("cv", "groups", "time"):
            if (value := getattr(config, name)) is not None:
                raise ConfigError(
                    f"--{name} is {value}, and a comparison has no use for it: each of its seeds has a split; leave it "
                    "out"
                )
        if config.pruner == "halving":
            raise ConfigError(
                f"--pruner is {config.pruner}, and a comparison trains all of its cells to the end, so that they stay "
                "comparable; leave it out"
            )
        channels = completed_options(config).get("channels", config.channels)
        possible = partial(possible_claims, convolutional=bool(channels))
        config = config.model_copy(update={"claims": possible(config)})
        dataset = read_data(config)
        config = config.model_copy(update={"claims": possible(config, columns=dataset.x.shape[1])})
        levels: dict[str, Any] = {
            "learning_rate": config.learning_rate,
            "width": config.hidden[0],
            "claims": config.claims,
        }
        design = Design.reduced(channels, **levels) if channels else Design(**levels)
        # Claims speak of networks as they were trained.
        own = {
            "trials": len(design.cells),
            "space": design.space.name,
            "sparsity": SPARSITY_AS_TRAINED,
            "pruner": "none",
        }
        config = config.model_copy(update=own)
        return cls(complete_config(config, dataset), dataset, design.space, design)

    @classmethod
    def stored(cls, config: StudyConfig, dataset: Dataset, space: SearchSpace, identity: Mapping[str, Any]) -> Self:
        """The problem of a comparison that exists."""
        return cls(config, dataset, space, stored_design(identity), stored_identity=identity)

    def begun_as(self, identity: Mapping[str, Any]) -> Self | None:
        """The same comparison with the designs that it was begun with, where today's have other levels."""
        if DESIGN not in identity:
            return None
        design = stored_design(identity)
        own = self.design
        if (design.claims, design.channels) != (own.claims, own.channels):
            return None
        if (design.learning_rate, design.width) != (own.learning_rate, own.width):
            return None
        config = self.config.model_copy(update={"trials": len(design.cells)})
        return replace(self, config=config, space=design.space, design=design)

    @cached_property
    def architecture(self) -> Architecture:
        """As of any problem; where single cells are normalized, these alone are trained slot by slot."""
        found = super().architecture
        if self.config.normalization == "none" and not self.config.channels and "normalization" in self._varied:
            return replace(found, engine="by_trial")
        return found

    @property
    def _varied(self) -> set[str]:
        return {parameter.name for parameter in self.space.parameters}

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
        what = "splits (one for each seed of a comparison)"
        return self._gathered(map(self._prepare, range(seeds)), seeds, what=what, fewer="--seeds")

    def _new_identity(self) -> dict[str, Any]:
        return super()._new_identity() | {DESIGN: self.design.levels}

    @property
    def sampler(self) -> str:
        """The fixed list of cells."""
        return "cells"

    @property
    def sampler_text(self) -> str:
        """How trials are proposed, for a reader."""
        streams = f" and {self.design.streams} random streams" if self.design.streams > 1 else ""
        own = "a split" if self.dataset.test_rows is None else "training and validation parts"
        reduced = f"; {self.design.reduced_text}" if self.design.channels else ""
        cells = len(self.design.cells)
        return f"none: a comparison of {cells} cells, every seed with {own} of its own{streams}{reduced}"

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
        chosen = [self.cells[index * len(self.cells) // count] for index in range(count)]
        return [self.space.hyperparameters(params, self.defaults) for params in chosen]

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


def possible_claims(config: StudyConfig, *, convolutional: bool, columns: int | None = None) -> tuple[int, ...]:
    """The claims that were asked for, without those that need what the configuration does not have, which is said.

    Args:
        config: The configuration.
        convolutional: Whether the networks are convolutional.
        columns: Of the data, where they have been read.

    Raises:
        ConfigError: None of them is possible.
    """
    there: dict[str, Any] = {"width": config.hidden[0], "convolutional": convolutional, "columns": columns}
    there |= {name: getattr(config, name) for name in ("epochs", "normalization", "patience")}
    reasons: dict[str, list[int]] = {}
    for claim in config.claims:
        if reason := unmet(claim, **there):
            reasons.setdefault(reason, []).append(claim)
    skipped = [f"{_named(claims)}: {reason}" for reason, claims in reasons.items()]
    possible = tuple(claim for claim in config.claims if not any(claim in claims for claims in reasons.values()))
    if not possible:
        raise ConfigError(
            f"--claims is {claims_text(config.claims)}, and none of them can be tested. {'. '.join(skipped)}"
        )
    for text in skipped:
        warnings.warn(f"skipped: {text}", ReluctantWarning, stacklevel=3)
    return possible


def _named(claims: Sequence[int]) -> str:
    return f"claim{'s' if len(claims) > 1 else ''} {claims_text(claims)}"


def stored_design(identity: Mapping[str, Any]) -> Design:
    """The designs of a comparison, from its stored identity."""
    return Design.restored(identity[DESIGN])
