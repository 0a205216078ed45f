"""Finds what is searched in a user's network: its activations with their uses, its dropouts, its functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from torch import fx, nn
from torch.nn import functional

ACTIVATIONS: tuple[type[nn.Module], ...] = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Tanh, nn.Sigmoid, nn.LogSigmoid, nn.Softplus, nn.Softsign, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh),
    *(nn.Tanhshrink, nn.Softshrink, nn.Hardshrink, nn.Threshold),
)
"""The activations of `torch.nn` that act on each unit by itself."""
_OF_CHANNELS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout)
DROPOUTS: tuple[type[nn.Module], ...] = (nn.Dropout, nn.AlphaDropout, *_OF_CHANNELS)
_WITH_FUNCTION = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
"""Layers whose activation is a function, where none was given or it was named by a text."""
_FUNCTIONS: dict[object, type[nn.Module]] = {functional.relu: nn.ReLU, functional.gelu: nn.GELU}
_NAMES = frozenset(
    [
        *("relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "prelu", "rrelu", "rrelu_", "elu", "elu_", "celu"),
        *("celu_", "selu", "selu_", "gelu", "silu", "mish", "tanh", "tanh_", "sigmoid", "sigmoid_", "logsigmoid"),
        *("softplus", "softsign", "hardswish", "hardsigmoid", "hardtanh", "hardtanh_", "tanhshrink", "softshrink"),
        *("hardshrink", "threshold", "threshold_"),
    ]
)


@dataclass(frozen=True)
class Found:
    """What is searched in a network of the two-argument form.

    Attributes:
        activations: How often a forward pass uses each activation, by one of its paths; those that none uses are left
            out.
        dropouts: Whether each dropout drops whole channels, by its path.
        kinds: How many of each kind of module that is.
    """

    activations: dict[str, int] = field(default_factory=dict)
    dropouts: dict[str, bool] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)


def find_places(network: nn.Module, passes: Callable[[nn.Module], None]) -> Found:
    """Finds the activations and dropouts of a network.

    Args:
        network: The network; functions in it that are searched become modules.
        passes: Runs forward passes, one in eval mode, then one in training mode.
    """
    for module in network.modules():
        if isinstance(module, _WITH_FUNCTION) and module.activation in _FUNCTIONS:
            module.activation = _FUNCTIONS[module.activation]()
            if isinstance(module, nn.TransformerEncoderLayer):
                module.activation_relu_or_gelu = 0  # else evaluation takes a shortcut past its modules
    activations = {name: module for name, module in network.named_modules() if type(module) in ACTIVATIONS}
    dropouts = {name: module for name, module in network.named_modules() if type(module) in DROPOUTS}
    used = most_uses(network, activations.values(), passes)
    uses = {path: used[module] for path, module in activations.items() if used[module]}
    kinds = Counter[str]()
    for path, count in uses.items():
        kinds[type(activations[path]).__name__] += count
    kinds.update(type(module).__name__ for module in dropouts.values())
    return Found(uses, {path: isinstance(module, _OF_CHANNELS) for path, module in dropouts.items()}, kinds)


def most_uses(
    network: nn.Module, modules: Iterable[nn.Module], passes: Callable[[nn.Module], None]
) -> dict[nn.Module, int]:
    """How often a forward pass calls each module, at most.

    Args:
        network: The network.
        modules: Modules in it.
        passes: Runs forward passes.
    """
    most = dict.fromkeys(modules, 0)
    now = Counter[nn.Module]()

    def begin(network: nn.Module, inputs: object) -> None:
        now.clear()

    def count(module: nn.Module, inputs: object) -> None:
        now[module] += 1
        most[module] = max(most[module], now[module])

    handles = [network.register_forward_pre_hook(begin)]
    handles += [module.register_forward_pre_hook(count) for module in most]
    try:
        passes(network)
    finally:
        for handle in handles:
            handle.remove()
    return most


def functional_activations(network: nn.Module) -> Counter[str]:
    """How often each activation is called as a function in `forward`; empty where torch.fx cannot trace the network."""
    try:
        graph = fx.Tracer().trace(network)
    except Exception:  # whatever the user's code raises on symbols
        return Counter()
    found = Counter[str]()
    for node in graph.nodes:
        name = getattr(node.target, "__name__", "") if node.op == "call_function" else node.target
        if node.op in ("call_function", "call_method") and name in _NAMES:
            found[str(name).removesuffix("_")] += 1
    return found
