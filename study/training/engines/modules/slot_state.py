"""The state of one slot between two epochs: copied, put back, and its shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from search_spaces import Hyperparameters
from study.training.budget import BETAS, EPSILON, MOMENTUM, Budget
from study.training.patience import kept_name, state_shapes
from study.training.progress import SlotState

_MOMENTS = {"adam": ("exp_avg", "exp_avg_sq"), "sgd": ("momentum_buffer",)}
STEP = "step"


def make_optimizer(network: nn.Module, hyperparameters: Hyperparameters, budget: Budget) -> torch.optim.Optimizer:
    """Torch's optimizer of all parameters; PReLU's slopes get no weight decay (He et al. 2015, section 2.1)."""
    slopes = learned_slopes(network)
    groups = [
        {
            "params": [p for p in network.parameters() if (id(p) in slopes) == of_slopes],
            "lr": hyperparameters.learning_rate,
            "weight_decay": 0.0 if of_slopes else hyperparameters.weight_decay,
        }
        for of_slopes in (False, True)
    ]
    return optimizer_of(groups, budget)


def learned_slopes(network: nn.Module) -> set[int]:
    """The identities of the parameters that are slopes of PReLU."""
    return {id(p) for module in network.modules() if isinstance(module, nn.PReLU) for p in module.parameters()}


def optimizer_of(groups: Iterable[dict[str, Any]], budget: Budget) -> torch.optim.Optimizer:
    """The budget's optimizer, of groups of parameters with their `lr` and `weight_decay`; empty ones are left out."""
    groups = [group for group in groups if group["params"]]
    if budget.optimizer == "adam":
        return torch.optim.Adam(groups, betas=BETAS, eps=EPSILON)
    return torch.optim.SGD(groups, momentum=MOMENTUM)


def snapshot(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    budget: Budget,
    curves: Mapping[str, Sequence[Tensor]],
    kept: Mapping[str, Tensor],
    best: Mapping[str, Tensor],
) -> SlotState:
    """Copies the state of a slot between two epochs.

    Args:
        network: Its network.
        optimizer: Its optimizer.
        budget: Names the optimizer.
        curves: Its learning curves, point by point.
        kept: Under patience the tensors of the network of its best epoch, by name.
        best: Under patience the state of its best epoch.
    """
    tensors = _tensors(network, optimizer, budget) | {
        f"curve.{name}": torch.cat(list(points)) for name, points in curves.items()
    }
    tensors |= {kept_name(name): tensor for name, tensor in kept.items()} | dict(best)
    return SlotState(
        len(next(iter(curves.values()))),
        {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()},
    )


def restore(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    budget: Budget,
    curves: Mapping[str, list[Tensor]],
    state: SlotState,
) -> None:
    """Puts a slot into its state; the reverse of `snapshot`."""
    with torch.no_grad():
        for name, tensor in network_tensors(network).items():
            tensor.copy_(state.tensors[name])
    moments = {
        index: {key: _laid_out(state.tensors[f"optimizer.{index}.{key}"], parameter) for key in _keys(budget)}
        for index, parameter in enumerate(_parameters(optimizer))
    }
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    device = next(network.parameters()).device
    for name, points in curves.items():
        points += torch.split(state.tensors[f"curve.{name}"].to(device), 1)


def shapes(network: nn.Module, hyperparameters: Hyperparameters, budget: Budget) -> dict[str, torch.Size]:
    """Shape of every tensor of a slot's state but its curves, by name."""
    tensors = _tensors(network, make_optimizer(network, hyperparameters, budget), budget)
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if budget.patience is None:
        return found
    return found | state_shapes({name: tensor.shape for name, tensor in network_tensors(network).items()})


def kept_tensors(network: nn.Module, state: SlotState) -> dict[str, Tensor]:
    """Copies of the tensors of the network of the best epoch, from a slot's state, laid out as the network's own."""
    return {
        name: torch.empty_like(tensor).copy_(state.tensors[kept_name(name)])
        for name, tensor in network_tensors(network).items()
    }


def copy_tensors(network: nn.Module, other: nn.Module) -> None:
    """Gives another network of the same architecture the parameters and buffers of one."""
    tensors = network_tensors(network)
    with torch.no_grad():
        for name, tensor in network_tensors(other).items():
            tensor.copy_(tensors[name])


def _tensors(network: nn.Module, optimizer: torch.optim.Optimizer, budget: Budget) -> dict[str, Tensor]:
    """All that training changes, by name; moments that the optimizer has not made yet are 0, as they begin."""
    tensors = network_tensors(network)
    for index, parameter in enumerate(_parameters(optimizer)):
        state = optimizer.state.get(parameter, {})
        for key in _keys(budget):
            begin = torch.zeros(()) if key == STEP else torch.zeros_like(parameter)
            tensors[f"optimizer.{index}.{key}"] = state.get(key, begin)
    return tensors


def network_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, also buffers that a state dict leaves out; tied ones have several names."""
    buffers = dict(network.named_buffers(remove_duplicate=False))
    return {f"network.{name}": tensor for name, tensor in (network.state_dict() | buffers).items()}


def _laid_out(tensor: Tensor, parameter: Tensor) -> Tensor:
    """A copy of a moment in the memory layout of its parameter, as before: other layouts might round otherwise."""
    return tensor.clone() if tensor.shape != parameter.shape else torch.empty_like(parameter).copy_(tensor)


def _keys(budget: Budget) -> tuple[str, ...]:
    return (*_MOMENTS[budget.optimizer], *((STEP,) if budget.optimizer == "adam" else ()))


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
