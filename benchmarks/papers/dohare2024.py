"""Dohare et al. 2024, Loss of plasticity in deep continual learning: units die while the inputs are permuted anew."""

from __future__ import annotations

from benchmarks.papers.answer import Answer, Comparison
from benchmarks.papers.material import Material, on_hidden_layers, train
from search_spaces import Hyperparameters
from study.training import Budget

RATES = (0.001, 0.003, 0.01)
"""Theirs; here with momentum 0.9 and batches of 16, which move a weight about as far for each sample as theirs do."""


def dohare2024(material: Material) -> list[Answer]:
    """Three rates, three seeds, a hundred tasks of 4,800 images in one pass each."""
    tasks, split = max(2, material.part(100)), material.mnist(7000)
    networks = [Hyperparameters(hidden=(100,) * 3, learning_rate=rate) for rate in RATES]
    first = train(networks, split, Budget(epochs=1, seeds=3, batch_size=16, optimizer="sgd"))
    drifting = [Hyperparameters(hidden=(100,) * 3, learning_rate=rate, input_orders=tasks) for rate in RATES]
    last = train(drifting, split, Budget(epochs=tasks, seeds=3, batch_size=16, optimizer="sgd"))
    paper = Comparison(
        paper="Dohare 2024",
        source="extended data figure 3, Online Permuted MNIST",
        differences=f"three layers of 100 units instead of 2,000; {tasks} tasks of 4,800 images instead of 800 of "
        "60,000; momentum 0.9 and batches of 16 instead of single images; accuracy on test images after a task instead "
        "of online",
    )
    dead = [[on_hidden_layers(outcome, "dead") for outcome in each] for each in (first, last)]
    rises = [_less(after, before) for before, after in zip(*dead, strict=True)]
    accuracy = [
        [100 * replicate.scores["test_accuracy"] for replicate in each[-1].replicates] for each in (first, last)
    ]
    stated, largest = "they state the direction", f"rate {RATES[-1]:g}"
    return [
        paper.above(f"dead units, last task - first, {largest}, points", "rises", rises[-1], 0, stated),
        paper.above(
            f"rise of dead units, rate {RATES[-1]:g} - rate {RATES[0]:g}, points",
            "more at larger rates",
            _less(rises[-1], rises[0]),
            0,
            stated,
        ),
        paper.above(f"accuracy, first task - last, {largest}, points", "falls", _less(*accuracy), 0, stated),
    ]


def _less(these: list[float], others: list[float]) -> list[float]:
    return [one - other for one, other in zip(these, others, strict=True)]
