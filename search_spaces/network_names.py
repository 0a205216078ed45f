"""The names that options of networks may have; importing this module loads no torch."""

from __future__ import annotations

NORMALIZATIONS = ("none", "batch", "layer")
HEADS = ("flatten", "average")
OPTIONS = ("hidden", "channels", "head", "normalization", "residual")
"""The options of a study that say how networks are built; an architecture has some of them."""


def is_of_user(network: str) -> bool:
    """Whether `--network` names a network of a user.

    Example:
        >>> is_of_user("mlp"), is_of_user("resnet.py:make"), is_of_user("resnet.py")
        (False, True, True)
    """
    return ":" in network or network.endswith(".py")
