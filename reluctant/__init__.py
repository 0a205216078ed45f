"""Which activation, slope, initialization and dropout a network should use, by measurement on your data.

`run` searches, `compare` tests claims, `load` opens what exists, `load_model` reads a trained network. Names are
imported where they are first used, so that importing the package is fast.

Example:
    >>> import tempfile
    >>> import reluctant
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     options = {"trials": 8, "cohort": 4, "seeds": 1, "epochs": 5, "storage": f"{folder}/studies.db"}
    ...     with reluctant.run("iris", progress=False, **options) as study:
    ...         labels = study.model("best").predict([[5.1, 3.5, 1.4, 0.2]])
    >>> len(labels)
    1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reluctant.errors import ReluctantError, ReluctantWarning, nearest, unknown
from reluctant.lazy import lazy_attributes

if TYPE_CHECKING:
    from reluctant.interface.comparison import ComparisonStudy, compare
    from reluctant.interface.estimator import ReluctantClassifier, ReluctantRegressor
    from reluctant.interface.model import TrainedModel, load_model
    from reluctant.interface.opening import load
    from reluctant.interface.search_estimator import SearchEstimator
    from reluctant.interface.study import Study, run
    from reluctant.interface.trial import Trial

__all__ = [
    "ComparisonStudy",
    "ReluctantClassifier",
    "ReluctantError",
    "ReluctantRegressor",
    "ReluctantWarning",
    "SearchEstimator",
    "Study",
    "TrainedModel",
    "Trial",
    "__version__",
    "compare",
    "load",
    "load_model",
    "nearest",
    "run",
    "unknown",
]

__version__ = "0.1.0"

__getattr__ = lazy_attributes(
    __name__,
    {
        "ComparisonStudy": ".interface.comparison",
        "compare": ".interface.comparison",
        "ReluctantClassifier": ".interface.estimator",
        "ReluctantRegressor": ".interface.estimator",
        "TrainedModel": ".interface.model",
        "load_model": ".interface.model",
        "load": ".interface.opening",
        "SearchEstimator": ".interface.search_estimator",
        "Study": ".interface.study",
        "run": ".interface.study",
        "Trial": ".interface.trial",
    },
)


def __dir__() -> list[str]:
    return __all__
