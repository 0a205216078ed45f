"""The usual way: an Optuna loop that trains one small network after another, as a competent user writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from study.training.engines.base import MEASURED_ROWS
from study.training.measures import layer_measures

ACTIVATION_NAMES = ["relu", "leaky_relu", "prelu", "elu", "tanh", "sigmoid"]
INITIALIZATION_NAMES = ["kaiming_normal", "xavier_normal", "lecun_normal", "orthogonal", "torch_default"]
"""Those of the default space."""
SLOPES = (0.001, 0.7)
"""Its negative slopes, in equal steps of the logarithm."""
DROPOUT_RATES = (0.0, 0.6)


_NO_ACTIVATION = (
    *(nn.Linear, nn.Conv2d, nn.Dropout, nn.Flatten),
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.MaxPool2d),
)


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
    channels: Sequence[int] = (),
) -> tuple[float, float]:
    """Trains and judges one trial: data are tensors in memory, sparsity is measured by hooks at the end.

    With `channels` the network is convolutional, like those of `--network cnn`.
    """
    name = trial.suggest_categorical("activation", ACTIVATION_NAMES)
    slope = 0.01
    if name in ("leaky_relu", "prelu"):
        slope = trial.suggest_float("negative_slope", *SLOPES, log=True)
    rule = trial.suggest_categorical("initialization", INITIALIZATION_NAMES)
    rate = trial.suggest_float("dropout", *DROPOUT_RATES)
    x, y = split.training.x.to(device), split.training.y.to(device)
    accuracies, measures = [], []
    for seed in range(seeds):
        torch.manual_seed(offset + 1000 * trial.number + seed)
        if channels:
            net = convolutional(name, slope, rule, rate, x.shape[1:], channels, [*hidden, len(split.classes)]).to(
                device
            )
        else:
            net = network(name, slope, rule, rate, [x.shape[1], *hidden, len(split.classes)]).to(device)
        for _ in training(net, x, y, epochs=epochs, batch_size=batch_size):
            pass
        accuracy, measured = measure(net, name, slope, split, device)
        accuracies.append(accuracy)
        measures.append(measured)
    for key in measures[0]:
        trial.set_user_attr(key, fmean(measured[key] for measured in measures))
    return fmean(accuracies), fmean(measured["near_zero"] for measured in measures)


def training(net: nn.Module, x: Tensor, y: Tensor, *, epochs: int, batch_size: int) -> Iterator[int]:
    """Trains a network on `[N, F]` or `[N, C, H, W]` inputs and `[N]` classes; gives the epochs so far after each."""
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    for epoch in range(1, epochs + 1):
        net.train()
        for chosen in torch.randperm(len(y), device=y.device).split(batch_size):
            loss = nn.functional.cross_entropy(net(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        yield epoch


def network(name: str, slope: float, rule: str, rate: float, widths: Sequence[int]) -> nn.Sequential:
    """A network as the usual loop builds and initializes it."""
    activation = ACTIVATIONS[name]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths[:-1]):
        layers += [nn.Linear(fan_in, fan_out), activation.module(slope).float(), nn.Dropout(rate)]
    return _initialized(nn.Sequential(*layers, nn.Linear(*widths[-2:])), name, slope, rule)


def convolutional(
    name: str,
    slope: float,
    rule: str,
    rate: float,
    shape: Sequence[int],
    channels: Sequence[int],
    widths: Sequence[int],
) -> nn.Sequential:
    """Blocks of convolution, batch normalization, activation, dropout and pooling, then hidden layers."""
    module = ACTIVATIONS[name].module
    layers: list[nn.Module] = []
    inputs, rows, columns = shape
    for width in channels:
        layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
        layers += [module(slope).float(), nn.Dropout(rate), nn.MaxPool2d(2)]
        inputs, rows, columns = width, rows // 2, columns // 2
    layers.append(nn.Flatten())
    for fan_in, fan_out in pairwise([inputs * rows * columns, *widths[:-1]]):
        layers += [nn.Linear(fan_in, fan_out, bias=False), nn.BatchNorm1d(fan_out)]
        layers += [module(slope).float(), nn.Dropout(rate)]
    return _initialized(nn.Sequential(*layers, nn.Linear(*widths[-2:])), name, slope, rule)


def _initialized(net: nn.Sequential, name: str, slope: float, rule: str) -> nn.Sequential:
    activation = ACTIVATIONS[name]
    for module in net:
        if not isinstance(module, nn.Linear | nn.Conv2d) or rule == "torch_default":
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
        if rule == "kaiming_normal":
            nn.init.normal_(module.weight, std=activation.gain(slope) / module.weight[0].numel() ** 0.5)
        elif rule == "xavier_normal":
            nn.init.xavier_normal_(module.weight)
        elif rule == "lecun_normal":
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        else:
            nn.init.orthogonal_(module.weight, gain=activation.gain(slope))
    return net


def _rows(x: Tensor) -> Tensor:
    """`[N, F]` as they are; `[N, C, H, W]` as `[N·H·W, C]`, as many as ours measures."""
    return x if x.ndim == 2 else x.movedim(1, -1).flatten(0, -2)[:MEASURED_ROWS]


@torch.no_grad()
def measure(net: nn.Sequential, name: str, slope: float, split: Split, device: str) -> tuple[float, dict[str, float]]:
    """Accuracy on the validation part, and the measures of the activations, in the mean over layers."""
    net.eval()
    seen: list[tuple[Tensor, Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
        for module in net
        if not isinstance(module, _NO_ACTIVATION)
    ]
    predicted = net(split.validation.x.to(device)).argmax(1).cpu()
    for hook in hooks:
        hook.remove()
    rows = [(_rows(z), _rows(a)) for z, a in seen]
    layers = [layer_measures(a, ACTIVATIONS[name].saturated(z, a, slope)) for z, a in rows]
    means = {key: fmean(layer[key] for layer in layers) for key in layers[0]}
    return float((predicted == split.validation.y).double().mean()), means
