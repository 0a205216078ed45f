"""Glorot, Bordes and Bengio 2011, Deep sparse rectifier neural networks: rectifier, tanh and softplus on MNIST."""

from __future__ import annotations

from benchmarks.papers.answer import Answer, Comparison, Tolerance
from benchmarks.papers.material import Material, best_by_validation, errors, on_hidden_layers, train
from search_spaces import Hyperparameters
from study.training import Budget

ERRORS = {"relu": 1.43, "tanh": 1.57, "softplus": 1.77}
ZEROS = 83.4
INITIALIZATIONS = {"relu": "kaiming_normal", "tanh": "xavier_normal", "softplus": "xavier_normal"}
RATES = (0.01, 0.03)
ERROR = Tolerance(
    within=0.34,
    reason="two standard errors of a difference of two error rates of 1.5 % on 10,000 images each, in points",
)
SPARSITY = Tolerance(within=5.0, reason="points; the penalty is theirs, batches and rates are not")


def glorot2011(material: Material) -> list[Answer]:
    """Three activations, two rates, two seeds, at most 25 epochs of 48,000 images."""
    trials = [
        Hyperparameters(
            activation=activation,
            initialization=INITIALIZATIONS[activation],
            hidden=(1000,) * 3,
            l1=0.001,
            learning_rate=rate,
        )
        for activation in ERRORS
        for rate in RATES
    ]
    budget = Budget(epochs=material.part(25), seeds=2, batch_size=50, optimizer="sgd", patience=4)
    outcomes = train(trials, material.mnist(), budget)
    chosen = {
        activation: best_by_validation(outcomes[len(RATES) * place : len(RATES) * (place + 1)])
        for place, activation in enumerate(ERRORS)
    }
    paper = Comparison(
        paper="Glorot 2011",
        source="table 1, without pre-training; quoted from memory of the paper",
        differences="SGD with momentum in batches of 50 instead of 10; He's initialization for ReLU; at most 25 "
        "epochs; 48,000 training images instead of 50,000; early stopping, the L1 penalty of 0.001 and a rate chosen "
        "by validation as theirs",
    )
    found = {activation: errors(outcome) for activation, outcome in chosen.items()}
    answers = [paper.near(f"test error, {name}, %", ERRORS[name], values, ERROR) for name, values in found.items()]
    for name in ("tanh", "softplus"):
        gained = [other - relu for other, relu in zip(found[name], found["relu"], strict=True)]
        theirs = round(ERRORS[name] - ERRORS["relu"], 2)
        answers.append(paper.above(f"test error, {name} - relu, points", theirs, gained, 0, "they state the order"))
    zeros = on_hidden_layers(chosen["relu"], "raw_zeros")
    return [*answers, paper.near("zeros of hidden layers, relu, %", ZEROS, zeros, SPARSITY)]
