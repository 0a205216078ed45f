"""`SearchSpace`: reads a search space from TOML, suggests points of it, and completes partial points."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from reluctant.errors import unknown
from search_spaces.activations import ACTIVATIONS
from search_spaces.hyperparameters import Hyperparameters
from search_spaces.parsing import DOMAINS, SpaceError, read_parameter
from search_spaces.presets import EARLIER_TEXTS


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
            channels = (*blocks, *blocks[-1:] * (depth - len(blocks)))[:depth]
            return replace(defaults, **values, hidden=hidden, channels=channels)
        hidden = (width,) * depth if {"width", "depth"} & params.keys() else defaults.hidden
        return replace(defaults, **values, hidden=hidden)


def _checked(parameter: Parameter, value: Any) -> Any:
    """A fixed value in the type that its distribution gives: 64 for 64.0 where widths are whole numbers."""
    distribution = parameter.distribution
    of_kind = isinstance(value, str) if DOMAINS[parameter.name].names else isinstance(value, int | float)
    if of_kind and not isinstance(value, bool):
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


def preset_names() -> list[str]:
    """The names of the search spaces that come with the package.

    Example:
        >>> preset_names()
        ['core', 'rectifiers', 'sparse', 'wide']
    """
    folder = resources.files("search_spaces") / "presets"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def was_preset(name: str, text: str) -> bool:
    """Whether a preset of an earlier version of reluctant had this text.

    Example:
        >>> was_preset("core", load_space("core").text)
        False
    """
    return hashlib.sha256(text.encode()).hexdigest() in EARLIER_TEXTS.get(name, ())


def load_space(source: str) -> SearchSpace:
    """Load a preset by its name, or a TOML file by its path.

    Args:
        source: `core`, `rectifiers`, `wide`, `sparse`, or a path that ends in `.toml`.

    Returns:
        The search space.

    Raises:
        SpaceError: There is no such preset or file, or the file does not describe a search space.

    Example:
        >>> [parameter.name for parameter in load_space("core").parameters]
        ['activation', 'negative_slope', 'initialization', 'dropout']
    """
    if source in preset_names():
        text = (resources.files("search_spaces") / "presets" / f"{source}.toml").read_text(encoding="utf-8")
        return parse_space(text, name=source, where=f"{source}.toml")
    if not source.endswith(".toml"):
        raise SpaceError(
            unknown("search space", source, preset_names()) + "; for a space of your own give a file that ends in .toml"
        )
    try:
        path = Path(source).expanduser()
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError, RuntimeError) as error:
        raise SpaceError(f"cannot read the search space {source}: {error}; give a preset or a TOML file") from error
    return parse_space(text, name=path.stem, where=path.name)


def parse_space(text: str, *, name: str, where: str) -> SearchSpace:
    r"""Read a search space from TOML text.

    Args:
        text: One table for each parameter, with `choices`, or with `low` and `high` and optionally `log` or `step`;
            `when` is its condition.
        name: The name of the space.
        where: The name of the text, for errors.

    Returns:
        The search space.

    Raises:
        SpaceError: A key is unknown, a range is inverted, a log range starts at 0, a list of choices is empty, a value
            is outside of its domain, or a slope is searched where no activation has one.

    Example:
        >>> space = parse_space("[dropout]\nlow = 0.0\nhigh = 0.5", name="rates", where="rates.toml")
        >>> space.parameters[0].distribution.high
        0.5
    """
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpaceError(f"{where} is not TOML: {error}; see search_spaces/presets/core.toml for the form") from error
    for key in tables:
        if key not in DOMAINS:
            raise SpaceError(unknown("parameter", key, DOMAINS, where=where))
    if not tables:
        raise SpaceError(f"{where} lists no parameter; it needs at least one of: {', '.join(DOMAINS)}")
    parameters: list[Parameter] = []
    for parameter_name in DOMAINS:
        if parameter_name in tables:
            distribution, when = read_parameter(parameter_name, tables[parameter_name], where=where)
            _check_condition(parameter_name, when, parameters, where=where)
            if parameter_name == "negative_slope":
                when = _slope_condition(when, parameters, where=where)
            parameters.append(Parameter(parameter_name, distribution, when))
    return SearchSpace(name=name, text=text, parameters=tuple(parameters))


def _slope_condition(
    when: dict[str, tuple[Any, ...]], earlier: Sequence[Parameter], *, where: str
) -> dict[str, tuple[Any, ...]]:
    """The condition of the slope: that of the file, or by default the activations that have a slope."""
    searched = [str(choice) for p in earlier if p.name == "activation" for choice in _choices(p)]
    sloped = tuple(name for name in searched if ACTIVATIONS[name].has_slope)
    all_sloped = [name for name, activation in ACTIVATIONS.items() if activation.has_slope]
    if not sloped:
        raise SpaceError(
            f"[negative_slope] in {where} has no meaning: no activation that is searched has a slope; "
            f"add to the choices of [activation] one of: {', '.join(all_sloped)}"
        )
    for name in when.get("activation", ()):
        if name not in sloped:
            raise SpaceError(
                f"[negative_slope] when in {where} names {name!r}, which has no slope; keep: {', '.join(sloped)}"
            )
    return when or ({"activation": sloped} if len(sloped) < len(searched) else {})


def _check_condition(
    name: str, when: Mapping[str, tuple[Any, ...]], earlier: Sequence[Parameter], *, where: str
) -> None:
    known = {p.name: choices for p in earlier if (choices := _choices(p))}
    for other, values in when.items():
        if other not in known:
            raise SpaceError(
                unknown("parameter", other, known, where=f"[{name}] when in {where}")
                + "; a condition names a parameter with choices that stands before"
            )
        for value in values:
            if value not in known[other]:
                raise SpaceError(
                    unknown(
                        other, str(value), [str(choice) for choice in known[other]], where=f"[{name}] when in {where}"
                    )
                )


def _choices(parameter: Parameter) -> Sequence[Any]:
    """The choices of a parameter; empty where it has a range."""
    distribution = parameter.distribution
    return distribution.choices if isinstance(distribution, CategoricalDistribution) else ()
