"""`Design`: the networks (cells) that a comparison trains, so that every claim has its paired contrasts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from search_spaces import ACTIVATIONS, Hyperparameters, SearchSpace
from search_spaces.claim_cells import ARMS, USUAL_CLAIMS
from search_spaces.hyperparameters import blocks_of_depth
from search_spaces.parsing import DOMAINS, OF_COMPARISONS
from search_spaces.space_files import parse_space

LINEAR = "identity"
"""Activation of the linear network, which sparsity is compared with, and which is no candidate for the answer."""
USUAL_SLOPE, PRELU_START = 0.01, 0.25

_SINCE_0_1 = ("initialized", "dropped", "deep_initializations", "streams", "tuned")
"""Levels that designs of version 0.1 do not have."""

_REDUCED: dict[str, Any] = {
    "activations": ("relu", "leaky_relu", "prelu", "elu", "gelu", "tanh", "sigmoid", LINEAR),
    "learning_rates": (0.003, 0.01, 0.03),
    "learning_rate": 0.003,
    "slopes": (0.0, 0.01, 0.1, 0.5),
    "initializations": ("kaiming_normal", "xavier_normal"),
    "dropouts": (0.0, 0.2, 0.5),
    "initialized": ("relu", "tanh", "sigmoid"),
}
"""Levels of the reduced design; every claim keeps two levels at least of the factors that it varies."""
_MORE_BLOCKS = 3
"""Of the deep networks of the reduced design."""
_OF_SINGLE_CLAIMS = ("width", "l1", "bias", "l2", "normalization", *OF_COMPARISONS)
"""Parameters that the usual claims do not vary."""

Arm = tuple[Hyperparameters, ...]
"""The cells of one activation, slope, initialization and dropout rate, which differ in their learning rate alone."""


@dataclass(frozen=True)
class Design:
    """The levels of each factor, and their cells: one or two factors at a time vary around a usual network.

    What is compared are arms: an activation with its slope, initialization and dropout rate, at each of the learning
    rates. Each cell is trained under several random streams on every split, so that one stream chooses the arm, another
    one tunes its learning rate, and a third one is read: the choice then owes nothing to the luck of the network that
    is read, and two sides of a contrast tune among equally many rates.

    Attributes:
        activations: The activations of every design, ReLU first.
        learning_rates: The learning rates that each arm may be tuned to.
        slopes: The slopes of leaky ReLU; 0 is ReLU.
        initializations: The initializations, the usual one first.
        dropouts: The dropout rates, 0 first.
        depths: The numbers of hidden layers, of convolutional networks of blocks, the usual one first.
        learning_rate: The learning rate of all cells that do not vary it: the first cell, and the deep networks.
        width: The number of units of each hidden layer; of convolutional networks of the one behind their blocks.
        initialized: The activations that are crossed with the initializations.
        dropped: The activations that are crossed with the dropout rates.
        deep_initializations: The initializations of deep ReLU networks, the usual one first.
        streams: The random streams under which every cell is trained on each split.
        tuned: Whether the learning rate is tuned in the designs of initializations and dropout rates too.
        claims: The numbers of the claims whose cells are trained.
        channels: The channels of the blocks of convolutional networks of the usual depth; deeper ones have more blocks
            like the last. Empty for perceptrons.
        linear: Activation of the linear network.

    Example:
        >>> design = Design()
        >>> len(design.cells), design.cells[0].activation, design.cells[0].initialization
        (324, 'relu', 'kaiming_normal')
    """

    activations: tuple[str, ...] = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "tanh", "sigmoid", LINEAR)
    learning_rates: tuple[float, ...] = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    slopes: tuple[float, ...] = (0.0, 0.01, 0.1, 0.3, 0.5, 0.9)
    initializations: tuple[str, ...] = ("kaiming_normal", "xavier_normal", "orthogonal", "torch_default")
    dropouts: tuple[float, ...] = (0.0, 0.1, 0.2, 0.5)
    depths: tuple[int, ...] = (2, 5, 10)
    learning_rate: float = 0.001
    width: int = 64
    initialized: tuple[str, ...] = ("relu", "elu", "gelu", "tanh", "sigmoid")
    dropped: tuple[str, ...] = ("relu", "tanh")
    deep_initializations: tuple[str, ...] = ("kaiming_normal",)
    streams: int = 3
    tuned: bool = True
    claims: tuple[int, ...] = USUAL_CLAIMS
    channels: tuple[int, ...] = ()

    linear: ClassVar[str] = LINEAR

    @classmethod
    def reduced(cls, channels: tuple[int, ...], **levels: Any) -> Design:
        """The reduced design, of convolutional networks, which take longer to train: fewer levels of each factor.

        Args:
            channels: Channels of the blocks of the usual network.
            levels: Levels of other factors by name, in place of those of the reduced design.

        Example:
            >>> design = Design.reduced((8, 16))
            >>> len(design.cells), design.cells[-1].channels
            (59, (8, 16, 16, 16, 16))
        """
        return cls(
            **{**_REDUCED, "depths": (len(channels), len(channels) + _MORE_BLOCKS), "channels": channels, **levels}
        )

    @classmethod
    def restored(cls, levels: Mapping[str, Any]) -> Design:
        """Restore a design from its `levels`, which may have been encoded as JSON.

        Levels of version 0.1 have no streams: their cells are trained once on each split, and learning rates are tuned
        only where activations and slopes are compared. They are restored as they were.
        """
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in levels.items()}
        if "streams" not in values:
            values |= {
                "initialized": values["activations"],
                "dropped": values["activations"],
                "deep_initializations": values["initializations"],
                "streams": 1,
                "tuned": False,
            }
        return cls(**values)

    @property
    def levels(self) -> dict[str, Any]:
        """The levels of all factors as plain values that JSON can encode; they define the design.

        Those of a design of version 0.1 are what that version stored; and those of the usual claims, or of perceptrons,
        do not name claims or channels.
        """
        levels = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        if self.claims == USUAL_CLAIMS:
            del levels["claims"]
        if not self.channels:
            del levels["channels"]
        return levels if self.streams > 1 else {name: levels[name] for name in levels if name not in _SINCE_0_1}

    def cell(
        self, activation: str, *, depth: int | None = None, width: int | None = None, **changes: Any
    ) -> Hyperparameters:
        """One cell: the usual network with an activation, a depth, a width, and other hyperparameters in `changes`."""
        if activation == "leaky_relu" and changes.get("negative_slope") == 0.0:
            return self.cell(
                "relu", depth=depth, width=width, **{k: v for k, v in changes.items() if k != "negative_slope"}
            )
        depth = depth or self.depths[0]
        usual = Hyperparameters(
            activation=activation,
            negative_slope=PRELU_START if activation == "prelu" else USUAL_SLOPE,
            initialization=self.initializations[0],
            dropout=self.dropouts[0],
            learning_rate=self.learning_rate,
            hidden=(width or self.width,) * (1 if self.channels else depth),
            channels=blocks_of_depth(self.channels, depth) if self.channels else (),
        )
        return replace(usual, **changes)

    def arm(self, activation: str, **changes: Any) -> Arm:
        """The cells over the learning rates of one activation, with a slope, an initialization or a dropout rate."""
        tuned = self.tuned or not {"initialization", "dropout"} & changes.keys()
        rates = self.learning_rates if tuned else (self.learning_rate,)
        return tuple(self.cell(activation, learning_rate=rate, **changes) for rate in rates)

    def over_slopes(self) -> tuple[Arm, ...]:
        """The arms of leaky ReLU over its slopes, of which 0 is ReLU."""
        return tuple(self.arm("leaky_relu", negative_slope=slope) for slope in self.slopes)

    def over_initializations(self, activation: str, **changes: Any) -> tuple[Arm, ...]:
        """The arms of an activation over the initializations, with other hyperparameters in `changes`."""
        return tuple(self.arm(activation, initialization=name, **changes) for name in self.initializations)

    def over_dropouts(self, activation: str) -> tuple[Arm, ...]:
        """The arms of an activation over the dropout rates, 0 first."""
        return tuple(self.arm(activation, dropout=rate) for rate in self.dropouts)

    @property
    def reduced_text(self) -> str:
        """What the reduced design has in place of the designs of perceptrons, in words; empty where it is not reduced.

        Example:
            >>> Design.reduced((8, 16)).reduced_text.partition(", of")[0]
            'the reduced design for convolutional networks: 59 cells in place of 324'
        """
        if not self.channels:
            return ""
        full = Design(claims=self.claims)
        levels = (
            f"{len(self.activations)} activations, {len(self.learning_rates)} learning rates, "
            f"{len(self.slopes)} slopes, {len(self.initializations)} initializations and {len(self.dropouts)} "
            "dropout rates"
        )
        return (
            f"the reduced design for convolutional networks: {len(self.cells)} cells in place of {len(full.cells)}, of "
            f"{levels}; depth is the number of blocks, {' and '.join(map(str, self.depths))}"
        )

    @cached_property
    def cells(self) -> tuple[Hyperparameters, ...]:
        """All cells without repetition: the usual ReLU network first, shallow networks before deep ones."""
        needed = dict.fromkeys(cell for claim in self.claims for arm in ARMS[claim](self) for cell in arm)
        usual = self._cells_of_the_usual_claims()
        if not set(USUAL_CLAIMS) <= set(self.claims):
            usual = [self.cell(self.activations[0]), *(cell for cell in usual if cell in needed)]
        return tuple(sorted(dict.fromkeys([*usual, *needed]), key=lambda cell: cell.depth))

    def _cells_of_the_usual_claims(self) -> list[Hyperparameters]:
        """In the order in which they were always trained; some of the deep ones only figures show."""
        wanted = [self.cell(self.activations[0])]
        for activation in self.activations:
            arms = [self.arm(activation)]
            arms += self.over_initializations(activation) if activation in self.initialized else ()
            arms += self.over_dropouts(activation) if activation in self.dropped else ()
            wanted += [cell for arm in arms for cell in arm]
            wanted += [self.cell(activation, depth=depth) for depth in self.depths]
        wanted += [cell for arm in self.over_slopes() for cell in arm]
        wanted += self.deep_cells()
        return wanted

    def deep_cells(self) -> tuple[Hyperparameters, ...]:
        """ReLU's cells over depths and the initializations of deep networks, which have one learning rate."""
        return tuple(
            self.cell(self.activations[0], depth=depth, initialization=name)
            for depth in self.depths
            for name in self.deep_initializations
        )

    @cached_property
    def space(self) -> SearchSpace:
        """The levels as a search space, so that trials of a comparison are stored and read like those of a search."""
        choices: dict[str, list[Any]] = {
            "activation": _with_others(self.activations, [cell.activation for cell in self.cells]),
            "initialization": _with_others(self.initializations, [cell.initialization for cell in self.cells]),
            "dropout": list(self.dropouts),
            "learning_rate": sorted({cell.learning_rate for cell in self.cells}),
            "depth": _with_others(self.depths, [cell.depth for cell in self.cells]),
        }
        sloped = [name for name in choices["activation"] if ACTIVATIONS[name].has_slope]
        slopes = sorted({cell.negative_slope for cell in self.cells if cell.activation in sloped})
        tables = [f"[{name}]\nchoices = {values}\n" for name, values in choices.items()]
        if slopes:
            tables.insert(1, f"[negative_slope]\nchoices = {slopes}\nwhen = {{ activation = {sloped} }}\n")
        for name in _OF_SINGLE_CLAIMS:
            values = sorted({_parameter(cell, name) for cell in self.cells})
            listed = json.dumps(values) if DOMAINS[name].flag else values
            tables += [f"[{name}]\nchoices = {listed}\n"] if len(values) > 1 else []
        text = "".join(tables)
        return parse_space(text, name="claims", where="the designs of a comparison")

    def params(self, number: int) -> dict[str, Any]:
        """The parameters of the cell that a trial number trains."""
        cell = self.cells[number]
        active: dict[str, Any] = {}
        for parameter in self.space.parameters:
            if parameter.active(active):
                active[parameter.name] = _parameter(cell, parameter.name)
        return active


def _parameter(cell: Hyperparameters, name: str) -> Any:
    """A cell's value of a parameter of a space."""
    return cell.hidden[0] if name == "width" else getattr(cell, name)


def _with_others(levels: Sequence[Any], used: Sequence[Any]) -> list[Any]:
    """The levels of a factor, and behind them those that only the cells of single claims have."""
    return list(dict.fromkeys([*levels, *sorted(set(used) - set(levels))]))
