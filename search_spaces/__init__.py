"""What can be searched: activations, initializations, and the spaces over them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_spaces.activations import ACTIVATIONS, Activation
    from search_spaces.architectures import ARCHITECTURES, Architecture
    from search_spaces.hyperparameters import Hyperparameters
    from search_spaces.initializations import INITIALIZATIONS, Initialization
    from search_spaces.space import Parameter, SearchSpace, SpaceError, Suggester, load_space, parse_space, preset_names

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

_HOMES = {
    "ACTIVATIONS": "activations",
    "ARCHITECTURES": "architectures",
    "Architecture": "architectures",
    "Activation": "activations",
    "Hyperparameters": "hyperparameters",
    "INITIALIZATIONS": "initializations",
    "Initialization": "initializations",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that importing the package stays cheap."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'space')}"), name)
