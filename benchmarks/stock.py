"""The usual way: an Optuna loop that trains one small network after another, as a competent user writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import torch
from torch import Tensor, nn

from search_spaces import ACTIVATIONS
from study.data import Split
from study.training.measures import layer_measures


def run_stock(split: Split, *, database: Path, trials: int, epochs: int, batch_size: int, width: int, seed: int) -> Any:
    """Runs a study with `study.optimize`, Optuna's default sampler and an SQLite file; one seed a trial.

    Data are tensors in memory, PyTorch uses its default threads, sparsity is measured by hooks at the end, and the
    same measures are kept as user attributes.
    """
    x, y = split.training.x, split.training.y

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        name = trial.suggest_categorical("activation", ["relu", "leaky_relu", "prelu", "elu", "tanh", "sigmoid"])
        slope = 0.01
        if name in ("leaky_relu", "prelu"):
            slope = trial.suggest_float("negative_slope", 0.001, 0.7, log=True)
        rule = trial.suggest_categorical(
            "initialization", ["kaiming_normal", "xavier_normal", "lecun_normal", "orthogonal", "torch_default"]
        )
        rate = trial.suggest_float("dropout", 0.0, 0.6)
        torch.manual_seed(seed + trial.number)
        network = _network(name, slope, rule, rate, x.shape[1], width, len(split.classes))
        optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
        network.train()
        for _ in range(epochs):
            for chosen in torch.randperm(len(y)).split(batch_size):
                loss = nn.functional.cross_entropy(network(x[chosen]), y[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        accuracy, measures = _measure(network, name, slope, split)
        for key, value in measures.items():
            trial.set_user_attr(key, value)
        return accuracy, measures["near_zero"]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        directions=["maximize", "maximize"],
        storage=f"sqlite:///{database}",
        sampler=optuna.samplers.TPESampler(seed=seed),
    )
    study.optimize(objective, n_trials=trials)
    return study


def _network(name: str, slope: float, rule: str, rate: float, features: int, width: int, classes: int) -> nn.Sequential:
    activation = ACTIVATIONS[name]
    layers: list[nn.Module] = []
    for fan_in in (features, width):
        layers += [nn.Linear(fan_in, width), activation.module(slope).float(), nn.Dropout(rate)]
    network = nn.Sequential(*layers, nn.Linear(width, classes))
    for module in network:
        if not isinstance(module, nn.Linear) or rule == "torch_default":
            continue
        nn.init.zeros_(module.bias)
        if rule == "kaiming_normal":
            nn.init.normal_(module.weight, std=activation.gain(slope) / module.in_features**0.5)
        elif rule == "xavier_normal":
            nn.init.xavier_normal_(module.weight)
        elif rule == "lecun_normal":
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        else:
            nn.init.orthogonal_(module.weight, gain=activation.gain(slope))
    return network


@torch.no_grad()
def _measure(network: nn.Sequential, name: str, slope: float, split: Split) -> tuple[float, dict[str, float]]:
    network.eval()
    seen: list[tuple[Tensor, Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
        for module in network
        if not isinstance(module, nn.Linear | nn.Dropout)
    ]
    predicted = network(split.validation.x).argmax(1)
    for hook in hooks:
        hook.remove()
    layers = [layer_measures(a, ACTIVATIONS[name].saturated(z, a, slope)) for z, a in seen]
    means = {key: sum(layer[key] for layer in layers) / len(layers) for key in layers[0]}
    return float((predicted == split.validation.y).double().mean()), means
