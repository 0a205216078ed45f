"""How images lie in their sources, and how they reach networks that read images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from study.data import Dataset, load_dataset, prepare, sample_rows
from study.data.images import ImageLayout


def _pixels(count: int = 20) -> np.ndarray:
    """`[N, 5, 6, 3]` distinct pixels."""
    return np.random.default_rng(0).normal(size=(count, 5, 6, 3))


def _written(folder: Path, x: np.ndarray) -> Dataset:
    path = folder / "images.npz"
    np.savez(path, x=x, y=np.arange(len(x)) % 2)
    return load_dataset(str(path))


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((28, 28), ImageLayout(1, 28, 28)),
        ((28, 28, 1), ImageLayout(1, 28, 28, channels_last=True)),
        ((1, 28, 28), ImageLayout(1, 28, 28)),
        ((32, 48, 3), ImageLayout(3, 32, 48, channels_last=True)),
        ((3, 32, 48), ImageLayout(3, 32, 48)),
        ((13, 64, 64), ImageLayout(13, 64, 64)),
        ((784,), None),
        ((4, 4, 4, 4), None),
    ],
)
def test_the_axes_of_a_sample_say_where_its_channels_are(shape: tuple[int, ...], layout: ImageLayout | None) -> None:
    assert ImageLayout.of(shape) == layout


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 3, 1, 2)], ids=["channels last", "channels first"])
def test_images_reach_the_network_channel_by_channel(tmp_path: Path, axes: tuple[int, ...]) -> None:
    x = _pixels()
    dataset = _written(tmp_path, x.transpose(axes))
    prepared = prepare(dataset, seed=0, as_images=True)
    images = x.transpose(0, 3, 1, 2)[prepared.rows.training]
    expected = (images - images.mean()) / images.std()
    torch.testing.assert_close(prepared.split.training.x, torch.from_numpy(expected).float())
    assert prepared.preprocessing.input_shape == (3, 5, 6)


def test_the_names_of_pixels_are_in_the_order_of_the_inputs(tmp_path: Path) -> None:
    x = np.zeros((20, 5, 6, 3))
    x[:, 1, 2, 2] = 1.0  # pixel (1 · 6 + 2) · 3 + 2 of the file
    prepared = prepare(_written(tmp_path, x), seed=0, as_images=True)
    flat = prepared.split.training.x.flatten(1)
    assert prepared.split.features[int(flat[0].argmax())] == "pixel26"
    assert prepared.split.training.x[0, 2].argmax() == 1 * 6 + 2


def test_without_images_pixels_keep_the_order_of_the_file(tmp_path: Path) -> None:
    dataset = _written(tmp_path, _pixels())
    bare = replace(dataset, image=None)
    flat, expected = prepare(dataset, seed=0).split, prepare(bare, seed=0).split
    assert torch.equal(flat.training.x, expected.training.x)
    assert flat.features == tuple(f"pixel{index}" for index in range(90))


def test_digits_are_images_of_eight_rows_also_in_part() -> None:
    digits = load_dataset("digits")
    assert sample_rows(digits, 200, seed=0).image == digits.image == ImageLayout(1, 8, 8)


def test_a_test_part_of_no_rows_has_the_shape_of_the_others() -> None:
    digits = replace(load_dataset("digits"), test_rows=np.array([], dtype=np.int64))
    assert prepare(digits, seed=0, as_images=True).split.test.x.shape == (0, 1, 8, 8)
