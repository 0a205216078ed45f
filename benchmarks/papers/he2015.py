"""He et al. 2015, Delving deep into rectifiers: thirty ReLU layers train from He's start, and not from Xavier's."""

from __future__ import annotations

import math

from benchmarks.papers.answer import Answer, Comparison, Tolerance
from benchmarks.papers.material import Material
from search_spaces import Hyperparameters
from study.data import Split, load_dataset, make_split
from study.training import Budget, Outcome, Streams, fit

STALLED = Tolerance(within=0.01, reason="the loss of guessing among ten classes is ln 10; stalled means not below it")
LEARNS = 50.0
"""Accuracy in per cent, of ten classes: five times that of a guess."""


def thirty_layers(split: Split, *, epochs: int, seeds: int) -> list[Outcome]:
    """Thirty ReLU layers of 64 units by SGD: from He's initialization, and from Xavier's with gain 1."""
    return fit(
        [
            Hyperparameters(initialization=name, hidden=(64,) * 30, learning_rate=0.003)
            for name in ("kaiming_normal", "xavier_normal")
        ],
        split,
        Budget(epochs=epochs, seeds=seeds, optimizer="sgd"),
        Streams(0),
    )


def he2015(material: Material) -> list[Answer]:
    """Ten epochs, three seeds."""
    he, xavier = thirty_layers(make_split(load_dataset("digits"), seed=0), epochs=material.part(10), seeds=3)
    paper = Comparison(
        paper="He 2015",
        source="section 2.2 and figure 3, right",
        differences="30 dense layers of 64 units on scikit-learn's digits, 10 epochs of SGD; theirs is a convolutional "
        "network of 30 layers on ImageNet",
    )
    accuracy = [100 * replicate.scores["accuracy"] for replicate in he.replicates]
    loss = [replicate.curves["training_loss"][-1] for replicate in xavier.replicates]
    return [
        paper.above("validation accuracy from He's, %", "converges", accuracy, LEARNS, "five times that of a guess"),
        paper.near("training loss from Xavier's (stalls: ln 10)", round(math.log(10), 4), loss, STALLED),
    ]
