"""How values of options are read that the command line and TOML write differently, and which of them make no sense."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from pydantic_core import PydanticCustomError

from search_spaces.claim_cells import ClaimError, check_claims, read_claims
from study.sampling.registry import SAMPLER_NAMES

_LONGEST_NAME = 200


def as_sequence(value: Any) -> Any:
    """Several values: `128,64` as well as [128, 64], and a number alone.

    Example:
        >>> as_sequence("128,64"), as_sequence(64)
        (['128', '64'], [64])
    """
    return value.split(",") if isinstance(value, str) else [value] if isinstance(value, int) else value


def as_names(value: Any) -> Any:
    """Several names: `a,b` as well as ["a", "b"].

    Example:
        >>> as_names("a, b,")
        ['a', 'b']
    """
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def as_claims(value: Any) -> tuple[int, ...]:
    """Numbers of claims: `1-3,7`, `all`, 7 or [1, 2, 7].

    Raises:
        ValueError: It is something else, or there is no such claim.

    Example:
        >>> as_claims("1-3,7"), as_claims([7, 1])
        ((1, 2, 3, 7), (1, 7))
    """
    try:
        if isinstance(value, str):
            return read_claims(value)
        return check_claims([value] if isinstance(value, int) else list(value))
    except (ClaimError, TypeError) as error:
        raise ValueError(str(error)) from None


def none_or_value(value: Any) -> Any:
    """A value that may be `none`, as text too.

    Example:
        >>> none_or_value("none"), none_or_value("5")
        (None, '5')
    """
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


def as_class_weights(value: Any) -> Any:
    """The weights of classes: `balanced`, `1,5` or [1, 5].

    Raises:
        ValueError: They are something else.

    Example:
        >>> as_class_weights("1,5")
        (1.0, 5.0)
    """
    if value is None or value == "balanced":
        return value
    try:
        weights = tuple(float(each) for each in (value.split(",") if isinstance(value, str) else value))
    except (TypeError, ValueError):
        weights = ()
    if not weights or not all(0 < weight < math.inf for weight in weights):
        raise ValueError("it needs to be balanced, or a positive number for each class, as in 1,5")
    return weights


def as_image_size(value: Any) -> Any:
    """Rows and columns of an image: `32` for as many of both, `24x32`, or [24, 32].

    Raises:
        ValueError: A text is something else.

    Example:
        >>> as_image_size("32"), as_image_size("24x32")
        ((32, 32), (24, 32))
    """
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+)(?:\s*[x×]\s*(\d+))?\s*", value)
        if found is None:
            raise ValueError("it needs a number of pixels, or rows and columns as in 24x32")
        return int(found[1]), int(found[2] or found[1])
    return (value, value) if isinstance(value, int) else value


def check_pairs(value: tuple[str, ...]) -> tuple[str, ...]:
    """Options of a sampler, each as NAME=VALUE.

    Raises:
        ValueError: One of them is none.
    """
    for pair in value:
        if not re.fullmatch(r"\s*[A-Za-z_]\w*\s*=.+", pair):
            raise ValueError(f"{pair!r} is no option; it needs NAME=VALUE, several separated by commas")
    return value


def values_by_name(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Such options by name; values are numbers, true, false and none where they look so, else text.

    Example:
        >>> values_by_name(("population_size=50", "mutation_prob=none"))
        {'population_size': 50, 'mutation_prob': None}
    """
    parts = (pair.partition("=") for pair in pairs)
    return {name.strip(): _literal(value.strip()) for name, _, value in parts}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(text.lower(), text))
    except (ValueError, SyntaxError):
        return text


def check_sampler(value: str) -> str:
    """The name of a sampler, or where a user's own is found.

    Raises:
        PydanticCustomError: There is none of that name.
    """
    if ":" not in value and value not in SAMPLER_NAMES:
        raise PydanticCustomError("literal_error", "it needs to be one of the samplers")
    return value


def check_name(value: str | None) -> str | None:
    """The name of a study.

    Raises:
        ValueError: It cannot be shown in a line.
    """
    if value is not None and (not value.strip() or not value.isprintable() or len(value) > _LONGEST_NAME):
        raise ValueError(f"a name needs 1 to {_LONGEST_NAME} printable characters")
    return value
