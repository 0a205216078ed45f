"""Search spaces as TOML: presets and files of users are read, checked, and become a `SearchSpace`."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from optuna.distributions import CategoricalDistribution

from reluctant.errors import unknown
from search_spaces.activations import ACTIVATIONS
from search_spaces.parsing import DOMAINS, OF_COMPARISONS, SpaceError, read_parameter
from search_spaces.presets import EARLIER_TEXTS
from search_spaces.space import Parameter, SearchSpace


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
    space = parse_space(text, name=path.stem, where=path.name)
    for parameter in space.parameters:
        if parameter.name in OF_COMPARISONS:
            raise SpaceError(
                f"[{parameter.name}] in {path.name} says what is learned, which comparisons vary and no search can; "
                "leave it out"
            )
    return space


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
    searched = [name for name in DOMAINS if name not in OF_COMPARISONS]
    for key in tables:
        if key not in DOMAINS:
            raise SpaceError(unknown("parameter", key, searched, where=where))
    if not tables:
        raise SpaceError(f"{where} lists no parameter; it needs at least one of: {', '.join(searched)}")
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
