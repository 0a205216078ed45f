"""The usual way: an Optuna loop that trains one small network after another, as a competent user writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
import torch
from optuna.samplers import TPESampler
from sqlalchemy import event
from torch import Tensor, nn

from search_spaces import ACTIVATIONS
from study.data import Split
from study.training.measures import layer_measures

ACTIVATION_NAMES = ["relu", "leaky_relu", "prelu", "elu", "tanh", "sigmoid"]
INITIALIZATION_NAMES = ["kaiming_normal", "xavier_normal", "lecun_normal", "orthogonal", "torch_default"]
"""Those of the default space."""


class Listed(TPESampler):
    """Optuna's default sampler, which does all its work and then gives way to a list of trials.

    So two ways of running a study train the same trials, and each pays for its own proposals.
    """

    def __init__(self, params: Sequence[Mapping[str, Any]], seed: int) -> None:
        super().__init__(seed=seed)
        self._params = params

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        """The listed value."""
        super().sample_independent(study, trial, param_name, param_distribution)
        return self._params[trial.number][param_name]


def open_stock(database: Path, *, wal: bool = False, **options: Any) -> optuna.Study:
    """A study of accuracy and sparsity in an SQLite file."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = f"sqlite:///{database}"
    if not wal:
        return optuna.create_study(
            directions=["maximize"] * 2, storage=url, study_name="stock", load_if_exists=True, **options
        )
    storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})

    def write_ahead(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    event.listen(storage.engine, "connect", write_ahead)
    storage.engine.dispose()
    return optuna.create_study(
        directions=["maximize"] * 2, storage=storage, study_name="stock", load_if_exists=True, **options
    )


def objective(
    trial: optuna.Trial,
    split: Split,
    *,
    hidden: Sequence[int],
    epochs: int,
    batch_size: int,
    seeds: int,
    device: str,
    offset: int = 0,
) -> tuple[float, float]:
    """Trains and judges one trial: data are tensors in memory, sparsity is measured by hooks at the end."""
    name = trial.suggest_categorical("activation", ACTIVATION_NAMES)
    slope = 0.01
    if name in ("leaky_relu", "prelu"):
        slope = trial.suggest_float("negative_slope", 0.001, 0.7, log=True)
    rule = trial.suggest_categorical("initialization", INITIALIZATION_NAMES)
    rate = trial.suggest_float("dropout", 0.0, 0.6)
    x, y = split.training.x.to(device), split.training.y.to(device)
    accuracies, measures = [], []
    for seed in range(seeds):
        torch.manual_seed(offset + 1000 * trial.number + seed)
        net = network(name, slope, rule, rate, [x.shape[1], *hidden, len(split.classes)]).to(device)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
        net.train()
        for _ in range(epochs):
            for chosen in torch.randperm(len(y), device=device).split(batch_size):
                loss = nn.functional.cross_entropy(net(x[chosen]), y[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        accuracy, measured = _measure(net, name, slope, split, device)
        accuracies.append(accuracy)
        measures.append(measured)
    for key in measures[0]:
        trial.set_user_attr(key, fmean(measured[key] for measured in measures))
    return fmean(accuracies), fmean(measured["near_zero"] for measured in measures)


def network(name: str, slope: float, rule: str, rate: float, widths: Sequence[int]) -> nn.Sequential:
    """A network as the usual loop builds and initializes it."""
    activation = ACTIVATIONS[name]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths[:-1]):
        layers += [nn.Linear(fan_in, fan_out), activation.module(slope).float(), nn.Dropout(rate)]
    net = nn.Sequential(*layers, nn.Linear(*widths[-2:]))
    for module in net:
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
    return net


@torch.no_grad()
def _measure(net: nn.Sequential, name: str, slope: float, split: Split, device: str) -> tuple[float, dict[str, float]]:
    net.eval()
    seen: list[tuple[Tensor, Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
        for module in net
        if not isinstance(module, nn.Linear | nn.Dropout)
    ]
    predicted = net(split.validation.x.to(device)).argmax(1).cpu()
    for hook in hooks:
        hook.remove()
    layers = [layer_measures(a, ACTIVATIONS[name].saturated(z, a, slope)) for z, a in seen]
    means = {key: fmean(layer[key] for layer in layers) for key in layers[0]}
    return float((predicted == split.validation.y).double().mean()), means
