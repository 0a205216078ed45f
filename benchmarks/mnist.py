"""Rectifier, tanh and softplus on MNIST, beside Glorot, Bordes and Bengio (2011): `python -m benchmarks.mnist DIR`.

DIR holds the four IDX files. Prints a JSON line an activation and seed.
"""

from __future__ import annotations

import argparse
import json

from search_spaces import Hyperparameters
from study.data import load_dataset, make_split
from study.training import Budget, Streams, fit

INITIALIZATIONS = {"relu": "kaiming_normal", "tanh": "xavier_normal", "softplus": "xavier_normal"}


def main() -> None:
    """Trains three hidden layers of 256 units for each activation and seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    split = make_split(load_dataset(options.folder), seed=0)
    trials = [
        Hyperparameters(activation=activation, initialization=initialization, hidden=(256, 256, 256))
        for activation, initialization in INITIALIZATIONS.items()
    ]
    for seed in range(options.seeds):
        budget = Budget(epochs=options.epochs, seeds=1)
        outcomes = fit(trials, split, budget, Streams(seed), threads=options.threads, read_test=True)
        for trial, outcome in zip(trials, outcomes, strict=True):
            (replicate,) = outcome.replicates
            line = {
                "activation": trial.activation,
                "seed": seed,
                "test_error": round(100 * (1 - replicate.scores["test_accuracy"]), 2),
                "raw_zeros": [round(layer["raw_zeros"], 3) for layer in replicate.test_layers],
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
