"""Li et al. 2022, The lazy neuron phenomenon: wider layers are sparser, and random labels sparsify too."""

from __future__ import annotations

import numpy as np

from benchmarks.papers.answer import Answer, Comparison
from benchmarks.papers.material import Material, on_hidden_layers, train
from search_spaces import Hyperparameters
from study.training import Budget

WIDTHS = (64, 128, 256, 512, 1024)
SPARSE = 50.0
"""Zeros of a ReLU layer before training, in per cent: half of all, as biases are 0."""


def li2022(material: Material) -> list[Answer]:
    """Five widths, true and shuffled labels, three seeds, 20 epochs of 4,800 images."""
    trials = [
        Hyperparameters(hidden=(width,), learning_rate=0.001, shuffled_targets=shuffled)
        for shuffled in (False, True)
        for width in WIDTHS
    ]
    outcomes = train(trials, material.mnist(7000), Budget(epochs=material.part(20), seeds=3))
    zeros = np.array([on_hidden_layers(outcome, "raw_zeros") for outcome in outcomes])  # [2 · widths, seeds]
    true, shuffled = zeros[: len(WIDTHS)], zeros[len(WIDTHS) :]
    paper = Comparison(
        paper="Li 2022",
        source="abstract, and the figures on widths and on random labels",
        differences="one hidden ReLU layer on 4,800 images of MNIST by Adam at 0.001 for 20 epochs; theirs are mainly "
        "Transformers, T5 and ViT; zeros are those of test images",
    )

    def slope(shares: np.ndarray) -> list[float]:
        return [float(each) for each in np.polyfit(np.log2(WIDTHS), shares, 1)[0]]

    stated = "they state the direction"
    before = "more than the half before training"
    return [
        paper.above("zeros by doubling of width, true labels, points", "wider is sparser", slope(true), 0, stated),
        paper.above("zeros, true labels, widest layer, %", "sparse", true[-1].tolist(), SPARSE, before),
        paper.above("zeros, random labels, widest layer, %", "sparse too", shuffled[-1].tolist(), SPARSE, before),
    ]
