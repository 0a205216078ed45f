"""Gorishniy et al. 2025, TabM: the accuracy of a plain multilayer perceptron on adult's official test part."""

from __future__ import annotations

from itertools import product

from benchmarks.papers.answer import Answer, Comparison, Tolerance
from benchmarks.papers.material import Material, best_by_validation, train
from search_spaces import Hyperparameters
from study.training import Budget

THEIRS = 0.8540
ACCURACY = Tolerance(within=0.0036, reason="twice their standard deviation over seeds, 0.0018")
RATES, DROPOUTS, LAYERS = (0.0005, 0.002), (0.0, 0.3), ((128, 128), (256, 256, 256))


def gorishniy2025(material: Material) -> list[Answer]:
    """Eight networks, three seeds, at most 15 epochs of 26,000 rows."""
    trials = [
        Hyperparameters(learning_rate=rate, dropout=dropout, hidden=hidden)
        for rate, dropout, hidden in product(RATES, DROPOUTS, LAYERS)
    ]
    budget = Budget(epochs=material.part(15), seeds=3, batch_size=256, patience=5)
    chosen = best_by_validation(train(trials, material.adult(), budget))
    paper = Comparison(
        paper="Gorishniy 2025",
        source="the MLP's accuracy on adult in TabM's report: .8540 ± .0018",
        differences="the best of 8 networks by validation instead of 100 trials of Optuna; their own preprocessing and "
        "split of training rows are not repeated; 3 seeds instead of 15",
    )
    accuracy = [replicate.scores["test_accuracy"] for replicate in chosen.replicates]
    return [paper.near("test accuracy of a multilayer perceptron", THEIRS, accuracy, ACCURACY)]
