"""`SearchSpace`: suggests points of a search space, and completes partial points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from reluctant.errors import unknown
from search_spaces.hyperparameters import Hyperparameters, blocks_of_depth
from search_spaces.parsing import DOMAINS, SpaceError


class Suggester(Protocol):
    """A source of values for the parameters of a space: an Optuna trial, or a point of the unit cube."""

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """Suggest a value of `distribution` for the parameter `name`."""


@dataclass(frozen=True)
class Parameter:
    """One searched hyperparameter.

    Attributes:
        name: The name of the hyperparameter, a key of `DOMAINS`.
        distribution: The distribution of its values.
        when: The values of earlier categorical parameters under which it is active; empty where it is always active.
    """

    name: str
    distribution: BaseDistribution
    when: Mapping[str, tuple[Any, ...]]

    def active(self, params: Mapping[str, Any]) -> bool:
        """Whether the parameter is active, given the values of the parameters that were suggested before it."""
        return all(params.get(other) in values for other, values in self.when.items())


@dataclass(frozen=True)
class SearchSpace:
    """The hyperparameters that a study searches, with their distributions and conditions.

    Attributes:
        name: The name of the preset, or the stem of the file.
        text: The TOML source, which is part of a study's identity.
        parameters: The parameters, in the order in which they are suggested.

    Example:
        >>> from search_spaces import load_space
        >>> space = load_space("core")
        >>> trial = space.hyperparameters({"activation": "tanh"}, defaults=Hyperparameters(hidden=(32,)))
        >>> trial.activation, trial.initialization, trial.hidden
        ('tanh', 'kaiming_normal', (32,))
    """

    name: str
    text: str
    parameters: tuple[Parameter, ...]

    def suggest(self, suggester: Suggester, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Suggest a value for every active parameter.

        Args:
            suggester: Suggests each value that is not fixed.
            fixed: Values that are fixed already, of any parameters of the space. The value of a parameter that turns
                out to be inactive is dropped.

        Returns:
            The values of the active parameters by name.

        Raises:
            SpaceError: A fixed value is not in the space, or its parameter is not.
        """
        fixed = fixed or {}
        names = [parameter.name for parameter in self.parameters]
        for name in fixed:
            if name not in names:
                raise SpaceError(unknown("parameter", name, names, where=f"the space {self.name}"))
        params: dict[str, Any] = {}
        for parameter in self.parameters:
            if not parameter.active(params):
                continue
            if parameter.name in fixed:
                params[parameter.name] = _checked(parameter, fixed[parameter.name])
            else:
                params[parameter.name] = suggester.suggest(parameter.name, parameter.distribution)
        return params

    def distributions(self, params: Mapping[str, Any]) -> dict[str, BaseDistribution]:
        """The distributions of the parameters that `params` has values for, by name."""
        return {p.name: p.distribution for p in self.parameters if p.name in params}

    def baseline(self, defaults: Hyperparameters) -> dict[str, Any]:
        """The point nearest to ReLU, Kaiming normal and no dropout, else to `defaults`: trial 0 of every search."""
        usual = Hyperparameters(
            learning_rate=defaults.learning_rate,
            weight_decay=defaults.weight_decay,
            hidden=defaults.hidden,
            normalization=defaults.normalization,
            residual=defaults.residual,
            channels=defaults.channels,
            head=defaults.head,
            bias=defaults.bias,
        )
        return self.suggest(_Nearest(usual))

    def largest(self, defaults: Hyperparameters) -> Hyperparameters:
        """Hyperparameters of the largest network in the space."""
        largest: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name in ("width", "depth"):
                distribution = parameter.distribution
                if isinstance(distribution, CategoricalDistribution):
                    largest[parameter.name] = max(choice for choice in distribution.choices if isinstance(choice, int))
                elif isinstance(distribution, IntDistribution):
                    largest[parameter.name] = distribution.high
        return self.hyperparameters(largest, defaults)

    def hyperparameters(self, params: Mapping[str, Any], defaults: Hyperparameters) -> Hyperparameters:
        """The hyperparameters of a trial: the values of `params`, and `defaults` for all that is not searched.

        Where width or depth is searched, all hidden layers have the same width. The depth of a convolutional network is
        its number of blocks, of which those beyond the given ones have as many channels as the last of these.
        """
        values = {name: value for name, value in params.items() if name not in ("width", "depth")}
        if not defaults.hidden:
            return replace(defaults, **values)
        width = params.get("width", defaults.hidden[0])
        depth = params.get("depth", defaults.depth)
        if blocks := defaults.channels:
            hidden = (width,) * len(defaults.hidden) if "width" in params else defaults.hidden
            return replace(defaults, **values, hidden=hidden, channels=blocks_of_depth(blocks, depth))
        hidden = (width,) * depth if {"width", "depth"} & params.keys() else defaults.hidden
        return replace(defaults, **values, hidden=hidden)


def _checked(parameter: Parameter, value: Any) -> Any:
    """A fixed value in the type that its distribution gives: 64 for 64.0 where widths are whole numbers."""
    distribution = parameter.distribution
    domain = DOMAINS[parameter.name]
    of_kind = isinstance(value, str) if domain.names else isinstance(value, int | float)
    if of_kind and isinstance(value, bool) == domain.flag:
        try:
            internal = distribution.to_internal_repr(value)
            if distribution._contains(internal):
                return distribution.to_external_repr(internal)
        except ValueError:
            pass
    raise SpaceError(f"{parameter.name} = {value!r} is not in the space; it needs {_described(distribution)}")


def _described(distribution: BaseDistribution) -> str:
    """The values of a distribution in words."""
    if isinstance(distribution, CategoricalDistribution):
        return f"one of: {', '.join(map(str, distribution.choices))}"
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    kind = "a whole number" if isinstance(distribution, IntDistribution) else "a number"
    steps = f" in steps of {distribution.step:g}" if distribution.step not in (None, 1) else ""
    return f"{kind} from {distribution.low:g} to {distribution.high:g}{steps}"


class _Nearest:
    """A suggester of the values that are nearest to some hyperparameters."""

    def __init__(self, target: Hyperparameters) -> None:
        self._target = target

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        target = self._target
        value = target.hidden[0] if name == "width" else getattr(target, name)
        if isinstance(distribution, CategoricalDistribution):
            if value in distribution.choices:
                return value
            numbers = [choice for choice in distribution.choices if isinstance(choice, int | float)]
            return min(numbers, key=lambda choice: abs(choice - value), default=distribution.choices[0])
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        inside = min(max(value, distribution.low), distribution.high)
        if distribution.step is None:
            return inside
        steps = round((inside - distribution.low) / distribution.step)
        return min(distribution.low + steps * distribution.step, distribution.high)
