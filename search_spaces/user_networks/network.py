"""A user's network: what is searched in it is found once for a shape of inputs, and replaced wherever it is built."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from search_spaces.hyperparameters import Hyperparameters
from search_spaces.user_networks.factory import Factory, Make
from search_spaces.user_networks.finding import Found, find_places, functional_activations, most_uses
from search_spaces.user_networks.replacing import begin_each_pass, in_turn, replace_modules
from search_spaces.user_networks.source import Source
from search_spaces.user_networks.trial_passes import TrialPasses

LAYERS: tuple[type[nn.Module], ...] = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""Layers whose weights follow the searched initialization."""
_REMEDY = "write NAME(input_shape, outputs, activation, dropout), and call activation() and dropout() for their modules"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What is known of a network for one shape of inputs.

    Attributes:
        found: What is replaced in it; None in the four-argument form.
        uses: How often a forward pass uses each module that `activation()` gave, in the order of the calls; empty in
            the two-argument form.
        kinds: How many modules of each kind are searched; an activation counts once for each use.
        functions: How often each activation is called as a function, which cannot be searched.
        shapes: Shape of each tensor of its state dict, by name, with activations without parameters.
        draws: Whether it draws random numbers in training, beside those of the searched dropouts.
        takes_float64: Whether it computes in float64 too.
        takes_channels_last: Whether it takes images whose channels lie side by side in memory.
    """

    found: Found | None
    uses: tuple[int, ...] = ()
    kinds: Mapping[str, int]
    functions: Mapping[str, int]
    shapes: Mapping[str, tuple[int, ...]]
    draws: bool
    takes_float64: bool
    takes_channels_last: bool

    @property
    def shapes_hash(self) -> str:
        """SHA-256 of the shapes, in hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.shapes, sort_keys=True).encode()).hexdigest()

    @property
    def lines(self) -> tuple[str, ...]:
        """What a user should know of it, a line each."""
        lines = [f"{'searched' if self.found is None else 'replaced'}: {_counted(self.kinds)}"]
        if self.functions:
            lines.append(f"not searched: {_counted(self.functions)} called as functions; to search them, {_REMEDY}")
        return tuple(lines)


class UserNetwork:
    """A user's network.

    Args:
        source: Where the function is found that makes it.

    Raises:
        NetworkError: The file raises, or has no such function, or it wants other arguments.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._factory = Factory(source)
        self._checked: dict[tuple[tuple[int, ...], int], Checked] = {}

    @property
    def takes_modules(self) -> bool:
        """Whether the function is given `activation` and `dropout`: the four-argument form."""
        return self._factory.takes_modules

    def build(
        self,
        hyperparameters: Hyperparameters,
        input_shape: tuple[int, ...],
        outputs: int,
        activation: Make,
        dropout: Make,
    ) -> nn.Module:
        """The network with searched modules; see `Architecture.build`."""
        checked = self.check(input_shape, outputs)
        return self._with_modules(checked.found, checked.uses, input_shape, outputs, activation, dropout)

    def check(self, input_shape: tuple[int, ...], outputs: int) -> Checked:
        """Makes the network, runs it, and finds what is searched in it.

        Args:
            input_shape: Shape of one sample's features.
            outputs: C, number of outputs.

        Raises:
            NetworkError: It cannot be trained, or has nothing to search; the text says why.
        """
        key = (tuple(input_shape), outputs)
        if key not in self._checked:
            with torch.random.fork_rng(devices=[]):
                self._checked[key] = self._new_check(*key)
        return self._checked[key]

    def _new_check(self, input_shape: tuple[int, ...], outputs: int) -> Checked:
        passes = TrialPasses(self._factory, input_shape, outputs)
        first, _ = self._plain(input_shape, outputs)
        network, made = self._plain(input_shape, outputs)
        self._factory.check_equal(first, network)
        functions = functional_activations(first)
        passes.check(network)
        passes.check_equal(first, network)
        if self.takes_modules:
            used = most_uses(network, made, passes)
            uses = tuple(used[each] for each in made if isinstance(each, nn.ReLU))
            kinds = Counter(activation=sum(uses), dropout=sum(isinstance(each, nn.Dropout) for each in made))
            found, places = None, sum(uses)
        else:
            found, uses = find_places(network, passes), ()
            kinds, places = Counter(found.kinds), sum(found.activations.values())
        if not places:
            raise self._factory.refused(self._nothing_searched(functions))
        kinds.update(next(kind.__name__ for kind in LAYERS if isinstance(each, kind)) for each in _layers(first))

        def with_modules() -> nn.Module:
            return self._with_modules(found, uses, input_shape, outputs, nn.ReLU, nn.Identity)

        passes.check_gradients(with_modules())

        return Checked(
            found=found,
            uses=uses,
            kinds={kind: count for kind, count in kinds.items() if count},
            functions=functions,
            shapes={name: tuple(tensor.shape) for name, tensor in with_modules().state_dict().items()},
            draws=passes.draws(with_modules()),
            takes_float64=passes.takes_float64(with_modules()),
            takes_channels_last=passes.takes_channels_last(with_modules()),
        )

    def _plain(self, input_shape: tuple[int, ...], outputs: int) -> tuple[nn.Module, list[nn.Module]]:
        """The network as the function makes it, and the modules that it was given."""
        made: list[nn.Module] = []

        def making(kind: type[nn.Module]) -> Make:
            def make() -> nn.Module:
                made.append(kind())
                return made[-1]

            return make

        torch.default_generator.manual_seed(0)
        places = (making(nn.ReLU), making(nn.Dropout)) if self.takes_modules else ()
        return self._factory(input_shape, outputs, *places), made

    def _with_modules(
        self,
        found: Found | None,
        uses: tuple[int, ...],
        input_shape: tuple[int, ...],
        outputs: int,
        activation: Make,
        dropout: Make,
    ) -> nn.Module:
        if found is None:
            return begin_each_pass(self._factory(input_shape, outputs, in_turn(activation, uses), dropout))
        network = self._factory(input_shape, outputs)
        return replace_modules(network, found.activations, found.dropouts, activation, dropout)

    def _nothing_searched(self, functions: Mapping[str, int]) -> str:
        if self.takes_modules:
            return "never uses what activation() gave, so that nothing is searched; call it in forward"
        seen = (
            f"calls {_counted(functions)} as functions, which cannot be replaced"
            if functions
            else "has no module of an activation of torch.nn"
        )
        return f"gives a module that {seen}, so that nothing is searched; {_REMEDY}"


def _layers(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, LAYERS) and is_initialized(module)]


def is_initialized(layer: nn.Module) -> bool:
    """Whether a layer's weights follow the searched initialization: they are trained, and computed from no others."""
    weight = layer._parameters.get("weight")
    return weight is not None and weight.requires_grad


def _counted(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())
