"""Searching by cross-validation inside of scikit-learn: `ReluctantClassifier` against two searches over networks.

    pip install -c constraints.txt -e '.[benchmarks]'
    python -m benchmarks.estimators [--data digits] [--candidates 100] [--folds 5] [--epochs 30] [--runs 3]

Each way searches so many candidates over so many folds on three quarters of the rows, trains the best once more on all
of these, and is scored on the other quarter. Every run divides the rows anew, and the ways take turns, each in a
process of its own that has trained something before. All use every core.

- `reluctant`: `ReluctantClassifier(cv=…, seeds=1, objective="accuracy")` on its default space and network.
- `halving`: the same with `pruner="halving"` and cohorts of 32, so that brackets have their usual size.
- `optuna`: `OptunaSearchCV`, in threads, over a pipeline of a scaler and a `skorch.NeuralNetClassifier`: the same
  network, optimizer, batches, epochs and search space.
- `mlp`: `RandomizedSearchCV`, in processes, over a pipeline of a scaler and an `MLPClassifier` of the same layers,
  batches and epochs: what that estimator has of the question, its activations and penalty.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.hardware import spread, taken
from benchmarks.stock import ACTIVATION_NAMES, INITIALIZATION_NAMES, network
from study.data import load_dataset
from study.machine import available_threads

HIDDEN, BATCH_SIZE, LEARNING_RATE = (64, 64), 64, 0.001


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is searched, whichever way.

    Attributes:
        data: Data set; its features are numbers.
        candidates: Configurations.
        folds: Folds of the cross-validation.
        epochs: Passes over the training rows of a fold.
        seed: Seed of the division into training and test rows, and of the search.
    """

    data: str
    candidates: int
    folds: int
    epochs: int
    seed: int

    def parts(self) -> tuple[Any, Any, Any, Any]:
        """Training and test rows, and their classes."""
        from sklearn.model_selection import train_test_split

        dataset = load_dataset(self.data)
        x = np.asarray(dataset.x, dtype=np.float64)
        parts = train_test_split(x, dataset.y, test_size=0.25, random_state=self.seed, stratify=dataset.y)
        return tuple(parts)


def reluctant(recipe: Recipe) -> tuple[float, float]:
    """Our estimator: seconds and accuracy on the test rows."""
    return _ours(recipe)


def halving(recipe: Recipe) -> tuple[float, float]:
    """Our estimator, which stops the worse two thirds of the candidates at three epochs."""
    return _ours(recipe, pruner="halving", cohort=32)


def _ours(recipe: Recipe, **options: Any) -> tuple[float, float]:
    from reluctant import ReluctantClassifier

    model = ReluctantClassifier(
        trials=recipe.candidates,
        cv=recipe.folds,
        seeds=1,
        epochs=recipe.epochs,
        hidden=HIDDEN,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        objective="accuracy",
        random_state=recipe.seed,
        n_jobs=-1,
        **options,
    )
    return _timed(model, recipe)


def optuna(recipe: Recipe) -> tuple[float, float]:
    """`OptunaSearchCV` over skorch's estimator."""
    import torch
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.logging import WARNING, set_verbosity
    from optuna_integration import OptunaSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from skorch import NeuralNetClassifier

    set_verbosity(WARNING)
    torch.set_num_threads(1)  # these networks are too small for more, and trials fill the cores
    x, _, y, _ = recipe.parts()
    net = NeuralNetClassifier(
        network,
        module__widths=(x.shape[1], *HIDDEN, len(np.unique(y))),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=BATCH_SIZE,
        max_epochs=recipe.epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    prefix = "neuralnetclassifier__module__"
    space = {
        f"{prefix}name": CategoricalDistribution(ACTIVATION_NAMES),
        f"{prefix}slope": FloatDistribution(0.01, 0.7, log=True),
        f"{prefix}rule": CategoricalDistribution(INITIALIZATION_NAMES),
        f"{prefix}rate": FloatDistribution(0.0, 0.6),
    }
    pipeline = make_pipeline(StandardScaler(), FunctionTransformer(_as_float32), net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # OptunaSearchCV is marked as experimental
        search = OptunaSearchCV(
            pipeline,
            space,
            cv=recipe.folds,
            n_trials=recipe.candidates,
            n_jobs=available_threads(),
            random_state=recipe.seed,
        )
        return _timed(search, recipe)


def mlp(recipe: Recipe) -> tuple[float, float]:
    """`RandomizedSearchCV` over scikit-learn's network."""
    from scipy.stats import loguniform
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import RandomizedSearchCV
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    net = MLPClassifier(HIDDEN, batch_size=BATCH_SIZE, learning_rate_init=LEARNING_RATE, max_iter=recipe.epochs)
    space = {
        "mlpclassifier__activation": ["relu", "tanh", "logistic"],
        "mlpclassifier__alpha": loguniform(1e-6, 1e-1),
    }
    search = RandomizedSearchCV(
        make_pipeline(StandardScaler(), net.set_params(random_state=recipe.seed)),
        space,
        n_iter=recipe.candidates,
        cv=recipe.folds,
        n_jobs=available_threads(),
        random_state=recipe.seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # all ways train so many epochs, and no more
        return _timed(search, recipe)


def _as_float32(x: Any) -> Any:
    return x.astype(np.float32)


def _timed(model: Any, recipe: Recipe) -> tuple[float, float]:
    """Seconds of a fit, and accuracy on the test rows."""
    x, x_test, y, y_test = recipe.parts()
    started = time.perf_counter()
    model.fit(x, y)
    return time.perf_counter() - started, float(model.score(x_test, y_test))


WAYS: tuple[Callable[[Recipe], tuple[float, float]], ...] = (reluctant, halving, optuna, mlp)


def main() -> None:
    """Runs the benchmark, prints a table, writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/estimators.json"))
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    processes = {way: ProcessPoolExecutor(max_workers=1, mp_context=context) for way in WAYS}
    rows: list[dict[str, Any]] = []
    for run in range(-1, options.runs):
        small = run < 0  # what the first training of a process loads
        recipe = Recipe(
            data=options.data,
            candidates=2 if small else options.candidates,
            folds=2 if small else options.folds,
            epochs=2 if small else options.epochs,
            seed=max(0, run),
        )
        found = {}
        for place in range(len(WAYS)):
            way = WAYS[(place + run) % len(WAYS)]
            found[way.__name__] = processes[way].submit(way, recipe).result()
        if not small:
            rows.append({"run": run} | {name: {"seconds": s, "test": t} for name, (s, t) in found.items()})
            print(", ".join(f"{name} {s:.1f} s, test {t:.4f}" for name, (s, t) in sorted(found.items())), flush=True)
    report = taken("python -m benchmarks.estimators") | vars(options) | {"output": None, "rows": rows}
    report["summary"] = summary(rows)
    print(json.dumps(report["summary"], indent=1))
    options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for process in processes.values():
        process.shutdown()  # waits for the processes of joblib, which end after five idle minutes


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each other way, how many times as long it takes as ours, and by how many points of test accuracy we lead."""
    return {
        f"{other} / {ours}": {
            "times_as_long": spread([row[other]["seconds"] / row[ours]["seconds"] for row in rows]),
            "test_of_ours_minus_theirs": fmean(100 * (row[ours]["test"] - row[other]["test"]) for row in rows),
        }
        for ours in ("reluctant", "halving")
        for other in ("optuna", "mlp")
    }


if __name__ == "__main__":
    main()
