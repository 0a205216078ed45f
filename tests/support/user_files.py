"""Files of networks as users write them."""

from __future__ import annotations

from pathlib import Path

RESNET = '''
from torch import nn


class Block(nn.Module):
    def __init__(self, channels, relu):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu = relu

    def forward(self, x):
        h = self.relu(self.norm1(self.conv1(x)))
        return self.relu(x + self.norm2(self.conv2(h)))


class ResNet(nn.Module):
    """One ReLU serves the stem and both blocks."""

    def __init__(self, shape, outputs):
        super().__init__()
        self.shape = shape if len(shape) == 3 else (1, 8, 8)
        self.relu = nn.ReLU(inplace=True)
        self.stem = nn.Sequential(nn.Conv2d(self.shape[0], 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
        self.blocks = nn.Sequential(Block(4, self.relu), Block(4, self.relu))
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(16, outputs)

    def forward(self, x):
        x = self.relu(self.stem(x.view(-1, *self.shape)))
        return self.head(self.drop(self.pool(self.blocks(x)).flatten(1)))


def make(input_shape, outputs):
    return ResNet(input_shape, outputs)
'''
"""Two-argument form: batch normalization, residual connections, one shared ReLU that a pass uses five times."""

RESIDUAL = """
import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, width, activation, dropout):
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(width), nn.Linear(width, width)
        self.activation, self.dropout = activation(), dropout()

    def forward(self, x):
        return x + self.dropout(self.activation(self.linear(self.norm(x))))


def make(input_shape, outputs, activation, dropout):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(torch.Size(input_shape).numel(), 12),
        Residual(12, activation, dropout), Residual(12, activation, dropout), nn.Linear(12, outputs),
    )
"""
"""Four-argument form: layer normalization and residual connections."""


SHARED = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, features, outputs):
        super().__init__()
        self.act = nn.ReLU()
        self.first, self.norm1 = nn.Linear(features, 10), nn.BatchNorm1d(10)
        self.second, self.norm2 = nn.Linear(10, 10), nn.BatchNorm1d(10)
        self.last = nn.Linear(10, outputs)
        self.register_buffer("seen", torch.zeros(()), persistent=False)

    def forward(self, x):
        if self.training:
            self.seen += len(x)
        h = self.act(self.norm1(self.first(x)))
        return self.last(self.act(h + self.norm2(self.second(h))) * (1 + 0 * self.seen))


def make(input_shape, outputs):
    return Net(*input_shape, outputs)
"""
"""Two-argument form for tables: batch normalization, a buffer outside the state dict, one ReLU that is used twice."""

NOISY = SHARED.replace(
    "self.act(self.norm1(self.first(x)))", "self.act(self.norm1(self.first(self.noise(x))))"
).replace(
    "    def forward",
    "    def noise(self, x):\n        return x + 0.1 * torch.randn_like(x) if self.training else x\n\n    def forward",
)
"""As `SHARED`, with random numbers of its own in training."""

TIED = """
from torch import nn


class Net(nn.Module):
    def __init__(self, features, outputs):
        super().__init__()
        self.enter, self.leave, self.act = nn.Linear(features, 7), nn.Linear(features, 7), nn.ReLU()
        self.leave.weight = self.enter.weight
        self.last = nn.Linear(7, outputs)

    def forward(self, x):
        return self.last(self.act(self.enter(x)) + self.leave(x))


def make(input_shape, outputs):
    return Net(*input_shape, outputs)
"""
"""Two layers share their weights."""

RAISES = RESIDUAL.replace(
    "        return x +", "        if {when}:\n            raise ValueError('seven\\nsins')\n        return x +"
)
"""As `RESIDUAL`, and raises where a condition holds, which is to be formatted in."""


def write(folder: Path, text: str, name: str = "net.py") -> str:
    """Writes a file of a network; returns what `--network` is given for its function `make`."""
    file = folder / name
    file.write_text(text)
    return f"{file}:make"
