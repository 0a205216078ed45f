"""What can be searched: activations, initializations, and the search spaces over them.

`activations` (with their `kernels`) and `initializations` are registries. A TOML file is read by `parsing`, one table
for each parameter, and by `space`, which makes a `SearchSpace` of it; one point of a space is a `Hyperparameters`.
`design` lists the networks of a comparison. Names are imported where they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reluctant.lazy import lazy_attributes

if TYPE_CHECKING:
    from search_spaces.activations import ACTIVATIONS, Activation
    from search_spaces.architectures import ARCHITECTURES, Architecture
    from search_spaces.hyperparameters import Hyperparameters
    from search_spaces.initializations import INITIALIZATIONS, Initialization
    from search_spaces.parsing import SpaceError
    from search_spaces.space import Parameter, SearchSpace, Suggester
    from search_spaces.space_files import load_space, parse_space, preset_names

__all__ = [
    "ACTIVATIONS",
    "ARCHITECTURES",
    "INITIALIZATIONS",
    "Activation",
    "Architecture",
    "Hyperparameters",
    "Initialization",
    "Parameter",
    "SearchSpace",
    "SpaceError",
    "Suggester",
    "load_space",
    "parse_space",
    "preset_names",
]

__getattr__ = lazy_attributes(
    __name__,
    {
        "ACTIVATIONS": ".activations",
        "ARCHITECTURES": ".architectures",
        "Activation": ".activations",
        "Architecture": ".architectures",
        "Hyperparameters": ".hyperparameters",
        "INITIALIZATIONS": ".initializations",
        "Initialization": ".initializations",
        "Parameter": ".space",
        "SearchSpace": ".space",
        "SpaceError": ".parsing",
        "Suggester": ".space",
        "load_space": ".space_files",
        "parse_space": ".space_files",
        "preset_names": ".space_files",
    },
)


def __dir__() -> list[str]:
    return __all__
