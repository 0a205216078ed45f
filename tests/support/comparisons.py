"""Finished comparisons as values, for tests of what is made of several of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from search_spaces.design import LINEAR
from study.comparison.claims import CLAIMS, LEVEL
from study.comparison.summary import CellSummary, ComparisonSummary
from study.comparison.verdicts import ClaimVerdict, estimate_contrast

NAMES = ("relu", "tanh", "elu", LINEAR)


def comparison(name: str, accuracies: tuple[float, ...], effect: float) -> ComparisonSummary:
    verdicts = []
    for claim in CLAIMS:
        estimates = tuple(estimate_contrast(part, effect + np.array([-0.1, 0.1]), 1 / 3) for part in claim.contrasts)
        verdicts.append(
            ClaimVerdict(claim.id, claim.statement, claim.read_on, claim.association, 1.0, estimates[0], estimates)
        )
    cells = tuple(
        CellSummary(activation, None, "kaiming_normal", 0.0, None, 2, accuracy, None, (accuracy,), 0.0)
        for activation, accuracy in zip(NAMES, accuracies, strict=True)
    )
    return summary(name=name, data=name, seeds=2, epochs=1, verdicts=tuple(verdicts), accuracy_by_activation=cells)


def summary(**changes: Any) -> ComparisonSummary:
    """A comparison without verdicts and cells, but for what is given."""
    usual: dict[str, Any] = {"name": "a", "data": "iris", "seeds": 3, "streams": 3, "rates": (0.001, 0.01)}
    usual |= {"at_edges": (0.0, 0.0), "epochs": 2, "ratio": 1 / 3, "variance": "measured", "level": LEVEL}
    usual |= {"machine": None, "verdicts": (), "accuracy_by_activation": (), "slope_response": ()}
    usual |= dict.fromkeys(("initialization_by_activation", "dropout_by_activation", "depth_by_activation"), ())
    return ComparisonSummary(**(usual | changes))
