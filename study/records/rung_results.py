"""What trials had at the rungs of a study, as attributes of the trials, and as decisions and samplers read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from study.records.attributes import RUNGS

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from study.training.rungs import RungResult


def rungs_attribute(results: Mapping[int, RungResult]) -> dict[str, Any]:
    """The system attribute that stores what a trial had at each rung, by epoch; none where it reached no rung.

    Example:
        >>> from study.training.rungs import RungResult
        >>> rungs_attribute({3: RungResult((0.9, 0.5), violation=-0.2)})
        {'reluctant:rungs': [[3, -0.2, [0.9, 0.5]]]}
    """
    rows = [[epoch, result.violation, list(result.values)] for epoch, result in sorted(results.items())]
    return {RUNGS: rows} if rows else {}


def rung_results(trial: FrozenTrial) -> dict[int, RungResult]:
    """What a trial had at each rung that it reached, by epoch, ascending; empty for trials that do not compete.

    Args:
        trial: A trial that was read with its attribute `RUNGS`.
    """
    from study.training.rungs import RungResult

    return {
        int(epoch): RungResult(tuple(values), violation)
        for epoch, violation, values in trial.system_attrs.get(RUNGS, ())
    }
