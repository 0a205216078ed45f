"""A search space: read from TOML, suggest a point, complete a partial one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from reluctant.errors import unknown
from search_spaces.activations import ACTIVATIONS
from search_spaces.hyperparameters import Hyperparameters
from search_spaces.parsing import DOMAINS, SpaceError, read_parameter

__all__ = ["Parameter", "SearchSpace", "SpaceError", "Suggester", "load_space", "preset_names"]


class Suggester(Protocol):
    """What a space asks for values: an Optuna trial, or a point of the unit cube."""

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """A value of `distribution` for the parameter `name`."""


@dataclass(frozen=True)
class Parameter:
    """One searched hyperparameter.

    Attributes:
        name: A key of `DOMAINS`.
        distribution: Where its values come from.
        when: Values of earlier categorical parameters under which it has a meaning; empty: always.
    """

    name: str
    distribution: BaseDistribution
    when: Mapping[str, tuple[Any, ...]]

    def active(self, params: Mapping[str, Any]) -> bool:
        """Whether the parameter has a meaning beside `params`, those suggested before it."""
        return all(params.get(other) in values for other, values in self.when.items())


@dataclass(frozen=True)
class SearchSpace:
    """What a study searches.

    Attributes:
        name: Preset's name or file's stem.
        text: The TOML source; part of a study's identity.
        parameters: In the order in which they are suggested.
    """

    name: str
    text: str
    parameters: tuple[Parameter, ...]

    def suggest(self, suggester: Suggester, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Suggests a value for every parameter that is active.

        Args:
            suggester: Asked for each value that is not fixed.
            fixed: Values that stand already, of any parameters of the space.

        Returns:
            The active parameters' values by name.

        Raises:
            SpaceError: A fixed value is no value of its parameter, or of a parameter that the space lacks.
        """
        fixed = fixed or {}
        for name in fixed:
            if name not in {parameter.name for parameter in self.parameters}:
                raise SpaceError(unknown("parameter", name, [p.name for p in self.parameters], where=self.name))
        params: dict[str, Any] = {}
        for parameter in self.parameters:
            if not parameter.active(params):
                continue
            if parameter.name in fixed:
                params[parameter.name] = self._checked(parameter, fixed[parameter.name])
            else:
                params[parameter.name] = suggester.suggest(parameter.name, parameter.distribution)
        return params

    def distributions(self, params: Mapping[str, Any]) -> dict[str, BaseDistribution]:
        """The distributions of the parameters in `params`, by name."""
        return {p.name: p.distribution for p in self.parameters if p.name in params}

    def baseline(self, defaults: Hyperparameters) -> dict[str, Any]:
        """The point nearest to ReLU, Kaiming normal, no dropout, and else `defaults`: trial 0 of every study."""
        usual = Hyperparameters(
            learning_rate=defaults.learning_rate, weight_decay=defaults.weight_decay, hidden=defaults.hidden
        )
        return self.suggest(_Nearest(usual))

    def hyperparameters(self, params: Mapping[str, Any], defaults: Hyperparameters) -> Hyperparameters:
        """A trial's hyperparameters: `params` where they say something, else `defaults`.

        A searched width or depth makes all hidden layers equally wide.
        """
        values = {name: value for name, value in params.items() if name not in ("width", "depth")}
        width = params.get("width", defaults.hidden[0])
        depth = params.get("depth", len(defaults.hidden))
        hidden = (width,) * depth if {"width", "depth"} & params.keys() else defaults.hidden
        fields = {name: getattr(defaults, name) for name in Hyperparameters.__slots__}
        return Hyperparameters(**fields | values | {"hidden": hidden})

    @staticmethod
    def _checked(parameter: Parameter, value: Any) -> Any:
        distribution = parameter.distribution
        try:
            inside = distribution._contains(distribution.to_internal_repr(value))
        except (TypeError, ValueError):
            inside = False
        if not inside:
            raise SpaceError(f"{parameter.name} = {value!r} is outside of its range in the space: {distribution}")
        return value


class _Nearest:
    """Suggests the values of some hyperparameters, or what a distribution holds that is nearest to them."""

    def __init__(self, target: Hyperparameters) -> None:
        self._target = target

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        hidden = self._target.hidden
        value = {"width": hidden[0], "depth": len(hidden)}.get(name) or getattr(self._target, name)
        if isinstance(distribution, CategoricalDistribution):
            if value in distribution.choices:
                return value
            numbers = [choice for choice in distribution.choices if isinstance(choice, int | float)]
            return min(numbers, key=lambda choice: abs(choice - value), default=distribution.choices[0])
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        inside = min(max(value, distribution.low), distribution.high)
        steps = round((inside - distribution.low) / distribution.step) if distribution.step else None
        return inside if steps is None else distribution.low + steps * (distribution.step or 0)


def preset_names() -> list[str]:
    """Names of the spaces that come with the package."""
    folder = resources.files("search_spaces") / "presets"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_space(source: str) -> SearchSpace:
    """Loads a preset by its name, or a TOML file by its path.

    Args:
        source: `core`, `rectifiers`, `wide`, `sparse`, or a path that ends in `.toml`.

    Raises:
        SpaceError: No such preset or file, or the file does not describe a space.

    Example:
        >>> [parameter.name for parameter in load_space("core").parameters]
        ['activation', 'negative_slope', 'initialization', 'dropout']
    """
    if source in preset_names():
        text = (resources.files("search_spaces") / "presets" / f"{source}.toml").read_text(encoding="utf-8")
        return parse_space(text, name=source, where=f"{source}.toml")
    path = Path(source).expanduser()
    if path.suffix != ".toml":
        raise SpaceError(
            unknown("search space", source, preset_names()) + "; for a space of your own give a file that ends in .toml"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpaceError(f"cannot read the search space {source}: {error}; give a preset or a TOML file") from error
    return parse_space(text, name=path.stem, where=path.name)


def parse_space(text: str, *, name: str, where: str) -> SearchSpace:
    """Reads a space from TOML text.

    Args:
        text: One table a parameter: `choices`, or `low` and `high` with `log` or `step`; `when` restricts it.
        name: The space's name.
        where: What errors call the text.

    Raises:
        SpaceError: Unknown key, inverted range, log range at 0, empty choice, value outside its domain.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
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
            when = when or _implied_condition(parameter_name, parameters)
            _check_condition(parameter_name, when, parameters, where=where)
            parameters.append(Parameter(parameter_name, distribution, when))
    return SearchSpace(name=name, text=text, parameters=tuple(parameters))


def _implied_condition(name: str, earlier: Sequence[Parameter]) -> dict[str, tuple[Any, ...]]:
    """The slope has a meaning only for the activations that have one."""
    for parameter in earlier:
        if name == "negative_slope" and parameter.name == "activation":
            assert isinstance(parameter.distribution, CategoricalDistribution)
            choices = parameter.distribution.choices
            sloped = tuple(choice for choice in choices if ACTIVATIONS[str(choice)].slope != "none")
            return {"activation": sloped} if len(sloped) < len(choices) else {}
    return {}


def _check_condition(
    name: str, when: Mapping[str, tuple[Any, ...]], earlier: Sequence[Parameter], *, where: str
) -> None:
    known = {p.name: p.distribution.choices for p in earlier if isinstance(p.distribution, CategoricalDistribution)}
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
