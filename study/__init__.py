"""One study, from its configuration to its answer.

The names below are those that programs use most; each is documented in the package that defines it. `study.data` reads
data sets, `study.training` trains networks, `study.model` exports them, and `study.report` shows what a study found.
Names are imported where they are first used.

Example:
    >>> from search_spaces import Hyperparameters
    >>> from study import Budget, Streams, fit, load_dataset, make_split
    >>> split = make_split(load_dataset("iris"), seed=0)
    >>> trials = [Hyperparameters(activation=name, hidden=(16,)) for name in ("relu", "tanh")]
    >>> outcomes = fit(trials, split, Budget(epochs=5, seeds=2), Streams(0))
    >>> [len(outcome.replicates) for outcome in outcomes]
    [2, 2]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reluctant.lazy import lazy_attributes

if TYPE_CHECKING:
    from study.config import StudyConfig
    from study.data import Dataset, Split, load_dataset, make_split
    from study.model import Model, load_model, predict
    from study.report import write_report
    from study.training import Budget, Outcome, Streams, fit

__all__ = [
    "Budget",
    "Dataset",
    "Model",
    "Outcome",
    "Split",
    "Streams",
    "StudyConfig",
    "fit",
    "load_dataset",
    "load_model",
    "make_split",
    "predict",
    "write_report",
]

__getattr__ = lazy_attributes(
    __name__,
    {
        "StudyConfig": ".config",
        "Dataset": ".data",
        "Split": ".data",
        "load_dataset": ".data",
        "make_split": ".data",
        "Model": ".model",
        "load_model": ".model",
        "predict": ".model",
        "write_report": ".report",
        "Budget": ".training",
        "Outcome": ".training",
        "Streams": ".training",
        "fit": ".training",
    },
)


def __dir__() -> list[str]:
    return __all__
