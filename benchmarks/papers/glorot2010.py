"""Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward networks: five layers on MNIST."""

from __future__ import annotations

from benchmarks.papers.answer import Answer, Comparison, Tolerance
from benchmarks.papers.material import Material, best_by_validation, errors, train
from search_spaces import Hyperparameters
from study.training import Budget

NETWORKS = {
    "tanh": ("tanh", "torch_default", 5, 1.76),
    "tanh, normalized initialization": ("tanh", "xavier_uniform", 5, 1.64),
    "softsign": ("softsign", "torch_default", 5, 1.64),
    "sigmoid": ("sigmoid", "torch_default", 4, 2.21),
}
"""Activation, initialization, hidden layers and test error in per cent."""
RATES = (0.01, 0.05)
ERROR = Tolerance(
    within=0.37,
    reason="two standard errors of a difference of two error rates of 1.75 % on 10,000 images each, in points",
)


def glorot2010(material: Material) -> list[Answer]:
    """Four networks, two rates, two seeds, at most 10 epochs of 48,000 images."""
    trials = [
        Hyperparameters(activation=activation, initialization=start, hidden=(200,) * depth, learning_rate=rate)
        for activation, start, depth, _ in NETWORKS.values()
        for rate in RATES
    ]
    budget = Budget(epochs=material.part(10), seeds=2, batch_size=50, optimizer="sgd", patience=4)
    outcomes = train(trials, material.mnist(), budget)
    found = {
        name: errors(best_by_validation(outcomes[len(RATES) * place : len(RATES) * (place + 1)]))
        for place, name in enumerate(NETWORKS)
    }
    paper = Comparison(
        paper="Glorot 2010",
        source="table 1, MNIST",
        differences="hidden layers of 200 units instead of 1,000; SGD with momentum in batches of 50 instead of 10; at "
        "most 10 epochs; biases start in ±1/√n as weights do, instead of at 0, but for the normalized one",
    )
    answers = [
        paper.near(f"test error, {name}, %", NETWORKS[name][-1], values, ERROR) for name, values in found.items()
    ]
    normalized = found["tanh, normalized initialization"]
    for name in ("tanh", "sigmoid"):
        gained = [other - best for other, best in zip(found[name], normalized, strict=True)]
        theirs = round(NETWORKS[name][-1] - NETWORKS["tanh, normalized initialization"][-1], 2)
        quantity = f"test error, {name} - tanh with normalized initialization, points"
        answers.append(paper.above(quantity, theirs, gained, 0, "they state the order"))
    return answers
