"""A user's network of a study: by which path it is named, what it adds to the identity, and where it is found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from search_spaces import SearchSpace
from search_spaces.architectures import Architecture
from search_spaces.network_names import is_of_user
from search_spaces.user_networks import Checked, NetworkError, Source, find_source
from study.config import ConfigError
from study.training import Sizes

OF_OUR_NETWORKS = ("width", "depth", "normalization", "residual", "bias")
"""Parameters of a space that only networks of ours have."""
NETWORK = "network"
"""Key of an identity under which a study has its network, where that is no multilayer perceptron."""


def from_any_folder(network: str) -> str:
    """`--network` as it names the same network from any working folder.

    Raises:
        NetworkError: There is no such file.
    """
    return Source.of(network).text if is_of_user(network) else network


def checked_network(architecture: Architecture, sizes: Sizes) -> Checked | None:
    """What is known of a user's network on the study's data; None for networks of our own.

    Raises:
        NetworkError: It cannot be used; the text says why.
    """
    return None if architecture.user is None else architecture.user.check(sizes.input_shape, sizes.outputs)


def check_sizes(architecture: Architecture, space: SearchSpace) -> None:
    """Refuses spaces of what only networks of ours have, where the network is a user's.

    Raises:
        ConfigError: The space searches width, depth, normalization, residual or bias.
    """
    if architecture.user is None:
        return
    own = f"--network is {architecture.name}, whose function decides its layers"
    sizes = [parameter.name for parameter in space.parameters if parameter.name in OF_OUR_NETWORKS]
    if sizes:
        raise ConfigError(f"{own}, and the space {space.name} searches {' and '.join(sizes)}; choose another --space")


def network_identity(architecture: Architecture, sizes: Sizes) -> dict[str, Any]:
    """What a user's network adds to a study's identity: the file's content, and what the function gives."""
    known, user = checked_network(architecture, sizes), architecture.user
    if known is None or user is None:
        return {}
    source = user.source
    return {NETWORK: {"function": source.name, "source": source.sha256, "shapes": known.shapes_hash}}


def where_it_is(network: str, identity: Mapping[str, Any], folders: Sequence[Path], *, what: str) -> str:
    """`--network` of a study that exists, as it names the network where it lies now.

    Args:
        network: As it is stored with the study.
        identity: The study's.
        folders: Where the file may lie too, of any name.
        what: The study, for the error.

    Raises:
        NetworkError: The file is gone, or has another content.
    """
    own = identity.get(NETWORK)
    if not isinstance(own, Mapping):
        return network
    place, _, _ = network.rpartition(":")
    return find_source(Source(Path(place), own["function"], own["source"]), folders, what=what).text


def check_shapes(known: Checked | None, identity: Mapping[str, Any], *, what: str) -> None:
    """Refuses a user's network whose function gives other shapes than when its study was begun.

    Args:
        known: What the function gives now.
        identity: The study's.
        what: The study, for the error.

    Raises:
        NetworkError: The shapes differ, though the file is the same.
    """
    own = identity.get(NETWORK)
    if known is not None and isinstance(own, Mapping) and own["shapes"] != known.shapes_hash:
        raise NetworkError(
            f"the network of {what} has tensors of other shapes now ({known.shapes_hash[:12]}) than when the study was "
            f"begun ({own['shapes'][:12]}), though its file is the same: what it imports has changed; put that back, "
            "or start a new study"
        )
