"""Small classification problems with odd sizes."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import torch

from study.data.split import Part, Split
from study.tasks import CLASSIFICATION, REGRESSION, Task
from study.training.engines.stacked_mlp.padded_samples import BlockData


def make_problem(rows: int = 83, features: int = 13, classes: int = 5, seed: int = 0) -> Split:
    """Gaussian classes around random centres; 37 validation and 41 test rows."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(classes, features))

    def part(count: int) -> Part:
        y = np.arange(count) % classes
        x = centres[y] + generator.normal(size=(count, features))
        return Part(torch.tensor(x, dtype=torch.float32), torch.tensor(y))

    names = tuple(f"f{index}" for index in range(features))
    return Split(part(rows), part(37), part(41), tuple(map(str, range(classes))), names)


def make_regression(rows: int = 83, features: int = 13, seed: int = 0) -> Split:
    """A noisy quantity of large unit and far from 0; 37 validation and 41 test rows."""
    generator = np.random.default_rng(seed)
    slopes = generator.normal(size=features)

    def part(count: int) -> Part:
        x = generator.normal(size=(count, features))
        y = 5000.0 + 300.0 * (np.tanh(x @ slopes) + 0.2 * generator.normal(size=count))
        return Part(torch.tensor(x, dtype=torch.float32), torch.tensor(y))

    return Split(part(rows), part(37), part(41), (), tuple(f"f{index}" for index in range(features)))


def make_images(rows: int = 83, shape: tuple[int, int, int] = (2, 9, 8), classes: int = 5, seed: int = 0) -> Split:
    """As `make_problem`, of images `[N, C, H, W]`."""
    flat = make_problem(rows, prod(shape), classes, seed)

    def images(part: Part) -> Part:
        return Part(part.x.reshape(-1, *shape), part.y)

    return replace(flat, training=images(flat.training), validation=images(flat.validation), test=images(flat.test))


def block_data(split: Split, dtype: torch.dtype, device: str = "cpu") -> BlockData:
    """A split as a block of stacked networks reads it."""
    return BlockData.of(split, CLASSIFICATION, dtype, torch.device(device), read_test=True)


def make_targets(task: Task, samples: int, outputs: int) -> torch.Tensor:
    """`[N]` targets of a task, as a split holds them; class indices are uneven, and all occur."""
    if task.name == CLASSIFICATION.name:
        return torch.cat([torch.arange(outputs), torch.arange(samples - outputs) ** 2 // 3 % outputs])
    if task.name == REGRESSION.name:
        return 20.0 + 3.0 * torch.randn(samples, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    raise LookupError(f"no targets of the task {task.name!r} are made here; add them, so that its suite can run")


def part_of(y: torch.Tensor) -> Part:
    """A part of samples with these targets, whose features nobody reads."""
    return Part(torch.zeros(len(y), 0), y)
