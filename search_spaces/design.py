"""`Design`: the networks (cells) that a comparison trains, so that every claim has its paired contrasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from search_spaces import ACTIVATIONS, Hyperparameters, SearchSpace
from search_spaces.space import parse_space

LINEAR = "identity"
"""Activation of the linear network, which sparsity is compared with, and which is no candidate for the answer."""
USUAL_SLOPE, PRELU_START = 0.01, 0.25


@dataclass(frozen=True)
class Design:
    """The levels of each factor, and their cells: one or two factors at a time vary around a usual network.

    Attributes:
        activations: The activations of every design, ReLU first.
        learning_rates: The learning rates; a claim that lets the learning rate be chosen lets it be one of these.
        slopes: The slopes of leaky ReLU; 0 is ReLU.
        initializations: The initializations, the usual one first.
        dropouts: The dropout rates, 0 first.
        depths: The numbers of hidden layers, the usual one first.
        learning_rate: The learning rate of all cells that do not vary it.
        width: The number of units of each hidden layer.

    Example:
        >>> design = Design()
        >>> len(design.cells), design.cells[0].activation, design.cells[0].initialization
        (158, 'relu', 'kaiming_normal')
    """

    activations: tuple[str, ...] = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "tanh", "sigmoid", LINEAR)
    learning_rates: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01)
    slopes: tuple[float, ...] = (0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.9)
    initializations: tuple[str, ...] = (
        "kaiming_normal",
        "xavier_normal",
        "lecun_normal",
        "orthogonal",
        "torch_default",
    )
    dropouts: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.5)
    depths: tuple[int, ...] = (2, 5, 10)
    learning_rate: float = 0.001
    width: int = 64

    @classmethod
    def restored(cls, levels: Mapping[str, Any]) -> Design:
        """Restore a design from its `levels`, which may have been encoded as JSON."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in levels.items()}
        return cls(**values)

    @property
    def levels(self) -> dict[str, Any]:
        """The levels of all factors as plain values that JSON can encode; they define the design."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def cell(self, activation: str, *, depth: int | None = None, **changes: Any) -> Hyperparameters:
        """One cell: the usual network with an activation, a depth, and other hyperparameters in `changes`."""
        if activation == "leaky_relu" and changes.get("negative_slope") == 0.0:
            return self.cell("relu", depth=depth, **{k: v for k, v in changes.items() if k != "negative_slope"})
        usual = Hyperparameters(
            activation=activation,
            negative_slope=PRELU_START if activation == "prelu" else USUAL_SLOPE,
            initialization=self.initializations[0],
            dropout=self.dropouts[0],
            learning_rate=self.learning_rate,
            hidden=(self.width,) * (depth or self.depths[0]),
        )
        return replace(usual, **changes)

    def over_rates(self, activation: str, **changes: Any) -> tuple[Hyperparameters, ...]:
        """The cells of an activation over the learning rates."""
        return tuple(self.cell(activation, learning_rate=rate, **changes) for rate in self.learning_rates)

    def over_initializations(self, activation: str, **changes: Any) -> tuple[Hyperparameters, ...]:
        """The cells of an activation over the initializations."""
        return tuple(self.cell(activation, initialization=name, **changes) for name in self.initializations)

    def over_dropouts(self, activation: str) -> tuple[Hyperparameters, ...]:
        """The cells of an activation over the dropout rates."""
        return tuple(self.cell(activation, dropout=rate) for rate in self.dropouts)

    @cached_property
    def cells(self) -> tuple[Hyperparameters, ...]:
        """All cells without repetition: the usual ReLU network first, shallow networks before deep ones."""
        wanted = [self.cell(self.activations[0])]
        for activation in self.activations:
            wanted += self.over_rates(activation)
            wanted += self.over_initializations(activation)
            wanted += self.over_dropouts(activation)
            wanted += [self.cell(activation, depth=depth) for depth in self.depths]
        for slope in self.slopes:
            wanted += self.over_rates("leaky_relu", negative_slope=slope)
        for depth in self.depths:
            wanted += self.over_initializations(self.activations[0], depth=depth)
        return tuple(sorted(dict.fromkeys(wanted), key=lambda cell: len(cell.hidden)))

    @cached_property
    def space(self) -> SearchSpace:
        """The levels as a search space, so that trials of a comparison are stored and read like those of a search."""
        sloped = [name for name in self.activations if ACTIVATIONS[name].has_slope]
        slopes = sorted({cell.negative_slope for cell in self.cells if cell.activation in sloped})
        rates = sorted({cell.learning_rate for cell in self.cells})
        text = f"""\
[activation]
choices = {list(self.activations)}
[negative_slope]
choices = {slopes}
when = {{ activation = {sloped} }}
[initialization]
choices = {list(self.initializations)}
[dropout]
choices = {list(self.dropouts)}
[learning_rate]
choices = {rates}
[depth]
choices = {list(self.depths)}
"""
        return parse_space(text, name="claims", where="the designs of a comparison")

    def params(self, number: int) -> dict[str, Any]:
        """The parameters of the cell that a trial number trains."""
        cell = self.cells[number]
        values = {name: getattr(cell, name) for name in ("activation", "initialization", "dropout", "learning_rate")}
        values |= {"negative_slope": cell.negative_slope, "depth": len(cell.hidden)}
        active: dict[str, Any] = {}
        for parameter in self.space.parameters:
            if parameter.active(active):
                active[parameter.name] = values[parameter.name]
        return active
